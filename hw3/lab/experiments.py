"""Every experiment of the book, by name, with its complete configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from hw3.lab.profiles import Profile
from hw3.learn.settings import Training

MLP_BUDGET = 208_500  # parameters; the MLP spends nearly all of it
CNN_BUDGET = 208_000  # a little less, so that no CNN has more than the MLP


@dataclass(frozen=True)
class Experiment:
    """What is trained on what and how. ``options`` are the keyword arguments of the network ``model``."""

    name: str
    data: str
    model: str
    training: Training
    options: Mapping[str, Any] = field(default_factory=dict)


def _shoes(name: str, model: str, **options: Any) -> Experiment:
    budget = MLP_BUDGET if model == "mlp" else CNN_BUDGET
    return Experiment(f"shoes/{name}", "shoes", model, Training(epochs=6), {"budget": budget, **options})


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        _shoes("mlp", "mlp"),
        _shoes("mlp-dropout", "mlp", dropout=0.2),
        _shoes("cnn", "cnn"),
        _shoes("cnn-dropout", "cnn", regularize="dropout", rate=0.1),
        _shoes("cnn-dropblock", "cnn", regularize="dropblock", rate=0.1, block_size=3),
        _shoes("cnn-factorized", "cnn", kernel="factorized"),
        _shoes("cnn-factorized-narrow", "cnn", kernel="factorized-narrow"),
    )
}


def experiment(name: str, profile: Profile) -> Experiment:
    """The experiment ``name`` as ``profile`` runs it.

    Raises:
        KeyError: there is no such experiment; the message lists those that exist.
    """
    if name not in EXPERIMENTS:
        raise KeyError(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}")
    found = EXPERIMENTS[name]
    return replace(found, training=replace(found.training, epochs=profile.epochs[found.data]))


def matching(pattern: str) -> list[str]:
    """The names that match a shell pattern such as ``shoes/*``, in the order of the book.

    Raises:
        KeyError: none does.
    """
    names = [name for name in EXPERIMENTS if fnmatchcase(name, pattern)]
    if not names:
        raise KeyError(f"no experiment matches {pattern!r}; there are {', '.join(EXPERIMENTS)}")
    return names
