"""Two arms of a study: their difference, how far chance could have moved it, and the words that the numbers allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf, isfinite, isnan, nan

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from hw3.show.tables import Table, minus, table
from hw3.studies.run import Result
from hw3.theory.sizes import whole
from hw3.train.losses import checked_classes

CONFIDENCE = 0.95  # of every interval
CHANCE = 2.0  # standard errors above a guess's accuracy below which a network counts as guessing
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Comparison:
    """First arm minus second. ``over_seeds`` and ``over_images`` are half-widths of confidence intervals, over the
    paired seeds (NaN for a single one) and over the test images; ``failed`` says of each arm which seeds ended
    no better than a guess.

    Accuracies and their differences are shares, losses are nats.
    """

    difference: float
    over_seeds: float
    over_images: float
    by_seed: tuple[float, ...]
    measure: str = "accuracy"
    failed: tuple[str, str] = ("", "")

    @property
    def visible(self) -> float:
        """The smallest measured difference that counts as shown: both half-widths, added in quadrature. A true
        difference of that size is missed about half of the time."""
        return hypot(self.over_seeds, self.over_images)

    @property
    def low(self) -> float:
        return self.difference - self.visible

    @property
    def high(self) -> float:
        return self.difference + self.visible

    @property
    def sign(self) -> int:
        """1 or -1 where the interval excludes 0 and no run failed, else 0. An interval of no width says
        nothing about its own error: 0 too."""
        if any(self.failed) or not self.visible > 0:
            return 0
        return int(self.low > 0) - int(self.high < 0)

    @property
    def sign_by_images(self) -> int:
        """The same for the test images alone: all that counts between two networks when no others are asked about."""
        if any(self.failed):
            return 0
        return int(self.difference > self.over_images > 0) - int(-self.difference > self.over_images > 0)

    @property
    def word(self) -> str:
        if any(self.failed):
            return "diverged"
        return "one seed" if isnan(self.over_seeds) else {1: "higher", 0: "not shown", -1: "lower"}[self.sign]

    @property
    def unit(self) -> str:
        return "points" if self.measure == "accuracy" else "nats"

    def amount(self, value: float, signed: bool = True) -> str:
        """``value`` as it is measured: shares in percentage points, losses in nats."""
        if not isfinite(value):
            return "not finite"
        scaled, form = (100 * value, ".2f") if self.measure == "accuracy" else (value, ".3f")
        return minus(f"{scaled:{'+' if signed else ''}{form}}")

    @property
    def interval(self) -> str:
        return "unknown" if isnan(self.visible) else f"{self.amount(self.low)} to {self.amount(self.high)}"

    @property
    def measured(self) -> str:
        """The difference with its unit and interval."""
        interval = "" if isnan(self.visible) else f", {CONFIDENCE:.0%} interval {self.interval}"
        return f"{self.amount(self.difference)} {self.unit}{interval}"

    def _repr_markdown_(self) -> str:
        return summary({"first − second": self})._repr_markdown_()


def compare(
    first: Sequence[Result], second: Sequence[Result], targets: Tensor, measure: str = "accuracy"
) -> Comparison:
    """Two arms on the same test images with labels ``targets`` (N,), paired by seed; ``measure`` is "accuracy" or
    "loss".

    Raises:
        ValueError: arms of different seeds, precision, processors, data or parts; no runs; an unknown measure.
    """
    _same_conditions([first, second])
    seeds = [result.seed for result in first]
    return compare_logits([r.logits for r in first], [r.logits for r in second], targets, measure, seeds)


def compare_logits(
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    targets: Tensor,
    measure: str = "accuracy",
    seeds: Sequence[int] | None = None,
) -> Comparison:
    """The same for logits (N, classes), one for each seed; what has no seeds stands in every place of its arm."""
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(f"{len(first)} and {len(second)} networks; a pairing needs the same number, 1 or more")
    seeds = range(len(first)) if seeds is None else seeds
    if len(seeds) != len(first):
        raise ValueError(f"there are {len(first)} networks in an arm and {len(seeds)} seeds; each needs its own")
    failed = (_failed(first, targets, seeds), _failed(second, targets, seeds))
    values = _by_image(first, targets, measure), _by_image(second, targets, measure)
    return _of_values(*values, measure, failed)


def contrast(
    first: tuple[Sequence[Result], Sequence[Result]], second: tuple[Sequence[Result], Sequence[Result]], targets: Tensor
) -> Comparison:
    """The gain in accuracy of one pair of arms minus that of another: (a - b) - (c - d), by seed and by image."""
    _same_conditions([*first, *second])
    gain, other = ([[r.logits for r in arm] for arm in pair] for pair in (first, second))
    return contrast_logits(gain, other, targets, [r.seed for r in first[0]])


def contrast_logits(
    first: Sequence[Sequence[Tensor]],
    second: Sequence[Sequence[Tensor]],
    targets: Tensor,
    seeds: Sequence[int] | None = None,
) -> Comparison:
    """The same for two pairs of arms of logits (N, classes), one for each seed."""
    arms = [*first, *second]
    if len(set(map(len, arms))) > 1:
        raise ValueError(
            f"the arms have {', '.join(str(len(arm)) for arm in arms)} networks; each needs the same number"
        )
    a, b, c, d = (_by_image(arm, targets, "accuracy") for arm in arms)
    broken = [_failed(arm, targets, range(len(arm)) if seeds is None else seeds) for arm in arms]
    failed = (" and ".join(filter(None, broken[:2])), " and ".join(filter(None, broken[2:])))
    return _of_values(a - b, c - d, "accuracy", failed)


def paired(first: Sequence[float], second: Sequence[float], tests: int | None = None) -> Comparison:
    """Two arms of which only the accuracies by seed are known. With ``tests``, the number of test images, they get the
    half-width of two independent samples of that size; both arms saw the same images, so it is if anything too wide.

    Raises:
        ValueError: lengths that differ, or nothing to compare.
    """
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(f"{len(first)} and {len(second)} values; a pairing needs the same number, 1 or more")
    a, b = np.asarray(first, float), np.asarray(second, float)
    for value in (*a.tolist(), *b.tolist()):
        if value < 0 or 1 < value < inf:
            raise ValueError(f"an accuracy is {value:g}; it must be a share, from 0 to 1")
    images = 0.0
    if tests is not None:
        tests = whole("tests", tests)
        variance = sum(p * (1 - p) / tests for p in (a.mean(), b.mean()))
        images = float(stats.norm.ppf((1 + CONFIDENCE) / 2) * variance**0.5)
    failed = tuple("" if np.isfinite(values).all() else "has a value that is not finite" for values in (a, b))
    by_seed = tuple((a - b).tolist())
    return Comparison(float((a - b).mean()), _half_width(a - b), images, by_seed, failed=(failed[0], failed[1]))


def _same_conditions(arms: Sequence[Sequence[Result]]) -> None:
    if not all(arms):
        raise ValueError("an arm has no runs; give one or more, the same seeds in each")
    conditions = {
        "seeds": lambda arm: [r.seed for r in arm],
        "precision": lambda arm: sorted({r.precision for r in arm}),
        "processors": lambda arm: sorted({r.capability for r in arm}),
        "data": lambda arm: sorted({r.what["data"]["digest"] for r in arm}),
        "parts": lambda arm: sorted({r.what["split"]["digest"] for r in arm}),
    }
    for name, of in conditions.items():
        for arm in arms:
            mixed = name != "seeds" and len(of(arm)) > 1
            if mixed or of(arm) != of(arms[0]):
                pair = f"{arms[0][0].name} has {of(arms[0])}, {arm[0].name} has {of(arm)}"
                raise ValueError(f"the arms differ in {name}: {pair}; compare arms of the same {name}")


def _by_image(logits: Sequence[Tensor], targets: Tensor, measure: str) -> np.ndarray:
    """(seeds, images): right (1) or wrong (0), or the cross-entropy in nats."""
    if measure not in ("accuracy", "loss"):
        raise ValueError(f"the measure is {measure!r}; it must be accuracy or loss")
    for z in logits:
        checked_classes(z, targets)
    if measure == "accuracy":
        return np.array([(z.argmax(1) == targets).double().numpy() for z in logits])
    return np.array([F.cross_entropy(z.float(), targets, reduction="none").double().numpy() for z in logits])


def _failed(logits: Sequence[Tensor], targets: Tensor, seeds: Sequence[int]) -> str:
    """Which seeds are not finite, or are right no more often than a guess may well be."""
    broken: dict[str, list[str]] = {}
    for z, seed in zip(logits, seeds, strict=True):
        guess = 1 / z.shape[1]
        limit = guess + CHANCE * (guess * (1 - guess) / len(targets)) ** 0.5
        if not torch.isfinite(z).all():
            broken.setdefault("gave numbers that are not finite", []).append(str(seed))
        elif (z.argmax(1) == targets).double().mean().item() <= limit:
            broken.setdefault("stayed at chance level", []).append(str(seed))
    return " and ".join(f"{what} with seed{'s' * (len(n) > 1)} {', '.join(n)}" for what, n in broken.items())


def _of_values(first: np.ndarray, second: np.ndarray, measure: str, failed: tuple[str, str]) -> Comparison:
    by_seed, by_image = (first - second).mean(1), (first - second).mean(0)
    half_widths = _half_width(by_seed), _half_width(by_image)
    return Comparison(float(by_seed.mean()), *half_widths, tuple(by_seed.tolist()), measure, failed)


def _half_width(differences: np.ndarray) -> float:
    """Of Student's interval for the mean of paired ``differences``; NaN for a single one."""
    if len(differences) < 2:
        return nan
    with np.errstate(invalid="ignore"):  # of infinite losses
        error = differences.std(ddof=1) / len(differences) ** 0.5
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(differences) - 1) * error)
    return 0.0 if half < 1e-12 else half  # roundings alone


