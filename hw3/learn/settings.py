"""How a network is trained: settings, optimizer and schedule, shared by both engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


@dataclass(frozen=True)
class Training:
    """SGD with Nesterov momentum under a one-cycle schedule (Smith and Topin 2017, arXiv 1708.07120).

    ``learning_rate`` is the peak, reached after ``warmup`` (a share of all steps). With the schedule "constant" it is
    the rate of every step. ``clip`` is the largest norm of a step's gradient; a longer one is shortened to it.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.3
    schedule: str = "one-cycle"
    clip: float | None = None

    def __post_init__(self) -> None:
        if self.schedule not in ("one-cycle", "constant"):
            raise ValueError(f"schedule is {self.schedule!r}; it must be 'one-cycle' or 'constant'")
        for name in ("epochs", "batch_size", "learning_rate", "clip"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be positive")


def optimizer_and_schedule(model: nn.Module, training: Training, steps: int) -> tuple[Optimizer, LRScheduler]:
    """``steps`` is the number of all optimizer steps; call the schedule once after each."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = SGD(
        trainable,
        training.learning_rate,
        momentum=training.momentum,
        weight_decay=training.weight_decay,
        nesterov=True,
        fused=True,  # one pass over each tensor: on a CPU, an update costs memory traffic and little else
    )
    if training.schedule == "constant":
        return optimizer, LambdaLR(optimizer, lambda step: 1.0)
    return optimizer, OneCycleLR(optimizer, training.learning_rate, total_steps=steps, pct_start=training.warmup)


def clip_gradient(model: nn.Module, training: Training) -> None:
    """Shorten the gradient as ``training`` says, between the backward pass and the optimizer's step."""
    if training.clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), training.clip)


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed torch's global generator for one epoch, so that its random masks do not depend on the epochs before it:
    a run that was killed and resumed draws the same ones."""
    torch.manual_seed(seed * 1_000_003 + epoch)


def set_progress(model: nn.Module, progress: float) -> None:
    """Tell every layer with a ``progress`` attribute (a drop rate that grows) how far training is, from 0 to 1."""
    for layer in model.modules():
        if hasattr(layer, "progress"):
            layer.progress = progress  # type: ignore[assignment]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with ``count`` threads: sums of floats depend on how they are divided among threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
