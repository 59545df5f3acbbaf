"""What the page says about when, and with what, a teacher helps (the explanation asked for in P2)."""

from collections.abc import Sequence

from hw3.show.comparison import Comparison, sentence
from hw3.studies.run import Result

GAINS = {
    "higher": "a gain was shown",
    "lower": "the student did worse",
    "not shown": "no gain was shown",
    "one seed": "one seed cannot say",
    "diverged": "a run is no better than a guess",
}


def when_it_helps(
    labels: Sequence[int],
    gains: Sequence[Comparison],
    shape: Comparison,
    factors: dict[str, Comparison],
    teachers: dict[str, Comparison],
    softness: tuple[float, float],
) -> dict[str, str]:
    """What the page about when a teacher helps says.

    ``gains``: of the taught student over the other, for each number of ``labels``, the last one all; ``shape``: the
    first gain minus the last. ``factors``: what each change brings. ``teachers``: for each its student's gain with all
    labels. ``softness``: the entropy (nats) of the first teacher's answers on training and on test images.
    """
    shapes = {
        "higher": "The gain is larger with the fewest labels than with all",
        "lower": "The gain is smaller with the fewest labels than with all",
        "diverged": "A run is no better than a guess, so the two gains cannot be compared",
    }
    unclear = "These runs do not show whether the gain depends on the number of labels"
    seen, unseen = softness
    harder = "harder" if seen < unseen else "no harder"
    ranked = dict(sorted(factors.items(), key=lambda item: -abs(item[1].difference)))
    amounts = [f"{name} ({c.amount(c.difference)} {c.unit})" for name, c in ranked.items() if c.sign]
    hidden = [f"{name} ({c.word})" for name, c in ranked.items() if not c.sign]
    ranking = (
        f"Shown, the largest first: {'; '.join(amounts)}." if amounts else "None of the changes was shown to matter."
    )
    ranking += f" Without a verdict: {'; '.join(hidden)}." if hidden and amounts else ""
    each = [f"with the {name} one {GAINS[c.word]}" for name, c in teachers.items()]
    explained = (
        "With few labels the teacher names classes for all the images that have none, and "
        f"{GAINS[gains[0].word]}. With all labels it can add how sure it is, which other classes it finds similar, and "
        f"its errors: {'; '.join(each)}."
    )
    arms = ("student with {} labels and a teacher", "student with the labels alone")
    first, second = arms
    pairs = zip(labels, gains, strict=True)
    by_labels = [sentence(c, first.format(f"{n:,}"), second, "test accuracy") for n, c in pairs]
    return {
        "fewest": by_labels[0],
        "most": by_labels[-1],
        "shape": f"{shapes.get(shape.word, unclear)} ({shape.measured}).",
        "harder": f"Its answers on images that it learned are {harder}: {seen:.2f} nats, on others {unseen:.2f}.",
        "ranking": ranking,
        "explained": explained,
    }


def wrong_classes(over_shuffled: Comparison, over_even: Comparison) -> dict[str, str]:
    """Does a student gain from what its teacher says of the classes that it does not name? It learns from the answers
    as they are, against one that learns from them with these probabilities shuffled, and with these made even."""
    told = [
        sentence(c, "student taught the answers as they are", f"one taught {other}", "test accuracy")
        for c, other in ((over_even, "even ones"), (over_shuffled, "shuffled ones"))
    ]
    signs, known = (over_even.sign, over_shuffled.sign), {"higher", "lower", "not shown"}
    words = {
        (1, 1): "So it matters which other class gets which probability, as Hinton et al. suppose: the answers as they "
        "are beat both. Part of that can be the right class, where the teacher does not name it.",
        (0, 1): "So a false order of the other classes does worse, but that the true one helps is not shown: answers "
        "that leave it out were not shown to do worse.",
        (
            1,
            0,
        ): "So even answers do worse, shuffled ones were not shown to: that may be their softness, and whether the "
        "order of the other classes matters stays open.",
        (0, 0): "So these runs do not show that the probabilities of the other classes matter.",
    }
    better = " and ".join(name for name, sign in zip(("even", "shuffled"), signs, strict=True) if sign < 0)
    harm = f"With {better} answers the student did better: what the teacher says of the other classes did harm here."
    verdict = words.get(signs, harm) if {over_even.word, over_shuffled.word} <= known else "So there is no verdict."
    return {"even": told[0], "shuffled": told[1], "wrong": verdict}


def labels_setting(taught: Sequence[Sequence[Result]], recorded: bool) -> dict[str, str]:
    """The settings of the students with few labels, the fewest first, and of those with all, ``taught``."""
    few, every = (arm[0].what["task"] for arm in (taught[0], taught[-1]))
    source = "were fixed before the first run" if recorded else "come from this build's search, made with all labels"
    return {
        "labels_setting": f"The temperature is {few['temperature']:g}; with all labels, at the right end, "
        f"α = {every['alpha']:g} and τ = {every['temperature']:g}. Both {source}."
    }


def softness(
    entropies: tuple[float, float, float, float, float], wrong: Sequence[float], right: float, temperature: float
) -> dict[str, str]:
    """How undecided the teachers are, in nats: the first one on training and on test images, the tuned one on training
    images, the first one at the study's ``temperature``, and the most that is possible. ``wrong``: shares of the
    training pictures that each names wrong; ``right``: the first one's accuracy on test images."""
    seen, unseen, whole, warm, most = (f"{value:.2f}" for value in entropies)
    fits, fits_tuned = (f"{1 - share:.1%}" for share in wrong)
    nats = {"seen": seen, "unseen": unseen, "whole": whole, "warm": warm, "most_possible": most}
    return nats | {"fits": fits, "fits_tuned": fits_tuned, "right": f"{right:.1%}", "tau": f"{temperature:g}"}
