"""What the pages about distillation (P2) say about their results."""

from collections.abc import Sequence
from statistics import mean

import torch
from torch import Tensor

from hw3.show.comparison import Comparison, compare, compare_logits, count_of, in_common, paired, sentence
from hw3.show.tables import agreeing, at_best_temperature, spread
from hw3.studies.distillation import Study
from hw3.studies.linear_tuning import Tuned
from hw3.studies.run import Result
from hw3.studies.search import Searched, Trials
from hw3.studies.shown import Shown
from hw3.train.metrics import Scores


def linear_tuning(main: Tuned, normalized: Sequence[Tuned], plain: Sequence[Tuned]) -> dict[str, str]:
    """What the page about linear tuning says: ``main`` is the answer; ``normalized`` and ``plain`` are the sweeps over
    the resolutions, with ImageNet's normalization and without."""
    first, last = normalized[0], normalized[-1]
    step = tuned_over(last, first)
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
    return {f"{a.resolution} px": tuned_over(a, b) for a, b in zip(normalized, plain, strict=True)}


def tuned_over(first: Tuned, second: Tuned) -> Comparison:
    """One setting of linear tuning against another, on the same test images."""
    return compare_logits(list(first.logits), list(second.logits), first.targets)


def teacher(taught: Shown, scores: Scores, right: Tensor) -> dict[str, str]:
    """The linear teacher of the students ``taught``: its ``scores`` on the test images, and how often it is ``right``
    about the training pictures, view by view, the first one unshifted."""
    (arm,) = taught.groups.values()
    what = arm[0].what
    told = {
        "images": f"{what['split']['train']:,}",
        "tests": f"{what['split']['test']:,}",
        "resolution": str(what["teacher"]["resolution"]),
        "accuracy": f"{scores.accuracy:.1%}",
        "loss": f"{scores.loss:.3f}",
        "fits": f"{right[0].item():.1%}",
        "source": "recorded" if taught.recorded else "solved for by this build",
    }
    return {f"teacher_{name}": text for name, text in told.items()}


def searched(found: Searched, runs: Sequence[Result], recorded: bool, used: tuple[float, float]) -> dict[str, str]:
    """What the page about the student says of a search, of ``runs`` that it was made of, one or more, and of the α and
    τ that its students ``used``."""
    lowest, setting, alike = found.lowest, found.setting, len(found.alike)
    seeds, parts, stem = len(lowest.losses), runs[0].what["split"], STEMS[runs[0].what["network"]["stem"]]
    size = f"{parts['train']:,} images, stem “{stem}”, {_epochs(runs[0].epochs)}, {seeds} seeds"
    judges = f"{parts['validation']:,} images judge, {runs[0].data_source}"
    most = max(found.trials, key=lambda trial: mean(trial.accuracies))
    others = {
        "without a teacher it is": next((t for t in found.trials if not t.alpha), None),
        "with the setting of the students below": next(
            (t for t in found.trials if (t.alpha, t.temperature) == used), None
        ),
    }
    beside = [f"{words} {_scored(trial)}" for words, trial in others.items() if trial and trial not in (most, setting)]
    return {
        "alpha": f"{setting.alpha:g}",
        "temperature": f"{setting.temperature:g}",
        "setting_loss": spread(setting.losses, ".3f"),
        "lowest": _setting(lowest),
        "lowest_loss": spread(lowest.losses, ".3f"),
        "settings": str(len(found.settings)),
        "searched": f"{'recorded' if recorded else 'this build’s own'} ({size}, {judges})",
        "reached": spread(setting.accuracies),
        "alike": (
            "No other setting is within one standard error of the lowest."
            if alike == 1
            else f"{count_of(alike).capitalize()} settings, it among them, lie within one standard error of it; a "
            "larger distance need not be a true one either."
        ),
        "by_accuracy": (
            "It is the best by accuracy too."
            if most == setting
            else f"By accuracy the best is {'; '.join([f'{_setting(most)} with {_scored(most)}', *beside])}. So it "
            "matters which measure chooses."
        ),
    }


def _setting(trial: Trials) -> str:
    return f"α = {trial.alpha:g}, τ = {trial.temperature:g}" if trial.alpha else "α = 0, no teacher"


