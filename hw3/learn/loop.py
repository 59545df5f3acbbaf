"""The plain training loop, to be read from top to bottom. ``hw3.learn.engine`` does the same on Lightning."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from hw3.learn.precision import Precision
from hw3.learn.settings import Training, clip_gradient, optimizer_and_schedule, seed_epoch, set_progress
from hw3.learn.tasks import Task
from hw3.nets.mode import evaluating


def fit(
    model: nn.Module,
    task: Task,
    batches: DataLoader,
    training: Training,
    seed: int,
    precision: Precision = Precision(),  # noqa: B008 - frozen
    after_epoch: Callable[[int], None] | None = None,
) -> list[float]:
    """Train ``model`` in place and return the mean training loss of each epoch, weighted by batch size.

    ``after_epoch(epoch)``, counted from 0, may look at the model, and end the training by raising.
    """
    steps = training.epochs * len(batches)
    optimizer, schedule = optimizer_and_schedule(model, training, steps)
    losses, step = [], 0
    for epoch in range(training.epochs):
        batches.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        seed_epoch(seed, epoch)
        model.train()
        total, count = 0.0, 0
        for batch in batches:
            set_progress(model, step / steps)
            with precision.autocast():
                loss = task(model, batch)["loss"]
            optimizer.zero_grad()
            loss.backward()
            clip_gradient(model, training)
            optimizer.step()
            schedule.step()
            step += 1
            total, count = total + loss.item() * len(batch[0]), count + len(batch[0])
        losses.append(total / count)
        if after_epoch:
            after_epoch(epoch)
    return losses


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, precision: Precision = Precision(), batch_size: int = 500) -> Tensor:  # noqa: B008
    """Logits (N, classes), float32, of uint8 images (N, C, H, W), in evaluation mode; the model's mode is restored."""
    with evaluating(model), precision.autocast():
        logits = [model(part).float() for part in images.split(batch_size)]
    return torch.cat(logits)
