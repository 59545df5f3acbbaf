"""Every experiment of the book, by name, with its complete configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from hw3.lab.profiles import Profile
from hw3.learn.settings import Training

MLP_BUDGET = 208_500  # parameters; the MLP spends nearly all of it
CNN_BUDGET = 208_000  # a little less, so that no CNN has more than the MLP
TUNED = "distillation/teacher-tuned"


@dataclass(frozen=True)
class Study:
    """What a run of the distillation study adds: see ``hw3.lab.profiles.Distilling`` for the sizes.

    ``labels``: how many of the images have one (None: all). ``teacher``: "linear" (a new last layer), "tuned" (every
    layer tuned, with the profile's first seed) or None. With a teacher the loss has ``alpha`` and ``temperature``;
    None: those that the search found.
    """

    images: int
    validation: int
    tests: int
    shifts: int
    resolution: int
    labels: int | None = None
    teacher: str | None = None
    alpha: float | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class Experiment:
    """What is trained on what and how. ``options`` are the keyword arguments of the network ``model``."""

    name: str
    data: str
    model: str
    training: Training
    options: Mapping[str, Any] = field(default_factory=dict)
    study: Study | None = None


def _shoes(profile: Profile) -> list[Experiment]:
    def one(name: str, model: str, **options: Any) -> Experiment:
        budget = MLP_BUDGET if model == "mlp" else CNN_BUDGET
        training = Training(epochs=profile.epochs)
        return Experiment(f"shoes/{name}", "shoes", model, training, {"budget": budget, **options})

    return [
        one("mlp", "mlp"),
        one("mlp-dropout", "mlp", dropout=0.2),
        one("cnn", "cnn"),
        one("cnn-dropout", "cnn", regularize="dropout", rate=0.1),
        one("cnn-dropblock", "cnn", regularize="dropblock", rate=0.1, block_size=3),
        one("cnn-factorized", "cnn", kernel="factorized"),
        one("cnn-factorized-narrow", "cnn", kernel="factorized-narrow"),
    ]


def _distillation(profile: Profile) -> list[Experiment]:
    sizes = profile.distilling
    base = Study(sizes.images, sizes.validation, sizes.tests, sizes.shifts, sizes.resolution)
    training = Training(epochs=sizes.epochs, learning_rate=0.02)

    def student(name: str, stem: str = sizes.stem, training: Training = training, **study: Any) -> Experiment:
        full = f"distillation/{name}"
        return Experiment(full, "cifar10", "resnet18", training, {"stem": stem}, replace(base, **study))

    tuning = Training(sizes.teacher_epochs, batch_size=32, learning_rate=0.003, weight_decay=1e-4, clip=1.0)
    few = [
        one
        for labels in sizes.few
        for one in (
            student(f"labels-{labels}", labels=labels),
            student(f"labels-{labels}-with-teacher", labels=labels, teacher="linear", alpha=1.0),
        )
    ]
    return [
        Experiment(TUNED, "cifar10", "resnet50", tuning, {"resolution": sizes.resolution}, base),
        student("student"),
        student("distilled", teacher="linear"),
        student("distilled-from-tuned", teacher="tuned"),
        *few,
        student(f"stem-{sizes.other_stem}", stem=sizes.other_stem),
        student("constant-rate", training=replace(training, schedule="constant", learning_rate=0.01)),
    ]


def experiments(profile: Profile) -> dict[str, Experiment]:
    """All of them as ``profile`` runs them, in the order of the book."""
    return {one.name: one for one in (*_shoes(profile), *_distillation(profile))}


def experiment(name: str, profile: Profile) -> Experiment:
    """The experiment ``name`` as ``profile`` runs it.

    Raises:
        KeyError: there is no such experiment; the message lists those that exist.
    """
    known = experiments(profile)
    if name not in known:
        raise KeyError(f"no experiment is called {name!r} in profile {profile.name}; there are {', '.join(known)}")
    return known[name]


def matching(pattern: str, profile: Profile) -> list[str]:
    """The names that match a shell pattern such as ``shoes/*``, in the order of the book.

    Raises:
        KeyError: none does.
    """
    known = experiments(profile)
    names = [name for name in known if fnmatchcase(name, pattern)]
    if not names:
        raise KeyError(f"no experiment matches {pattern!r} in profile {profile.name}; there are {', '.join(known)}")
    return names
