"""Questions P2 (b) to (d), from top to bottom: parts, two teachers, a search, students."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hw3.data.images import Split
from hw3.data.views import show, views
from hw3.files import report, runs_dir
from hw3.nets.resnet import FrozenBackbone, student
from hw3.store import Entry, described
from hw3.studies.pretrained import Shared, shared
from hw3.studies.run import Experiment, entry, run
from hw3.studies.search import Search, Trials
from hw3.train.device import fabric
from hw3.train.features import forward, prepare, whole_network
from hw3.train.linear import Linear, fit_linear
from hw3.train.loop import predict
from hw3.train.losses import Distillation
from hw3.train.settings import Training

if TYPE_CHECKING:
    from hw3.studies.profiles import Distillation as Sizes
    from hw3.studies.profiles import Profile


def split_of(given: Shared, sizes: "Sizes") -> Split:
    """Indices of the images to train, to choose and to test. Where there are fewer than ``sizes`` wants, its parts keep
    their proportion."""
    pool = given.pools.train[: sizes.images + sizes.validation]
    chooses = len(pool) * sizes.validation // (sizes.images + sizes.validation)
    return Split(pool[:-chooses], pool[-chooses:], given.pools.test[: sizes.tests])


def short(logits: Tensor) -> Tensor:
    """As float16; what would be infinite there becomes its largest number, which is as hard an answer."""
    largest = torch.finfo(torch.float16).max
    return logits.clamp(-largest, largest).half()


@dataclass(frozen=True)
class LinearTeacher:
    """The pretrained network with a new last layer, solved for on the labelled images, each in its first view."""

    shared: Shared
    split: Split
    resolution: int
    shifts: int
    labels: int | None = None
    needs: Sequence[tuple[Experiment, int]] = ()

    @property
    def entry(self) -> Entry:
        """Where its logits are kept. Asking computes nothing."""
        what = {
            "resolution": self.resolution,
            "shifts": self.shifts,
            "labels": self.labels,
            "data": self.shared.data.digest,
            "split": self.split.digest,
            "weights": self.shared.weights.digest,
            "precision": self.shared.precision,
        }
        code = (forward, prepare, FrozenBackbone, fit_linear, show, views, short)
        return Entry("teachers/linear", described(what), code, runs_dir())

    @property
    def what(self) -> dict[str, Any]:
        return {"teacher": "last layer tuned", "key": self.entry.key, **self.entry.what}

    def logits(self) -> Tensor:
        return self._kept()["logits"]

    def test_logits(self) -> Tensor:
        """(tests, classes), float32."""
        return self._kept()["test"]

    def solution(self) -> Linear:
        """The new last layer."""
        return Linear(**self._kept()["layer"])

    def _kept(self) -> dict[str, Any]:
        return torch.load(self.entry.made(self._make) / "teacher.pt", weights_only=True)

    def _make(self, folder: Path) -> None:
        data, parts, shown = self.shared.data, self.split, views(self.shifts)
        backbone = self.shared.backbone()

        def features(indices: Tensor, view: Any = shown[0]) -> Tensor:
            return self.shared.features(backbone, show(data.images[indices], view), self.resolution)

        labelled = parts.train[: self.labels]
        train, validation = ((features(part), data.labels[part]) for part in (labelled, parts.validation))
        layer = fit_linear(train, validation, len(data.class_names))
        # One view's features at a time: together they would not fit into memory in a large study.
        logits = torch.stack([short(layer(features(parts.train, view))) for view in shown])
        report(f"the linear teacher with {len(labelled)} labels is solved for")
        kept = {"logits": logits, "test": layer(features(parts.test)), "layer": vars(layer)}
        torch.save(kept, folder / "teacher.pt")


@dataclass(frozen=True)
class TunedTeacher:
    """The network of a run in which every layer was tuned."""

    experiment: Experiment
    seed: int
    shifts: int

    @property
    def needs(self) -> Sequence[tuple[Experiment, int]]:
        return [(self.experiment, self.seed)]

    @property
    def entry(self) -> Entry:
        what = {"run": entry(self.experiment, self.seed).key, "shifts": self.shifts}
        return Entry("teachers/tuned", what, (predict, show, views, short, whole_network), runs_dir())

    @property
    def what(self) -> dict[str, Any]:
        return {"teacher": "all layers tuned", "key": self.entry.key, **self.entry.what}

    def logits(self) -> Tensor:
        return torch.load(self.entry.made(self._make) / "logits.pt", weights_only=True)

    def _make(self, folder: Path) -> None:
        device = fabric(self.experiment.training.precision)
        network = self.experiment.model(self.seed)
        network.load_state_dict(run(self.experiment, self.seed).weights)
        images, shown = self.experiment.data.images[self.experiment.split.train], views(self.shifts)
        logits = []
        for number, view in enumerate(shown, start=1):
            report(f"logits of the tuned teacher, seed {self.seed}: view {number} of {len(shown)}")
            logits.append(short(predict(device, network, show(images, view), batch_size=100)))
        torch.save(torch.stack(logits), folder / "logits.pt")


@dataclass(frozen=True)
class Study:
    """The study at the size of a profile. Nothing is trained until it is asked for."""

    shared: Shared
    sizes: "Sizes"
    seeds: tuple[int, ...]
    split: Split

    @property
    def training(self) -> Training:
        """Of every student, but for the arm that is about the schedule."""
        s, precision = self.sizes, self.shared.precision
        return Training(s.epochs, s.batch_size, s.learning_rate, precision=precision)

    def linear(self, labels: int | None = None) -> LinearTeacher:
        """A new last layer, from all labels or from the first few."""
        return LinearTeacher(self.shared, self.split, self.sizes.resolution, self.sizes.shifts, labels)

    @property
    def tuning(self) -> Experiment:
        """Question (d): every layer of the pretrained network is tuned."""
        training = Training(
            self.sizes.teacher_epochs, 32, 0.003, weight_decay=1e-4, clip=1.0, precision=self.shared.precision
        )
        network = partial(
            whole_network, weights=self.shared.weights, resolution=self.sizes.resolution, head=self.linear()
        )
        name, shifts = "distillation/teacher-tuned", self.sizes.shifts
        return Experiment(name, self.shared.data, self.split, network, training, shifts=shifts, standardize=False)

    def tuned(self) -> TunedTeacher:
        """One teacher for the students of all seeds: the network that was tuned with the first one."""
        return TunedTeacher(self.tuning, self.seeds[0], self.sizes.shifts)

    def student(self, name: str, stem: str | None = None, **changes: Any) -> Experiment:
        """A ResNet18 from scratch; ``changes`` are fields of ``Experiment``."""
        network = partial(student, stem=stem or self.sizes.stem)
        base = Experiment(f"distillation/{name}", self.shared.data, self.split, network, self.training)
        return replace(base, shifts=self.sizes.shifts, **changes)

    def search(self) -> Search:
        """Short trainings with the linear teacher, for α and τ."""
        short_training = replace(self.training, epochs=self.sizes.search_epochs)
        base = self.student("search", teacher=self.linear(), training=short_training)
        return Search(base, self.sizes.alphas, self.sizes.temperatures, self.sizes.search_seeds)

    def students(self) -> dict[str, Experiment]:
        """Those that need no search."""
        constant = replace(self.training, schedule="constant", learning_rate=self.training.learning_rate / 2)
        arms = [
            self.tuning,
            self.student("student"),
            *(self.student(f"labels-{labels}", labels=labels) for labels in self.sizes.few),
            self.student(f"stem-{self.sizes.other_stem}", stem=self.sizes.other_stem),
            self.student("constant-rate", training=constant),
        ]
        return {experiment.name: experiment for experiment in arms}

    def taught(self, setting: Trials) -> dict[str, Experiment]:
        """Those that learn from a teacher, with the α and τ of ``setting``; with few labels no label is used."""
        task = Distillation(setting.alpha, setting.temperature)
        alone = Distillation(1.0, setting.temperature)
        arms = [
            self.student("distilled", teacher=self.linear(), task=task),
            self.student("distilled-from-tuned", teacher=self.tuned(), task=task),
            *(
                self.student(f"labels-{n}-with-teacher", labels=n, teacher=self.linear(n), task=alone)
                for n in self.sizes.few
            ),
        ]
        return {experiment.name: experiment for experiment in arms}


def distillation(profile: "Profile") -> Study:
    """The study at the size of ``profile``; reads the images, and trains nothing."""
    given = shared(profile)
    return Study(given, profile.distillation, profile.seeds, split_of(given, profile.distillation))
