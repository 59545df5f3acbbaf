"""What the pages say about their results: for each page one function from numbers to the texts that it glues.

No text claims what its numbers do not show. How two arms are compared stands in ``hw3.show.comparison``.
"""

from collections.abc import Sequence
from math import isfinite
from statistics import mean

import numpy as np
from torch import Tensor

from hw3.data.images import ImageSet, Split, content_ids
from hw3.show.comparison import (
    Comparison,
    between,
    compare,
    compare_logits,
    contrast,
    contrast_logits,
    count_of,
    paired,
    sentence,
    sentences,
    summaries,
    summary,
)
from hw3.show.tables import minus, spread
from hw3.studies.distillation import Study
from hw3.studies.linear_tuning import Tuned
from hw3.studies.record import Shown
from hw3.studies.replay import FIRST, LATER, Replay
from hw3.studies.run import Result
from hw3.studies.search import Searched
from hw3.train.metrics import Scores

__all__ = [  # the comparison is handed on, so that a page imports one file
    "Comparison",
    "between",
    "cnn",
    "compare",
    "compare_logits",
    "contrast",
    "contrast_logits",
    "dropblock",
    "factorization",
    "full_tuning",
    "linear_tuning",
    "mlp",
    "own_runs",
    "paired",
    "photographs",
    "sentence",
    "sentences",
    "student",
    "summaries",
    "summary",
    "when_it_helps",
]
PRECISIONS = {"32-true": "32-bit floats", "bf16-mixed": "bfloat16 products with 32-bit weights"}
TEACHER_LIMIT = 0.1  # logits; features are rounded to 16 bits, and processors add up in other orders
GAINS = {
    "higher": "a gain was shown",
    "lower": "the student did worse",
    "not shown": "no gain was shown",
    "one seed": "one seed cannot say",
    "diverged": "a run is no better than a guess",
}


def _scores(prefix: str, results: Sequence[Result]) -> dict[str, str]:
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


def _gap(results: Sequence[Result]) -> float:
    return mean(r.curve("accuracy/train")[-1] - r.curve("accuracy/test")[-1] for r in results)


def fit_gap(results: Sequence[Result]) -> str:
    """How much better the training images fare than the test images in the last epoch."""
    gap = 100 * _gap(results)
    if not isfinite(gap) or abs(gap) < 0.05:
        return "In the last epoch training and test images were right equally often."
    side = "more" if gap > 0 else "fewer"
    return f"In the last epoch {abs(gap):.1f} points {side} of the training images than of the test images were right."


def confused(results: Sequence[Result]) -> str:
    """The most frequent mistake, over all runs."""
    total = np.sum([r.test.confusion for r in results], axis=0)
    wrong = total - np.diag(np.diag(total))
    if not wrong.any():
        return "no test image was called wrong"
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    names = results[0].class_names
    share = wrong.max() / total[row].sum()
    return f"the most frequent mistake is {names[column]} for {names[row]}, {share:.1%} of that class"


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


def photographs(data: ImageSet, parts: Split, groups: np.ndarray | None, nearest: Tensor) -> dict[str, str]:
    """What the page about the photographs says. ``groups`` (N,): twins have the same number; None where they were not
    looked for. ``nearest``: the label of the training image nearest to each test image.

    Raises:
        RuntimeError: copies or twins lie in two parts.
    """
    side = np.empty(len(data), int)
    for number, part in enumerate((parts.train, parts.validation, parts.test)):
        side[part.numpy()] = number
    first = content_ids(data.images)
    alike = (
        first if groups is None else np.unique(groups, return_index=True)[1][np.unique(groups, return_inverse=True)[1]]
    )
    for what, other in (("copies of an image", first), ("twins", alike)):
        if (side != side[other]).any():
            raise RuntimeError(f"{data.name}: {what} lie in two parts; split() keeps them together")
    copies = int((first != np.arange(len(data))).sum())
    sizes = np.bincount(alike)
    twinned, largest = int(sizes[sizes > 1].sum()), sizes.max()
    return {
        "total": f"{len(data):,}",
        "train": f"{len(parts.train):,}",
        "validation": f"{len(parts.validation):,}",
        "test": f"{len(parts.test):,}",
        "test_share": f"{len(parts.test) / len(data):.1%}",
        "copies": (
            f"{copies:,} images are exact copies of another one; each lies in the same part as that one."
            if copies > 1
            else "One image is an exact copy of another one and lies in the same part."
            if copies
            else "No image is an exact copy of another one."
        ),
        "twins": (
            "This build's pictures are so small and simple that nearly all would be twins, so only exact copies were "
            "kept together."
            if groups is None
            else f"{twinned:,} of the {len(data):,} images ({twinned / len(data):.1%}) have a twin, and each lies in "
            f"the same part as its twins; the largest group has {largest}."
            if twinned
            else "No image has a twin."
        ),
        "nearest": f"{(nearest == data.labels[parts.test]).double().mean():.1%}",
    }


