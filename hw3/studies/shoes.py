"""Question P1, from top to bottom: the photographs, their parts, and every network that is trained on them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from hw3.data.images import ImageSet, Split, split
from hw3.data.load import load
from hw3.nets.cnn import sized_cnn
from hw3.nets.mlp import sized_mlp
from hw3.studies.profiles import Profile
from hw3.studies.run import Experiment
from hw3.train.settings import Training

MLP_BUDGET = 208_500  # parameters; the MLP spends nearly all of it
CNN_BUDGET = 208_000  # a little less, so that no CNN has more than the MLP
SPLIT_SEED = 0  # every run sees the same three parts; the seed of a run moves weights, batches and masks


@dataclass(frozen=True)
class Shoes:
    """The photographs, their parts, and the experiments by name, in the order of the book."""

    data: ImageSet
    split: Split
    experiments: dict[str, Experiment]

    def named(self, *names: str) -> list[Experiment]:
        """Some of the experiments."""
        return [self.experiments[name] for name in names]


def shoes(profile: Profile) -> Shoes:
    """The study at the size of ``profile``. Nothing is trained here."""
    data = load("shoes", source=profile.source, quiet=True)
    parts = split(data, test=0.3, validation=0.1, seed=SPLIT_SEED)
    training = Training(epochs=profile.epochs, precision=profile.precision)

    def one(name: str, network: Callable[..., Any], **options: Any) -> Experiment:
        return Experiment(f"shoes/{name}", data, parts, partial(network, **options), training, histograms=True)

    mlp = partial(one, network=sized_mlp, budget=MLP_BUDGET)
    cnn = partial(one, network=sized_cnn, budget=CNN_BUDGET)
    experiments = [
        mlp("mlp"),
        mlp("mlp-dropout", dropout=0.2),
        cnn("cnn"),
        cnn("cnn-dropout", regularize="dropout", rate=0.1),
        cnn("cnn-dropblock", regularize="dropblock", rate=0.1, block_size=3),
        cnn("cnn-factorized", kernel="factorized"),
        cnn("cnn-factorized-narrow", kernel="factorized-narrow"),
    ]
    return Shoes(data, parts, {experiment.name: experiment for experiment in experiments})
