"""What the pages about the photographs (P1) say about their results."""

from math import isfinite
from statistics import mean

import numpy as np
from torch import Tensor

from hw3.data.images import ImageSet, Split, content_ids
from hw3.show.comparison import Comparison, count_of, sentence, sentences
from hw3.show.tables import minus
from hw3.show.verdicts.words import confused, fit_gap, gap, last_epochs, scores
from hw3.studies.run import Result
from hw3.studies.shown import Shown

PRECISIONS = {"32-true": "32-bit floats", "bf16-mixed": "bfloat16 products with 32-bit weights"}


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
    alike = first
    if groups is not None:
        _, firsts, group = np.unique(groups, return_index=True, return_inverse=True)
        alike = firsts[group]  # of each image the first of its twins
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
        "rest_share": f"{1 - len(parts.test) / len(data):.1%}",
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
            else f"{twinned:,} of the {len(data):,} images ({twinned / len(data):.1%}) have a twin, a photograph of "
            f"nearly the same outline. Each lies in the same part as its twins; the largest group has {largest}."
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
        scores("", plain)
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
            "helps": helps[last.sign]
            if last.sign or gap(long) > 0.005
            else "Training and test images fare nearly alike there, so there is little for dropout to gain.",
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
    fits = (
        "Moving the test photographs does cost it less, which fits. Whether the difference on unmoved photographs "
        "comes from it is not shown."
    )
    cause = {
        (1, 1): f"{built}, and that may be the reason. {fits}",
        (1, 0): f"{built}, and that may be the reason; that moving the test photographs costs it less is not shown.",
        (1, -1): f"{built}, but moving the photographs costs it more: this test does not support that reason.",
        (0, 0): "So these runs do not show that the convolution pays.",
        (-1, 0): "So here the convolution did not pay.",
    }[first.sign, moved.sign if first.sign > 0 else 0]
    seconds = [mean(r.seconds / r.epochs for r in arm) for arm in (convolutional, multilayer)]
    share = convolutional[0].parameters_by_kind["convolution"] / convolutional[0].parameters
    return (
        scores("cnn_", convolutional)
        | scores("mlp_", multilayer)
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


def alike(
    likeness: Tensor, wrong: dict[str, Tensor], nearest: Comparison, shown: Shown | None = None
) -> dict[str, str]:
    """How often the networks are ``wrong`` (for each test image the share of its runs) on the quarter of the images
    that are most alike to a training image (``likeness``, (N,)), and on the quarter that is least. ``nearest``: the
    nearest training image as a classifier, minus the MLP. ``shown``: the runs, or None for this build's own."""
    low, high = likeness.quantile(0.25), likeness.quantile(0.75)
    quarters = [
        f"the {name} errs on {share[likeness >= high].mean():.1%} and {share[likeness <= low].mean():.1%}"
        for name, share in wrong.items()
    ]
    return {
        "judged": shown.words if shown else "runs of this build, since the record is of other images",
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
        ring = f"So the ring at distance 1 says {near / far:.1f} times as much about a pixel as the ring at distance 2."
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
        "gap": fit_gap(control)
        + (
            " A regularizer is meant to raise the test accuracy, even if the training accuracy falls."
            if gap(control) > 0.0005
            else ""
        ),
        "last_epochs": last_epochs([r for results in named.values() for r in results]),
        **{f"blind_{name}": f"{share:.2%}" for name, share in blind.items()},
    }


def helped(by_images: dict[int, dict[str, Comparison]]) -> dict[str, str]:
    """Did any regularizer help? ``by_images``: for each number of training images comparisons "regularizer − none"."""
    words = {"higher": "higher with", "lower": "lower with", "not shown": "neither shown to be higher nor lower with"}
    told = []
    for number, comparisons in by_images.items():
        named = {pair.split(" − ")[0]: c for pair, c in comparisons.items()}
        clauses = _by_outcome(named, words, "without a verdict with")
        seeds = count_of(len(next(iter(comparisons.values())).by_seed))
        told.append(f"with {number:,} training images ({seeds} seeds) the test accuracy is {', '.join(clauses)}")
    every = [c for comparisons in by_images.values() for c in comparisons.values()]
    best = [c for c in every if c.sign > 0]
    reach = {number: max(c.visible for c in some.values()) for number, some in by_images.items()}
    if best:
        conclusion = (
            f"Shown to help: {count_of(len(best))} of {count_of(len(every))} comparisons, by "
            f"{' and '.join(f'{100 * c.difference:.2f}' for c in best)} points; they are not corrected for their "
            "number."
        )
    else:
        some = " and ".join(f"{100 * r:.2f} points with {n:,} training images" for n, r in reach.items())
        known = all(map(isfinite, reach.values()))
        missed = f"; a true gain of {some} would be missed about half of the time" if known else ""
        conclusion = f"No regularizer was shown to help{missed}."
    return {"told": f"Compared with no regularizer, {'; '.join(told)}.", "helped": conclusion}


def _by_outcome(named: dict[str, Comparison], words: dict[str, str], unknown: str) -> list[str]:
    """A clause for each outcome that occurs: ``words`` of it, or ``unknown``, then who had it."""
    clauses = []
    for word in (*words, "one seed", "diverged"):
        some = [f"{name} ({c.amount(c.difference)} {c.unit})" for name, c in named.items() if c.word == word]
        clauses += [f"{words.get(word, unknown)} {', '.join(some)}"] if some else []
    return clauses


def batch_norm(
    repaired: dict[str, Comparison], before: dict[str, Comparison], fair: dict[str, Comparison]
) -> dict[str, str]:
    """What taking batch norm's statistics anew without masks does: ``repaired`` for each network, ``before`` and
    ``fair`` between networks with the stored statistics and with the new ones."""
    words = {"higher": "rises for", "lower": "falls for", "not shown": "is not shown to change for"}
    clauses = _by_outcome(repaired, words, "allows no verdict for")
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