def mlp(
    named: dict[str, list[Result]], comparisons: dict[str, Comparison], losses: dict[str, Comparison], share: float
) -> dict[str, str]:
    """What the page about the MLP says. ``named`` begins with the plain MLP and ends with the long trainings without
    and with dropout, of which the last comparison is; ``share`` of the parameters are in the first layer."""
    plain, dropped, *_, long, _ = named.values()
    *_, last = comparisons.values()
    *_, last_loss = losses.values()
    rises = [r.curve("accuracy/test")[-1] - r.curve("accuracy/test")[-1 - min(5, r.epochs - 1)] for r in long]
    helps = {
        1: "There dropout helps.",
        0: "Whether dropout helps there is not shown.",
        -1: "Even there dropout names fewer photographs right.",
    }
    return (
        _scores("", plain)
        | sentences(comparisons, arm="{}")
        | {
            "seeds": count_of(len(plain)),
            "first_share": f"{share:.1%}",
            "train_accuracy": f"{mean(r.curve('accuracy/train')[-1] for r in plain):.1%}",
            "gap": fit_gap(plain),
            "long_gap": fit_gap(long),
            "rise": minus(f"{100 * mean(rises):+.2f}"),
            "confused": confused(plain),
            "last_epochs": last_epochs([*plain, *dropped]),
            "helps": helps[last.sign] if _gap(long) > 0.005 else "So there is hardly a gap that dropout could close.",
            "loss_verdict": sentence(last_loss, "long MLP with dropout", "long MLP", "test loss"),
            "seconds": f"{mean(r.seconds for r in plain):.1f}",
            "precision": PRECISIONS[plain[0].precision],
        }
    )


def cnn(
    named: dict[str, list[Result]],
    comparisons: dict[str, Comparison],
    losses: dict[str, Comparison],
    moved: Comparison,
    lost: dict[str, float],
) -> dict[str, str]:
    """What the page about the CNN says. ``named`` begins with the CNN and the MLP, and so does the first comparison.
    ``lost``: what moving the test images costs each of the two (share of them); ``moved``: how much less it costs the
    first one."""
    convolutional, multilayer, *_ = named.values()
    first, *_ = comparisons.values()
    first_loss, *_ = losses.values()
    ratio = convolutional[0].multiplications / multilayer[0].multiplications
    work = {
        1: f"The CNN uses each weight at many places, which costs {ratio:.1f} times the multiplications of the MLP.",
        0: "The two need about as many multiplications for one image.",
        -1: f"The CNN needs {ratio:.0%} of the multiplications of the MLP.",
    }[int(ratio > 1.05) - int(ratio < 0.95)]
    costs = " and ".join(f"the {name} {100 * share:.1f} points" for name, share in lost.items())
    steady = {1: "It costs the CNN less", 0: "Which of the two it costs less is not shown", -1: "It costs the CNN more"}
    built = "A convolution is built to know a shape wherever it lies"
    cause = {
        (1, 1): f"{built}, and moving the photographs does cost it less.",
        (1, 0): f"{built}; these runs show the difference, but not that moving the photographs costs it less.",
        (1, -1): f"{built}, but moving the photographs costs it more: that cannot be the cause here.",
        (0, 0): "So these runs do not show that the convolution pays.",
        (-1, 0): "So here the convolution did not pay.",
    }[first.sign, moved.sign if first.sign > 0 else 0]
    seconds = [mean(r.seconds / r.epochs for r in arm) for arm in (convolutional, multilayer)]
    share = convolutional[0].parameters_by_kind["convolution"] / convolutional[0].parameters
    return (
        _scores("cnn_", convolutional)
        | _scores("mlp_", multilayer)
        | sentences(comparisons, arm="{}")
        | {
            "seeds": count_of(len(convolutional)),
            "verdict": sentence(first, "CNN", "MLP", "test accuracy"),
            "loss_verdict": sentence(first_loss, "CNN", "MLP", "test loss"),
            "moved": f"It costs {costs}. {steady[moved.sign]} ({moved.measured}).",
            "work": work,
            "cause": cause,
            "seconds": f"{seconds[0]:.1f} s for the CNN and {seconds[1]:.1f} s for the MLP",
            "convolution_share": f"{share:.1%}",
            "gap": fit_gap(convolutional),
            "last_epochs": last_epochs(convolutional),
            "confused_cnn": confused(convolutional),
            "confused_mlp": confused(multilayer),
        }
    )


