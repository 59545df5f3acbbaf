"""bf16 and channels-last are used where a short probe finds them faster on this machine, and never otherwise."""

import hashlib
import json
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hw3.data.files import produce
from hw3.learn.tasks import Task
from hw3.paths import cache_dir


@dataclass(frozen=True)
class Precision:
    """``bf16``: compute matrix products in bfloat16, weights stay float32; ``channels_last``: memory layout."""

    bf16: bool = False
    channels_last: bool = False

    def autocast(self) -> AbstractContextManager:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)

    def place(self, model: nn.Module) -> nn.Module:
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return model.to(memory_format=layout)

    def arrange(self, images: Tensor) -> Tensor:
        return images.contiguous(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)

    def __str__(self) -> str:
        return ("bf16" if self.bf16 else "fp32") + (", channels last" if self.channels_last else "")


CHOICES = (Precision(), Precision(channels_last=True), Precision(bf16=True, channels_last=True))


def processor() -> str:
    """The processor's name, as the system gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1] for line in lines if "model name" in line]
    return names[0].strip() if names else platform.processor() or platform.machine()


def step_seconds(
    model: nn.Module, task: Task, batch: tuple[Tensor, ...], precision: Precision, train: bool = True
) -> float:
    """Seconds of one forward and backward pass (forward alone if not ``train``)."""
    precision.place(model)
    batch = (precision.arrange(batch[0]), *batch[1:])
    start = time.perf_counter()
    with torch.set_grad_enabled(train), precision.autocast():
        loss = task(model, batch)["loss"]
    if train:
        loss.backward()
        model.zero_grad()
    return time.perf_counter() - start


def fastest(
    build: Callable[[], nn.Module], task: Task, batch: tuple[Tensor, ...], label: str, train: bool = True
) -> Precision:
    """The fastest of ``CHOICES`` for one training step of ``build()`` on ``batch``, or one prediction if not ``train``.

    Each choice is tried once to warm up, then all in turn, three times, so that a slow moment of the machine meets
    them all; the best time of each counts. One that takes four times as long as the first when it warms up is given up.
    A choice must gain at least 20 % to replace the one before it, so that chance seldom decides. The answer is
    remembered in the cache for this processor, torch version, thread count and ``label``, so that one machine always
    answers the same.
    """
    who = (processor(), torch.__version__, torch.get_num_threads(), label, tuple(batch[0].shape), train)
    memo = cache_dir() / "precision" / f"{hashlib.sha256(repr(who).encode()).hexdigest()[:16]}.json"

    def make(target: Path) -> None:
        models = {choice: build() for choice in CHOICES}
        cold = {choice: step_seconds(model, task, batch, choice, train) for choice, model in models.items()}
        warm: dict[Precision, list[float]] = {choice: [] for choice in CHOICES if cold[choice] <= 4 * cold[CHOICES[0]]}
        for _ in range(3):
            for choice, times in warm.items():
                times.append(step_seconds(models[choice], task, batch, choice, train))
        best, *others = warm
        for choice in others:
            if min(warm[choice]) < 0.8 * min(warm[best]):
                best = choice
        target.write_text(json.dumps(asdict(best)))

    return Precision(**json.loads(produce(memo, make).read_text()))