def _scored(trial: Trials) -> str:
    return f"{mean(trial.accuracies):.1%} at {mean(trial.losses):.3f} nats"


def student(named: dict[str, list[Result]], targets: Tensor, teacher: Scores, right: Tensor) -> dict[str, str]:
    """What the page about the student says. ``named``: the students without a teacher, with one, and, where it was
    trained, with label smoothing; ``teacher``: its scores on the test images, ``right`` (views) in what share of the
    training pictures it names the class; the first view is the image as it is."""
    alone, taught, *softened = named.values()
    gain, loss = (compare(taught, alone, targets, measure) for measure in ("accuracy", "loss"))
    arms = ("distilled student", "student without a teacher")
    fits = right.double().mean().item()
    beyond = [compare(*in_common(taught, smoothed), targets) for smoothed in softened]
    softness = (
        f"The teacher names the right class for {fits:.1%} of the pictures that the student sees. There its first "
        "choice repeats the label; new are how sure it is and which other classes it finds similar, and elsewhere its "
        "errors."
    )
    why = {
        1: f"{softness} These runs show a gain from all of that together, and from a loss whose gradient has another "
        "size.",
        0: f"Whether there is a difference is not shown, so there is nothing to explain yet. {softness}",
        -1: f"{softness} Together that did harm here; these runs do not show which part did.",
    }[gain.sign]
    usual = "The usual label smoothing, the same for every image,"
    words = {
        "higher": f"{usual} does less than this teacher, "
        + (
            "so softness of that amount does not explain the gain; another amount is not ruled out."
            if gain.sign > 0
            else "which does not show that the teacher helps."
        ),
        "not shown": f"{usual} cannot be told from this teacher: whether its knowledge counts, or softness, these runs "
        "do not show.",
        "lower": f"{usual} does more than this teacher.",
    }
    smoothing = " ".join(words.get(c.word, f"{usual} allows no verdict.") for c in beyond)
    return {
        "alone": spread([r.test.accuracy for r in alone]),
        "taught": spread([r.test.accuracy for r in taught]),
        "teacher": f"{teacher.accuracy:.1%}",
        "fits": f"{fits:.1%}",
        "unshifted": f"{right[0].item():.1%}",
        "gain": sentence(gain, *arms, "test accuracy"),
        "difference": f"{gain.measured} ({gain.word})",
        "loss_gain": sentence(loss, *arms, "test loss"),
        "why": why,
        "smoothing": smoothing,
    }


def teacher_over(teacher: Tensor, students: list[Result], targets: Tensor) -> Comparison:
    """One teacher, its logits for the test images, against each of the ``students``."""
    return compare_logits([teacher] * len(students), [r.logits for r in students], targets)


def beside_teacher(ahead: Comparison) -> dict[str, str]:
    """Is the teacher better than the student that never met it? ``ahead``: the one minus the other."""
    then = {
        1: "So a student that copied it would gain.",
        0: "So copying its classes would not be shown to change much.",
        -1: "So a student that copied it would lose: what can help is what the answers say beside the class.",
    }[ahead.sign]
    return {"ahead": f"{sentence(ahead, 'teacher', 'student without one', 'test accuracy')} {then}"}


def both_sizes(studies: Sequence[tuple[Comparison, Comparison]]) -> dict[str, str]:
    """Does the student follow its teacher in each study? Of each: the teacher minus the student that never met it, and
    the distilled student minus that one."""
    ways = {(ahead.sign, gain.sign) for ahead, gain in studies}
    if ways != {(1, 1), (-1, -1)}:
        return {"both_sizes": ""}
    return {
        "both_sizes": "In both studies the student moves towards its teacher: it gains where the teacher is ahead of "
        "the student without one, and loses where the teacher is behind. The two also differ in stem, epochs and "
        "images, so this is no proof."
    }


def calibrated(shown: Shown, alone: list[Result], taught: list[Result]) -> dict[str, str]:
    """What is left of the difference in test loss when each run gets the temperature that its validation images choose,
    which changes no prediction."""
    first, second = (at_best_temperature(shown, arm)[1] for arm in (taught, alone))
    gain = compare_logits(first, second, shown.targets, "loss")
    arms = "distilled student", "student without a teacher"
    return {"calibrated": sentence(gain, *arms, "test loss at each run's best temperature")}