def between(
    named: dict[str, list[Result]], pairs: Sequence[tuple[str, str]], targets: Tensor, measure: str = "accuracy"
) -> dict[str, Comparison]:
    """A comparison for each pair of names, under "first − second", over the seeds that both have."""
    for name in (name for pair in pairs for name in pair if name not in named):
        raise ValueError(f"there is no arm {name!r}; there are {', '.join(named)}")
    arms = {f"{a} − {b}": in_common(named[a], named[b]) for a, b in pairs}
    return {name: compare(*pair, targets, measure) for name, pair in arms.items()}


def in_common(first: Sequence[Result], second: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Of two arms the runs of the seeds that both have, where one was recorded with more of them."""
    seeds = {r.seed for r in first} & {r.seed for r in second}
    return [r for r in first if r.seed in seeds], [r for r in second if r.seed in seeds]


def summary(comparisons: dict[str, Comparison]) -> Table:
    """One line for each comparison: what was measured, and what it shows."""
    if not comparisons:
        raise ValueError("there is no comparison to sum up; give at least one")
    first = next(iter(comparisons.values()))
    header = ("comparison", f"difference ({first.unit})", f"{CONFIDENCE:.0%} interval", "shown")
    return table(header, ((name, c.amount(c.difference), c.interval, c.word) for name, c in comparisons.items()))


def summaries(accuracies: dict[str, Comparison], losses: dict[str, Comparison]) -> Table:
    """The same for two measures beside each other: each difference with the half-width of its interval."""
    header = ("comparison", "accuracy (points)", "shown", "loss (nats)", "shown")
    return table(header, ((n, *_cells(c), *_cells(losses[n])) for n, c in accuracies.items()))


def _cells(c: Comparison) -> tuple[str, str]:
    half = "" if isnan(c.visible) else f" ± {c.amount(c.visible, signed=False)}"
    return c.amount(c.difference) + half, c.word


def sentence(c: Comparison, first: str, second: str, quantity: str) -> str:
    """What the numbers allow to say about the ``quantity`` of the ``first`` arm and the ``second``."""
    if c.word == "diverged":
        broken = " and ".join(
            f"the {name} {what}" for name, what in zip((first, second), c.failed, strict=True) if what
        )
        each = ", ".join(c.amount(d) for d in c.by_seed)
        return f"There is no verdict on the {quantity}: {broken}. By seed the difference is {each} {c.unit}."
    if c.word == "one seed":
        half = f"{c.amount(c.over_images, signed=False)} {c.unit}"
        over = f", ± {half} for the choice of test images" if c.over_images > 0 else ""
        if c.sign_by_images:
            word = "higher" if c.sign_by_images > 0 else "lower"
            return (
                f"On these test images the {quantity} of the {first} is {word} than that of the {second}: "
                f"{c.amount(c.difference)} {c.unit}{over}. That is one seed; how far another moves it is not known."
            )
        return (
            f"One seed cannot tell the {quantity} of the {first} from that of the {second}: the difference is "
            f"{c.amount(c.difference)} {c.unit} here{over}, and how far another seed would move it is not known."
        )
    if c.sign:
        over = f"{count_of(len(c.by_seed))} paired seeds" + (" and the test images" if c.over_images else "")
        word = "higher" if c.sign > 0 else "lower"
        return (
            f"The {quantity} of the {first} is {word} than that of the {second}: {c.amount(c.difference)} {c.unit} "
            f"({CONFIDENCE:.0%} interval {c.interval}, over {over})."
        )
    if not c.visible:
        return (
            f"The {quantity} of the {first} minus that of the {second} is {c.amount(c.difference)} {c.unit} in every "
            "seed. Seeds that agree so exactly do not say how far chance could have moved them, so there is no verdict."
        )
    least = c.amount(c.visible, signed=False)
    return (
        f"Whether the {quantity} of the {first} is higher or lower than that of the {second} is not shown: "
        f"{c.amount(c.difference)} {c.unit} ({CONFIDENCE:.0%} interval {c.interval}; {_agreement(c.by_seed)}). To "
        f"count as shown it would have to reach {least} {c.unit}."
    )


def count_of(number: int) -> str:
    """A small number as a word."""
    return COUNTS[number] if number < len(COUNTS) else str(number)


def _agreement(differences: Sequence[float]) -> str:
    signs = {"higher": sum(d > 0 for d in differences), "lower": sum(d < 0 for d in differences)}
    signs["equal"] = len(differences) - sum(signs.values())
    some = {word: number for word, number in signs.items() if number}
    every = len(differences)
    if len(some) == 1:
        return f"{next(iter(some))} in {'both' if every == 2 else 'all ' + count_of(every)} seeds"
    return f"of {count_of(every)} seeds " + ", ".join(f"{count_of(n)} {w}" for w, n in some.items())


def sentences(comparisons: dict[str, Comparison], arm: str = "{}") -> dict[str, str]:
    """``verdict0``, ``verdict1``, ...: a sentence for each "first − second"; ``arm`` makes a phrase of a name."""
    result = {}
    for i, (pair, c) in enumerate(comparisons.items()):
        first, second = (arm.format(name) for name in pair.split(" − "))
        result[f"verdict{i}"] = sentence(c, first, second, "test accuracy")
    return result