def alike(likeness: Tensor, wrong: dict[str, Tensor], nearest: Comparison) -> dict[str, str]:
    """How often the networks are ``wrong`` (for each test image the share of its runs) on the quarter of the images
    that are most alike to a training image (``likeness``, (N,)), and on the quarter that is least. ``nearest``: the
    nearest training image as a classifier, minus the MLP."""
    low, high = likeness.quantile(0.25), likeness.quantile(0.75)
    quarters = [
        f"the {name} errs on {share[likeness >= high].mean():.1%} and {share[likeness <= low].mean():.1%}"
        for name, share in wrong.items()
    ]
    return {
        "quarters": f"On the most alike and the least alike quarter {', '.join(quarters)}.",
        "nearest": sentence(nearest, "nearest training image", "MLP", "test accuracy"),
    }


def dropblock(
    named: dict[str, list[Result]],
    fair: dict[str, Comparison],
    correlation: float,
    near: float,
    far: float,
    blind: dict[str, float],
) -> dict[str, str]:
    """What the page about DropBlock says. ``named`` begins with the control; ``fair``: comparisons after batch norm's
    statistics were taken anew. Of the maps: the ``correlation`` of neighbours, what the ring at distance 1 tells of a
    pixel (``near``, R²) and what the one at distance 2 tells (``far``); ``blind``: the share of windows that see
    nothing."""
    degrees = {"nearly the same": 0.9, "alike, but far from the same": 0.3, "little alike": 0.1, "not alike": -2.0}
    likeness = next(words for words, least in degrees.items() if correlation > least)
    if near <= 0.01:
        ring = "So neither of them says much about a pixel."
    elif near <= far:
        ring = (
            "So the pixels at distance 2, which a block leaves, say no less about a pixel than the ring at distance 1."
        )
    elif far > 0.01:
        ring = (
            f"So the ring at distance 1, of which dropout leaves the larger part, says {near / far:.1f} times as much "
            "as the nearest pixels that a block leaves."
        )
    else:
        ring = (
            "So the ring at distance 1 says something about a pixel, and the nearest pixels that a block leaves say "
            "hardly anything."
        )
    control = next(iter(named.values()))
    return sentences(fair, arm="CNN with {}") | {
        "likeness": likeness,
        "correlation": f"{correlation:.2f}",
        "near": f"{max(near, 0):.0%}",
        "far": f"{max(far, 0):.0%}",
        "ring": ring,
        "seeds": count_of(len(control)),
        "gap": fit_gap(control) + (" A regularizer is meant to close that gap." if _gap(control) > 0.0005 else ""),
        "last_epochs": last_epochs([r for results in named.values() for r in results]),
        **{f"blind_{name}": f"{share:.2%}" for name, share in blind.items()},
    }


def helped(by_images: dict[int, dict[str, Comparison]]) -> dict[str, str]:
    """Did any regularizer help? ``by_images``: for each number of training images comparisons "regularizer − none"."""
    words = {"higher": "higher", "lower": "lower", "not shown": "neither shown to be higher nor lower"}
    told = []
    for number, comparisons in by_images.items():
        clauses = []
        for word in (*words, "one seed", "diverged"):
            named = [(name.split(" − ")[0], c) for name, c in comparisons.items() if c.word == word]
            some = ", ".join(f"{name} ({c.amount(c.difference)} points)" for name, c in named)
            clauses += [f"{words.get(word, 'without a verdict')} with {some}"] if some else []
        told.append(f"with {number:,} training images the test accuracy is {', '.join(clauses)}")
    every = [c for comparisons in by_images.values() for c in comparisons.values()]
    best = [c for c in every if c.sign > 0]
    reach = [c.visible for c in every]
    if best:
        conclusion = f"So a regularizer can help here, by up to {100 * max(c.difference for c in best):.2f} points."
    else:
        known = all(map(isfinite, reach))
        missed = f"; one that brings less than {100 * max(reach):.2f} points could be missed" if known else ""
        conclusion = f"No regularizer was shown to help{missed}."
    return {"told": f"Compared with no regularizer, {'; '.join(told)}.", "helped": conclusion}


