"""Two arms of a study, paired by seed: the difference, an interval, and the words that the numbers allow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Comparison:
    """``difference``: mean of first minus second over the pairs; ``low`` and ``high``: its confidence interval."""

    difference: float
    low: float
    high: float
    pairs: int
    confidence: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval excludes 0, else 0: no difference that these runs can show. An interval of no
        width (the same difference in every pair, as on small test sets) says nothing about its own error: 0 too."""
        width = self.high - self.low
        return 0 if width < 1e-9 else int(self.low > 0) - int(self.high < 0)  # roundings alone make some 1e-17

    def interval(self, form: str = "+.2f", scale: float = 100) -> str:
        """``low`` to ``high``, of shares in percentage points, of other quantities with the ``scale`` 1."""
        return f"{scale * self.low:{form}} to {scale * self.high:{form}}"

    def sentence(self, first: str, second: str, quantity: str) -> str:
        """One sentence about the two arms. Shares are given in percentage points."""
        measured = (
            f"{100 * self.difference:+.2f} percentage points ({self.confidence:.0%} interval {self.interval()}, "
            f"{self.pairs} paired seeds)"
        )
        if self.sign == 0:
            return (
                f"Between the {first} and the {second} there is no difference in {quantity} that these runs can "
                f"show: {measured}."
            )
        word = "higher" if self.sign > 0 else "lower"
        return f"The {quantity} of the {first} is {word} than that of the {second}: {measured}."


def paired(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Comparison:
    """Student's interval for the mean of the paired differences (the same seed in both arms).

    Raises:
        ValueError: fewer than two pairs, lengths that differ, or values that are not finite.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"{len(first)} and {len(second)} values; a paired comparison needs two or more of each")
    differences = np.subtract(first, second)
    if not np.isfinite(differences).all():
        raise ValueError(f"the differences {differences.tolist()} are not all finite")
    mean, error = differences.mean(), stats.sem(differences)
    reach = error * stats.t.ppf((1 + confidence) / 2, len(differences) - 1)
    return Comparison(float(mean), float(mean - reach), float(mean + reach), len(differences), confidence)
