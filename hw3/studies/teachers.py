"""The two teachers: a pretrained network with a new last layer, and one that was tuned as a whole. What they say of
every view of every training image is computed once and kept."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hw3.data.images import Split
from hw3.data.views import show, views
from hw3.files import report, runs_dir
from hw3.nets.resnet import FrozenBackbone
from hw3.store import Entry, described
from hw3.studies.run import Experiment, entry, run
from hw3.train.device import fabric
from hw3.train.features import forward, prepare, whole_network
from hw3.train.linear import Linear, fit_linear, fold_heads
from hw3.train.loop import predict

if TYPE_CHECKING:
    from hw3.studies.pretrained import Shared


def short(logits: Tensor) -> Tensor:
    """As float16; what would be infinite there becomes its largest number, which is as hard an answer."""
    largest = torch.finfo(torch.float16).max
    return logits.clamp(-largest, largest).half()


@dataclass(frozen=True)
class LinearTeacher:
    """The pretrained network with a new last layer, solved for on the labelled images, each in its first view.

    With ``folds`` each image is answered for by a layer that was solved for without it, so that every answer is about
    an image not seen.
    """

    shared: "Shared"
    split: Split
    resolution: int
    shifts: int
    labels: int | None = None
    folds: int | None = None
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
        what |= {} if self.folds is None else {"folds": self.folds}
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
        answer = layer if self.folds is None else _out_of_fold(train, layer, self.folds)
        logits = torch.stack([short(answer(features(parts.train, view))) for view in shown])
        report(f"the linear teacher with {len(labelled)} labels is solved for")
        kept = {"logits": logits, "test": layer(features(parts.test)), "layer": vars(layer)}
        torch.save(kept, folder / "teacher.pt")


def _out_of_fold(train: tuple[Tensor, Tensor], layer: Linear, folds: int) -> Callable[[Tensor], Tensor]:
    """Answers for features of the training images, in any view, by layers that have not seen the image."""
    heads = fold_heads(*train, len(layer.bias), layer.l2, folds)

    def answer(features: Tensor) -> Tensor:
        logits = torch.empty(len(features), len(layer.bias))
        for part, head in heads:
            logits[part] = head(features[part])
        return logits

    return answer


WRONG = ("shuffled", "even")  # what can be done to the probabilities of the classes that a teacher does not name


@dataclass(frozen=True)
class Changed:
    """A teacher whose answers are changed where they do not name the class. The largest probability at ``temperature``
    stays; those of the other classes are "shuffled" among themselves, or made "even". So what a student loses is what
    the teacher says of the wrong classes.

    Raises:
        ValueError: another way to change them.
    """

    teacher: LinearTeacher
    wrong: str
    temperature: float

    def __post_init__(self) -> None:
        if self.wrong not in WRONG:
            raise ValueError(f"wrong is {self.wrong!r}; it must be one of {', '.join(WRONG)}")

    @property
    def needs(self) -> Sequence[tuple[Experiment, int]]:
        return self.teacher.needs

    @property
    def what(self) -> dict[str, Any]:
        return {"wrong classes": self.wrong, "temperature": self.temperature, "of": self.teacher.what}

    def logits(self) -> Tensor:
        logits = self.teacher.logits().float()
        top = logits.argmax(-1, keepdim=True)
        others = torch.ones_like(logits, dtype=torch.bool).scatter(-1, top, False)
        wrong = logits[others].view(*logits.shape[:-1], -1)
        if self.wrong == "even":
            level = self.temperature * (wrong / self.temperature).logsumexp(-1, keepdim=True)
            wrong = (level - self.temperature * math.log(wrong.shape[-1])).expand_as(wrong)
        else:
            order = torch.rand(wrong.shape, generator=torch.Generator().manual_seed(0)).argsort(-1)
            wrong = wrong.gather(-1, order)
        logits[others] = wrong.flatten()
        return short(logits)


@dataclass(frozen=True)
class TunedTeacher:
    """The network of a finished run: one in which every layer was tuned, or a student."""

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
        return {"teacher": self.experiment.name, "key": self.entry.key, **self.entry.what}

    def logits(self) -> Tensor:
        return torch.load(self.entry.made(self._make) / "logits.pt", weights_only=True)

    def _make(self, folder: Path) -> None:
        device = fabric(self.experiment.training.precision)
        network = self.experiment.model(self.seed)
        network.load_state_dict(run(self.experiment, self.seed).weights)
        images, shown = self.experiment.data.images[self.experiment.split.train], views(self.shifts)
        logits = []
        for number, view in enumerate(shown, start=1):
            report(f"logits of {self.experiment.name}, seed {self.seed}: view {number} of {len(shown)}")
            logits.append(short(predict(device, network, show(images, view), batch_size=100)))
        torch.save(torch.stack(logits), folder / "logits.pt")