def batch_norm(
    repaired: dict[str, Comparison], before: dict[str, Comparison], fair: dict[str, Comparison]
) -> dict[str, str]:
    """What taking batch norm's statistics anew without masks does: ``repaired`` for each network, ``before`` and
    ``fair`` between networks with the stored statistics and with the new ones."""
    words = {"higher": "rises for", "lower": "falls for", "not shown": "is not shown to change for"}
    clauses = []
    for word in (*words, "one seed", "diverged"):
        some = [f"{name} ({c.amount(c.difference)} {c.unit})" for name, c in repaired.items() if c.word == word]
        clauses += [f"{words.get(word, 'allows no verdict for')} {', '.join(some)}"] if some else []
    ratios = [f.visible / b.visible for b, f in zip(before.values(), fair.values(), strict=True) if b.visible > 0]
    finite = bool(ratios) and all(map(isfinite, ratios))
    span = f"The intervals are then {min(ratios):.2f} to {max(ratios):.2f} times as wide as before." if finite else ""
    return {"repaired": f"The test accuracy {'; it '.join(clauses)}.", "narrower": span}


def factorization(
    named: dict[str, list[Result]], comparisons: dict[str, Comparison], trained: Tensor, random: Tensor
) -> dict[str, str]:
    """What the page about factorized kernels says. ``named`` begins with the square kernels; the last two comparisons
    are those of the paper's two remarks, a ReLU between and later layers only; ``trained`` and ``random``
    are the shares of each filter's squared weights that rank 1 keeps (see ``hw3.studies.activations.rank_one``)."""
    square, *others = named.values()
    *_, between_steps, late = comparisons.values()
    result = sentences(comparisons, arm="CNN ({})") | {
        "parameters": f"{square[0].parameters:,}",
        "seeds": count_of(len(square)),
    }
    for i, results in enumerate(others):
        result |= {
            f"parameters{i}": f"{results[0].parameters:,}",
            f"saved{i}": _saved(results[0].parameters / square[0].parameters),
            f"work{i}": _saved(results[0].multiplications / square[0].multiplications),
        }
    seconds = {name: mean(r.seconds / r.epochs for r in results) for name, results in named.items()}
    cheaper = [n for n, r in named.items() if r[0].multiplications < square[0].multiplications]
    slow = [name for name in cheaper if seconds[name] >= next(iter(seconds.values()))]
    time = "One epoch took " + ", ".join(f"{value:.1f} s ({name})" for name, value in seconds.items())
    reach = 3 * (trained.std() ** 2 / len(trained) + random.std() ** 2 / len(random)) ** 0.5
    distance = trained.mean() - random.mean()
    as_there = {1: "as in the paper", 0: "which side is right here is not shown", -1: "here it is the other way round"}
    return result | {
        "relu": f"{as_there[between_steps.sign]} ({between_steps.measured})",
        "late": f"{as_there[late.sign]} ({late.measured})",
        "time": time + (": fewer multiplications need not mean less time." if slow else "."),
        "trained": f"{trained.mean():.0%}",
        "random": f"{random.mean():.0%}",
        "closer": "closer to rank 1 than"
        if distance > reach
        else "further from rank 1 than"
        if distance < -reach
        else "about as close to rank 1 as",
    }


def _saved(ratio: float) -> str:
    if abs(ratio - 1) < 0.005:
        return "as many"
    return f"{1 - ratio:.0%} fewer" if ratio < 1 else f"{ratio - 1:.0%} more"


