"""The first steps of a run and their losses: little enough to be trained again by every build."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hw3.studies.parallel import Wanted
from hw3.studies.run import THREADS, Experiment
from hw3.train.device import precision_of
from hw3.train.loop import Task, fit
from hw3.train.settings import threads

STEPS = 60


def cpu() -> Fabric:
    """One thread of the CPU in float32, also where there is a GPU: what all machines have."""
    made = Fabric(accelerator="cpu", devices=1, precision="32-true")
    made.launch()
    return made


class _EnoughError(Exception):
    """The first steps are done."""


@dataclass
class _Watched:
    """A task that notes each step's loss, and the teacher's answers, and ends the training after ``steps`` of them."""

    task: Task
    steps: int
    losses: list[float] = field(default_factory=list)
    answers: list[Tensor] = field(default_factory=list)

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        result = self.task(model, batch)
        self.losses.append(result["loss"].item())
        self.answers += [batch[2].cpu()] if len(batch) > 2 else []
        if len(self.losses) == self.steps:
            raise _EnoughError
        return result


@dataclass(frozen=True)
class _Silent:
    """Stands for a teacher whose answers are recorded and need not be made again."""

    shape: tuple[int, int, int]
    what: dict[str, Any] = field(default_factory=dict)
    needs: Sequence[Wanted] = ()

    def logits(self) -> Tensor:
        return torch.zeros(self.shape, dtype=torch.float16)


@dataclass
class _Answered:
    """Batches with recorded answers of the teacher, one tensor (N, classes) for each step of the first epochs."""

    batches: Any
    answers: Sequence[Tensor]

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, ...]]:
        for step, batch in enumerate(self.batches.epoch(number), start=number * len(self)):
            yield (*batch[:2], self.answers[step])


def first_losses(
    experiment: Experiment, seed: int, device: Fabric, answers: Sequence[Tensor] = (), steps: int = STEPS
) -> tuple[list[float], list[Tensor]]:
    """The loss (nats) of each of the first steps of a run on ``device``, and the teacher's answers in them, each
    (N, classes). With ``answers`` the teacher is not asked."""
    if answers:
        views = 1 if experiment.shifts is None else 2 * experiment.shifts
        shape = views, len(experiment.split.train), len(experiment.data.class_names)
        experiment = replace(experiment, teacher=_Silent(shape))
    watched = _Watched(experiment.task, steps)
    with threads(THREADS), suppress(_EnoughError):
        model = experiment.model(seed).to(memory_format=torch.channels_last)
        batches: Any = experiment.batches(seed)
        batches = _Answered(batches, answers) if answers else batches
        training = replace(experiment.training, precision=precision_of(device))
        fit(device, model, watched, batches, training, seed)
    return watched.losses, watched.answers