def agreement(alone: list[Result], taught: list[Result], teacher: Tensor, targets: Tensor) -> dict[str, str]:
    """Does the distilled student name the teacher's class more often than the one without a teacher: on all test images
    (labels ``targets``), and where the teacher with the logits ``teacher`` is wrong?"""
    says = teacher.argmax(1)
    wrong = says != targets
    told = {}
    for name, part, quantity in (
        ("agreement", torch.ones_like(wrong), "agreement with the teacher"),
        ("repeated", wrong, "agreement on the images that the teacher gets wrong"),
    ):
        first, second = (agreeing(arm, says, part) for arm in (taught, alone))
        gain = paired(first, second, int(part.sum())) if part.any() else None
        arms = "distilled student", "student without a teacher"
        told[name] = sentence(gain, *arms, quantity) if gain else "The teacher gets no test image wrong."
    return told


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
    one_seed = gain.word == "one seed"
    ahead = gain.sign_by_images if one_seed else gain.sign
    choices = {
        1: "That fits what one expects: features learned on large photographs can adapt to small pictures and these "
        "classes. But the other differences named above are in it too.",
        0: "So these images and epochs do not show that tuning all layers names more images right, or fewer.",
        -1: "Tuning all layers, with these images, epochs and learning rate, did harm.",
    }[gain.sign]
    choices = "" if one_seed else choices  # the sentence on the gain says it
    probabilities = {1: " Its probabilities are worse.", 0: "", -1: " Its probabilities are better."}[loss.sign]
    if ahead:
        better = {1: "made the better student", -1: "made the worse student"}
        outcome = better.get(ahead * over_linear.sign, "did not make a student that these runs can tell from the other")
        which = "teacher that is better on these test images" if one_seed else "better teacher"
        passed = f"The {which} {outcome}."
    else:
        passed = "Neither teacher was shown to be the better one, so whether the student follows stays open."
    teachers = ("network tuned as a whole", "network with a new last layer alone")
    return {
        "linear": f"{linear.accuracy:.1%}",
        "linear_loss": f"{linear.loss:.3f}",
        "tuned": spread([r.test.accuracy for r in tuned]),
        "tuned_loss": spread([r.test.loss for r in tuned], ".3f"),
        "tuned_runs": f"{count_of(len(tuned))} run{'s' * (len(tuned) > 1)} of {_epochs(tuned[0].epochs)}",
        "gain": sentence(gain, *teachers, "test accuracy"),
        "loss": sentence(loss, *teachers, "test loss"),
        "choices": choices + probabilities,
        "students": sentence(over_linear, "wholly tuned teacher's student", "other teacher's", "test accuracy"),
        "none": sentence(over_none, "wholly tuned teacher's student", "student without a teacher", "test accuracy"),
        "passed": passed,
    }


def pretraining(pretrained: Tuned, random: Tuned) -> dict[str, str]:
    """What weights from ImageNet bring to a frozen network with a new last layer."""
    gain = paired(pretrained.accuracies, random.accuracies, images_of(random))  # a random one may be at chance level
    return {
        "pretraining": sentence(gain, "pretrained network", "random one", "test accuracy"),
        "random": spread(random.accuracies),
        "probed": f"{random.images:,}",
        "probe_tests": f"{images_of(random):,}",
    }


def size_of(study: Study) -> dict[str, str]:
    """How large the distillation study of this build is."""
    sizes, parts = study.sizes, study.split
    steps = sizes.epochs * (len(parts.train) // sizes.batch_size)
    return {
        "images": f"{len(parts.train):,}",
        "judges": f"{len(parts.validation):,}",
        "tests": f"{len(parts.test):,}",
        "epochs": _epochs(sizes.epochs),
        "steps": f"{steps:,}",
        "resolution": str(sizes.resolution),
    }


STEMS = {"imagenet": "7 × 7, pooled", "small": "3 × 3, pooled", "cifar": "3 × 3"}  # how a student begins, in words


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' if number > 1 else ''}"