def linear_tuning(main: Tuned, normalized: Sequence[Tuned], plain: Sequence[Tuned]) -> dict[str, str]:
    """What the page about linear tuning says: ``main`` is the answer; ``normalized`` and ``plain`` are the sweeps over
    the resolutions, with ImageNet's normalization and without."""
    first, last = normalized[0], normalized[-1]
    step = paired(last.accuracies, first.accuracies, images_of(first))
    gains = normalization(normalized, plain)
    where = {
        "It raises the accuracy at": [size for size, c in gains.items() if c.word == "higher"],
        "It lowers the accuracy at": [size for size, c in gains.items() if c.word == "lower"],
        "Whether it helps is not shown at": [size for size, c in gains.items() if c.sign == 0],
    }
    right, tests = mean(main.accuracies), images_of(main)
    return {
        "accuracy": spread(main.accuracies),
        "error": f"{196 * (right * (1 - right) / tests) ** 0.5:.1f}",  # 95 %, in points
        "train": f"{mean(main.train_accuracies):.1%}",
        "images": f"{main.images:,}",
        "tests": f"{tests:,}",
        "resolution": str(main.resolution),
        "sweep_images": f"{first.images:,}",
        "sweep_tests": f"{images_of(first):,}",
        "scaling": sentence(step, f"network at {last.resolution} px", f"one at {first.resolution} px", "test accuracy"),
        "normalization": " ".join(f"{words} {', '.join(sizes)}." for words, sizes in where.items() if sizes),
    }


def images_of(tuned: Tuned) -> int:
    """How many images it was tested on."""
    return sum(map(sum, tuned.tests[0].confusion))


def normalization(normalized: Sequence[Tuned], plain: Sequence[Tuned]) -> dict[str, Comparison]:
    """What ImageNet's normalization brings at each resolution."""
    pairs = zip(normalized, plain, strict=True)
    return {f"{a.resolution} px": paired(a.accuracies, b.accuracies, images_of(a)) for a, b in pairs}


def student(
    searched: Searched, named: dict[str, list[Result]], targets: Tensor, teacher: Scores, right: Tensor
) -> dict[str, str]:
    """What the page about the student says. ``named``: the students without a teacher, with one, and, where it was
    trained, with label smoothing; ``teacher``: its scores on the test images, ``right`` (views) in what share of the
    training pictures it names the class; the first view is the image as it is."""
    alone, taught, *softened = named.values()
    gain, loss = (compare(taught, alone, targets, measure) for measure in ("accuracy", "loss"))
    arms = ("distilled student", "student without a teacher")
    fits = right.double().mean().item()
    softness = (
        f"The teacher names the right class for {fits:.1%} of the pictures that the student sees. There its first "
        "choice repeats the label; new are how sure it is and which other classes it finds similar, and elsewhere its "
        "errors."
    )
    why = {
        1: f"{softness} These runs show a gain from all of that together.",
        0: f"These runs show no difference that would need an explanation. {softness}",
        -1: f"{softness} Together that did harm here; these runs do not show which part did.",
    }[gain.sign]
    words = {
        1: "Labels that are merely softer, all in the same way, do less: what the teacher says of each image counts.",
        0: "Labels that are merely softer, all in the same way, cannot be told from it: whether the teacher's "
        "knowledge counts, or softness, these runs do not show.",
        -1: "Labels that are merely softer, all in the same way, do more than this teacher.",
    }
    smoothing = " ".join(words[compare(taught, smoothed, targets).sign] for smoothed in softened)
    lowest, setting, alike = searched.lowest, searched.setting, len(searched.alike)
    return {
        "alpha": f"{setting.alpha:g}",
        "temperature": f"{setting.temperature:g}",
        "setting_loss": spread(setting.losses, ".3f"),
        "lowest": f"α = {lowest.alpha:g}, τ = {lowest.temperature:g}",
        "lowest_loss": spread(lowest.losses, ".3f"),
        "settings": str(len(searched.trials)),
        "alike": (
            "No other setting is within one standard error of the lowest."
            if alike == 1
            else f"The search cannot tell {count_of(alike)} of them apart: their losses are within one standard error."
        ),
        "alone": spread([r.test.accuracy for r in alone]),
        "taught": spread([r.test.accuracy for r in taught]),
        "teacher": f"{teacher.accuracy:.1%}",
        "fits": f"{fits:.1%}",
        "unshifted": f"{right[0].item():.1%}",
        "gain": sentence(gain, *arms, "test accuracy"),
        "loss_gain": sentence(loss, *arms, "test loss"),
        "why": why,
        "smoothing": smoothing,
    }


