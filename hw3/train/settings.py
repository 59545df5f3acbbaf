"""How a network is trained: settings, optimizer and schedule, seeds, threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from operator import index

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from hw3.theory.sizes import whole

SCHEDULES = ("one-cycle", "constant")
PRECISIONS = ("32-true", "bf16-mixed")
RANGES = {  # of numbers: above, below
    "learning_rate": (0, float("inf")),
    "momentum": (0, 1),
    "warmup": (0, 1),
    "clip": (0, float("inf")),
}


@dataclass(frozen=True)
class Training:
    """SGD with Nesterov momentum under a one-cycle schedule (Smith and Topin 2017, arXiv 1708.07120).

    ``learning_rate`` is the peak, reached after ``warmup`` (a share of all steps), while the momentum falls from .95 to
    .85; then both go back. With the schedule "constant" the rate is that of every step and the momentum ``momentum``.
    ``clip`` is the largest norm of a step's gradient; a longer one is shortened to it. ``precision``: "32-true", or
    "bf16-mixed" (matrix products in bfloat16, weights in float32).

    Raises:
        ValueError: a size that is no positive integer, a rate outside its range, an unknown schedule or precision.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.3
    schedule: str = "one-cycle"
    clip: float | None = None
    precision: str = "32-true"

    def __post_init__(self) -> None:
        for name, allowed in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}")
        for name in ("epochs", "batch_size"):
            object.__setattr__(self, name, whole(name, getattr(self, name)))
        for name, (above, below) in RANGES.items():
            value = getattr(self, name)
            if not (_is_number(value) and above < value < below) and not (name == "clip" and value is None):
                within = "positive and finite" if below > 1 else f"between {above} and {below}"
                raise ValueError(f"{name} is {value!r}; it must be {within}")
        if not (_is_number(self.weight_decay) and 0 <= self.weight_decay < float("inf")):
            raise ValueError(f"weight_decay is {self.weight_decay!r}; it must be 0 or positive, and finite")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


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


def seed_epoch(seed: int, epoch: int) -> None:
    """Seed torch's global generator for one epoch, so that its random masks do not depend on the epochs before it:
    a run that was killed and resumed draws the same ones."""
    torch.manual_seed(index(seed) * 1_000_003 + epoch)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with ``count`` threads: sums of floats depend on how they are divided among threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
