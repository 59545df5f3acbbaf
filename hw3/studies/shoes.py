"""Question P1, from top to bottom: the photographs, their parts, and every network that is trained on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from hw3.data.images import ImageSet, Split, split
from hw3.data.load import load
from hw3.data.twins import twins
from hw3.nets.cnn import sized_cnn
from hw3.nets.mlp import sized_mlp
from hw3.studies.activations import re_estimated, shifted
from hw3.studies.profiles import Profile
from hw3.studies.record import Look, Plan, Recorded
from hw3.studies.run import Experiment, Result
from hw3.train.settings import Training

MLP_BUDGET = 208_500  # parameters; the MLP spends nearly all of it
CNN_BUDGET = 208_000  # a little less, so that no CNN has more than the MLP
RATE = 0.1  # at which dropout and DropBlock drop
FEW = 10  # every tenth training image is one of the few
LONGER = 5  # times as many epochs, where a curve would not be flat otherwise
SHIFTS = (2, 4, 6, 8)  # pixels, of the test photographs in question (e)
SPLIT_SEED = 0  # every run sees the same three parts; the seed of a run moves weights, batches and masks


@dataclass(frozen=True)
class Shoes:
    """The photographs, their parts, and the experiments by name, in the order of the book: ``experiments`` run in every
    build, ``more`` are recorded only."""

    data: ImageSet
    split: Split
    experiments: dict[str, Experiment]
    more: dict[str, Experiment]

    def named(self, *names: str) -> list[Experiment]:
        """Some of the experiments."""
        return [(self.experiments | self.more)[name] for name in names]

    def plan(self) -> Plan:
        """What is recorded: every experiment with the seeds 0 to 3, those of the usual length first, then with 4 to 7;
        then the MLPs, whose runs are short, with 8 and 9. Written down before the first run."""
        every = list((self.experiments | self.more).values())
        longer = [e for e in every if e.training.epochs != every[0].training.epochs]
        tiers = ([e for e in every if e not in longer], longer)
        runs = [(e, seed) for half in (range(4), range(4, 8)) for tier in tiers for seed in half for e in tier]
        runs += [(e, seed) for seed in (8, 9) for e in every if "/mlp" in e.name]
        masked = [e.name for e in every if "drop" in e.name and "/mlp" not in e.name] + ["shoes/cnn", "shoes/few-cnn"]
        looks: dict[str, dict[str, Look]] = {name: {"re_estimated": re_estimated} for name in masked}
        for name in ("shoes/mlp", "shoes/cnn"):
            shifts = {f"shifted{pixels}": partial(shifted, pixels=pixels) for pixels in SHIFTS}
            looks[name] = looks.get(name, {}) | shifts
        return Plan("shoes", tuple(runs), looks)

    def looked(self, results: Sequence[Result], look: str) -> list[Tensor]:
        """Other logits of finished runs of one experiment, named as in the plan: those that were recorded, or else made
        now from the weights."""
        experiment = self.named(results[0].name)[0]
        make = self.plan().looks[experiment.name][look]
        return [r.look(look) if isinstance(r, Recorded) else make(experiment, r) for r in results]


def shoes(profile: Profile) -> Shoes:
    """The study at the size of ``profile``. Nothing is trained here."""
    data = load("shoes", source=profile.source, quiet=True)
    # Twins stay together; among the small pictures of a stand-in everything would be alike.
    groups = None if data.source.stand_in else twins(data)
    parts = split(data, test=0.3, validation=0.1, seed=SPLIT_SEED, groups=groups)
    training = Training(epochs=profile.epochs, precision=profile.precision)
    longer = replace(training, epochs=LONGER * profile.epochs)
    few = replace(parts, train=parts.train[::FEW])
    small_batches = replace(longer, batch_size=min(longer.batch_size, len(few.train)))

    def one(name: str, network: Callable[..., Any], **options: Any) -> Experiment:
        return Experiment(f"shoes/{name}", data, parts, partial(network, **options), training, histograms=True)

    mlp = partial(one, network=sized_mlp, budget=MLP_BUDGET)
    cnn = partial(one, network=sized_cnn, budget=CNN_BUDGET)
    dropout: dict[str, Any] = {"regularize": "dropout", "rate": RATE}
    dropblock: dict[str, Any] = {"regularize": "dropblock", "rate": RATE, "block_size": 3}
    small = [side // 3 for side in data.shape[1:]]
    experiments = [
        mlp("mlp"),
        mlp("mlp-dropout", dropout=0.2),
        cnn("cnn"),
        cnn("cnn-dropout", **dropout),
        cnn("cnn-dropblock", **dropblock),
        cnn("cnn-factorized", kernel="factorized"),
        cnn("cnn-factorized-narrow", kernel="factorized-narrow"),
    ]
    recorded = [
        mlp("mlp-coarse", pool=(small[0], small[1])),
        replace(mlp("mlp-long"), training=longer),
        replace(mlp("mlp-long-dropout", dropout=0.2), training=longer),
        cnn("cnn-dropout-growing", grow=True, **dropout),
        cnn("cnn-dropblock-constant", grow=False, **dropblock),
        cnn("cnn-factorized-relu", kernel="factorized", activation_between=True),
        cnn("cnn-factorized-late", kernel="factorized", factorize_from=2),
        *(
            replace(cnn(f"few-{name}", **options), split=few, training=small_batches)
            for name, options in (("cnn", {}), ("cnn-dropout", dropout), ("cnn-dropblock", dropblock))
        ),
    ]
    named = ({experiment.name: experiment for experiment in some} for some in (experiments, recorded))
    return Shoes(data, parts, *named)