def full_tuning(
    tuned: list[Result],
    linear: Scores,
    gain: Comparison,
    loss: Comparison,
    over_linear: Comparison,
    over_none: Comparison,
) -> dict[str, str]:
    """What the page about tuning the whole teacher says. ``gain`` and ``loss``: the tuned networks against the last
    layer alone, whose scores are ``linear``; ``over_linear``, ``over_none``: the tuned teacher's student against the
    linear teacher's and against the one without."""
    choices = {
        1: "That fits what one expects: features learned on large photographs can adapt to small pictures and these "
        "classes. But the other differences named above are in it too.",
        0: "So these images and epochs do not show that tuning all layers names more images right, or fewer.",
        -1: "Tuning all layers, with these images, epochs and learning rate, did harm.",
    }[gain.sign]
    probabilities = {1: " Its probabilities are worse.", 0: "", -1: " Its probabilities are better."}[loss.sign]
    if gain.sign:
        better = {1: "made the better student", -1: "made the worse student"}
        outcome = better.get(
            gain.sign * over_linear.sign, "did not make a student that these runs can tell from the other"
        )
        passed = f"The better teacher {outcome}."
    else:
        passed = "Neither teacher was shown to be the better one, so whether the student follows stays open."
    teachers = ("network tuned as a whole", "network with a new last layer alone")
    return {
        "linear": f"{linear.accuracy:.1%}",
        "linear_loss": f"{linear.loss:.3f}",
        "tuned": spread([r.test.accuracy for r in tuned]),
        "tuned_loss": spread([r.test.loss for r in tuned], ".3f"),
        "gain": sentence(gain, *teachers, "test accuracy"),
        "loss": sentence(loss, *teachers, "test loss"),
        "choices": choices + probabilities,
        "students": sentence(over_linear, "wholly tuned teacher's student", "other teacher's", "test accuracy"),
        "none": sentence(over_none, "wholly tuned teacher's student", "student without a teacher", "test accuracy"),
        "passed": passed,
    }


def when_it_helps(
    labels: Sequence[int],
    gains: Sequence[Comparison],
    shape: Comparison,
    factors: dict[str, Comparison],
    teachers: dict[str, tuple[Comparison, float, float]],
    softness: tuple[float, float],
) -> dict[str, str]:
    """What the page about when a teacher helps says.

    ``gains``: of the taught student over the other, for each number of ``labels``, the last one all; ``shape``: the
    first gain minus the last. ``factors``: what each change brings. ``teachers``: for each its student's gain with all
    labels, the share of pictures that it names wrong, and the entropy of its answers on training pictures (nats).
    ``softness``: that of the first teacher on training and on test images.
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
    each = [
        f"with the {name} one, wrong about {wrong:.1%} of the pictures, {GAINS[c.word]}"
        for name, (c, wrong, _) in teachers.items()
    ]
    explained = (
        "With few labels the teacher names classes for all the images that have none, and "
        f"{GAINS[gains[0].word]}. With all labels it can add how sure it is, which other classes it finds similar, and "
        f"its errors: {'; '.join(each)}."
    )
    entropies = {c.word: entropy for c, _, entropy in teachers.values()}
    if set(entropies) == {"higher", "not shown"}:
        firmer = "harder" if entropies["higher"] < entropies["not shown"] else "softer"
        explained += f" The one whose gain was shown gives the {firmer} answers."
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


def pretraining(pretrained: Tuned, random: Tuned) -> dict[str, str]:
    """What weights from ImageNet bring to a frozen network with a new last layer."""
    gain = paired(pretrained.accuracies, random.accuracies, images_of(random))
    return {
        "pretraining": sentence(gain, "pretrained network", "random one", "test accuracy"),
        "random": spread(random.accuracies),
        "probed": f"{random.images:,}",
        "probe_tests": f"{images_of(random):,}",
    }


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


def size_of(study: Study) -> dict[str, str]:
    """How large the distillation study of this build is."""
    sizes, parts = study.sizes, study.split
    steps = sizes.epochs * (len(parts.train) // sizes.batch_size)
    return {
        "images": f"{len(parts.train):,}",
        "judges": f"{len(parts.validation):,}",
        "tests": f"{len(parts.test):,}",
        "epochs": _epochs(sizes.epochs),
        "search_epochs": _epochs(sizes.search_epochs),
        "steps": f"{steps:,}",
        "resolution": str(sizes.resolution),
        "stem": sizes.stem,
    }


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' if number > 1 else ''}"
