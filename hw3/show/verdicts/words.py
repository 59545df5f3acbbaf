"""What more than one page says of its runs, and what the page about the record says."""

from collections.abc import Sequence
from math import isfinite
from statistics import mean

import numpy as np

from hw3.show.comparison import Comparison, count_of
from hw3.show.tables import spread
from hw3.studies.replay import FIRST, LATER, Replay
from hw3.studies.run import Result
from hw3.studies.shown import Shown

TEACHER_LIMIT = 0.1  # logits; features are rounded to 16 bits, and processors add up in other orders


def scores(prefix: str, results: Sequence[Result]) -> dict[str, str]:
    """Test accuracy, loss and parameters of an arm, under names that begin with ``prefix``."""
    return {
        f"{prefix}accuracy": spread([r.test.accuracy for r in results]),
        f"{prefix}loss": spread([r.test.loss for r in results], ".3f"),
        f"{prefix}parameters": f"{results[0].parameters:,}",
    }


def last_epochs(results: Sequence[Result]) -> str:
    """Were these trainings long enough?"""
    last = sum(r.best_epoch == r.epochs for r in results)
    if not last:
        return "In no run was the last epoch the best on the validation images."
    runs = "every run" if last == len(results) else f"{count_of(last)} of {count_of(len(results))} runs"
    return f"In {runs} the last epoch was the best on the validation images: a longer training may end elsewhere."


def gap(results: Sequence[Result]) -> float:
    """Training minus test accuracy in the last epoch, a share, mean over the runs."""
    return mean(r.curve("accuracy/train")[-1] - r.curve("accuracy/test")[-1] for r in results)


def fit_gap(results: Sequence[Result]) -> str:
    """How much better the training images fare than the test images in the last epoch."""
    points = 100 * gap(results)
    if not isfinite(points) or abs(points) < 0.05:
        return "In the last epoch training and test accuracy are nearly equal."
    side = "above" if points > 0 else "below"
    return f"In the last epoch the training accuracy is {abs(points):.1f} points {side} the test accuracy."


def confused(results: Sequence[Result]) -> str:
    """The most frequent mistake, over all runs."""
    total = np.sum([r.test.confusion for r in results], axis=0)
    wrong = total - np.diag(np.diag(total))
    if not wrong.any():
        return "no test image was called wrong"
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    names = results[0].class_names
    share = wrong.max() / total[row].sum()
    return (
        f"the most frequent mistake is to call {names[row]} {names[column]}: {share:.1%} of the images of {names[row]}"
    )


def own_runs(shown: Shown, recorded: dict[str, Comparison], own: dict[str, Comparison]) -> str:
    """Do this build's own, smaller runs say the same of each pair as the record?"""
    if not shown.recorded:
        return "Nothing is recorded here: the runs above are this build's own already."
    told = []
    for pair, c in own.items():
        agreement = {
            0: "show a side where the record shows none",
            1: "say the same as the record",
            -1: "say the opposite of the record",
        }[c.sign * recorded[pair].sign]
        unsure = "allow no verdict, since a run is no better than a guess" if any(c.failed) else "cannot tell the sign"
        told.append(f"on {pair} they {agreement if c.sign else unsure} ({c.measured})")
    return f"Of this build's own runs: {'; '.join(told)}."


def replayed(again: Replay | str) -> str:
    """What training a recorded run's first steps again has shown."""
    if isinstance(again, str):
        return again
    how = "Every loss is the same to the last bit."
    if not again.equal:
        how = (
            f"The first loss is {again.first:.1g} nats from the recorded one, the mean of the later steps "
            f"{again.later:.2f} nats: within the {FIRST} and {LATER} that are allowed on another processor or version."
        )
    code = " Since then the code has been changed; its losses still agree." if again.changed else ""
    return f"Drawn for this build: {again.name}, seed {again.seed}, {again.steps} steps in float32. {how}{code}"


def replayed_teacher(distance: float | None) -> str:
    """How the recorded last layer answers on this build's features.

    Raises:
        RuntimeError: it says something else than was recorded.
    """
    if distance is None:
        return "The images or the pretrained weights of the recorded teacher are not at hand; it was not asked again."
    if not distance <= TEACHER_LIMIT:
        raise RuntimeError(f"the recorded last layer is {distance:.2g} logits from its recorded answers")
    return f"The recorded last layer, on features computed by this build, is at most {distance:.1g} logits off."
