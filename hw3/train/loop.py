"""The one training loop: what the page shows is what every run of the book executes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from hw3.nets.build import evaluating
from hw3.train.checkpoints import load, save
from hw3.train.settings import Training, optimizer_and_schedule, seed_epoch

Row = dict[str, float]
Batch = tuple[Tensor, ...]


class Task(Protocol):
    """What one step computes: ``task(model, batch)`` gives ``{"loss": scalar, "logits": (N, classes)}``."""

    def __call__(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]: ...


class Epochs(Protocol):
    """``epoch(n)`` gives the batches of epoch n, the same whenever it is asked; ``len`` is how many they are."""

    def epoch(self, number: int) -> Iterator[Batch]: ...

    def __len__(self) -> int: ...


class AfterEpoch(Protocol):
    """What looks at the model after each epoch and may add to the last row of the history."""

    def __call__(self, model: nn.Module, history: list[Row]) -> None: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


# begin: fit
def fit(
    fabric: Fabric,
    model: nn.Module,
    task: Task,
    batches: Epochs,
    training: Training,
    seed: int,
    folder: Path | None = None,
    after_epoch: AfterEpoch | None = None,
    progress: bool = False,
) -> list[Row]:
    """Train ``model`` in place and return a row of numbers for each epoch.

    With a ``folder``, a training that was killed goes on behind its last whole epoch and ends as if it had not been:
    the order of the images and all random masks of an epoch depend on (seed, epoch) alone.
    """
    steps = training.epochs * len(batches)
    optimizer, schedule = optimizer_and_schedule(model, training, steps)
    wrapped, optimizer = fabric.setup(model, optimizer)  # device, precision, shared gradients
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    parts |= {"after_epoch": after_epoch} if after_epoch else {}
    history = restored(folder, parts)
    growing: list[Any] = [layer for layer in model.modules() if hasattr(layer, "progress")]  # drop rates that grow
    bar = tqdm(total=steps, initial=len(history) * len(batches), unit="step", disable=not progress)
    for epoch in range(len(history), training.epochs):
        start, total = time.perf_counter(), torch.zeros(3, device=fabric.device)
        seed_epoch(seed + 7919 * fabric.global_rank, epoch)  # other masks on each device
        wrapped.train()
        for step, batch in enumerate(batches.epoch(epoch), start=epoch * len(batches)):
            for layer in growing:
                layer.progress = step / steps
            batch = fabric.to_device(batch)
            result = task(wrapped, batch)
            optimizer.zero_grad()
            fabric.backward(result["loss"])
            if training.clip is not None:
                clip_grad_norm_(model.parameters(), training.clip)
            optimizer.step()
            schedule.step()
            total += sums(result, batch)
            bar.update()
        loss, right, images = cast(Tensor, fabric.all_reduce(total, reduce_op="sum")).tolist()
        row = {"loss/train": loss / images, "accuracy/train": right / images, "seconds": time.perf_counter() - start}
        history.append(row)
        if fabric.is_global_zero:
            if after_epoch:
                after_epoch(model, history)
            if folder:
                save(folder / LAST, {name: part.state_dict() for name, part in parts.items()} | {"history": history})
    bar.close()
    return history


# end: fit

LAST = "last.ckpt"


def sums(result: dict[str, Tensor], batch: Batch) -> Tensor:
    """Over the batch: loss, right answers, images. So a short batch counts by its images."""
    count = torch.tensor(float(len(batch[0])), device=batch[0].device)
    right = (result["logits"].argmax(1) == batch[1]).sum()
    return torch.stack([result["loss"].detach() * count, right, count])


def restored(folder: Path | None, parts: dict[str, Any]) -> list[Row]:
    """The history of the training that was begun in ``folder``, each part in the state that it had; empty if none."""
    state = load(folder / LAST) if folder else None
    if state is None:
        return []
    history = state.pop("history")
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return history


@torch.no_grad()
def predict(fabric: Fabric, model: nn.Module, images: Tensor, batch_size: int = 500) -> Tensor:
    """Logits (N, classes), float32, of uint8 images (N, C, H, W), on the device and in the precision that train."""
    model = fabric.to_device(model)
    with evaluating(model), fabric.autocast():
        logits = [model(fabric.to_device(part)).float().cpu() for part in images.split(batch_size)]
    return torch.cat(logits)
