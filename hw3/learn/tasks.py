"""A task says what one step computes: it maps a model and a batch to a dict that holds at least the loss."""

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn


class Task(Protocol):
    """``task(model, batch)`` returns ``{"loss": scalar, "logits": (N, classes)}``; the engine does the rest."""

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]: ...


def classification(model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Cross-entropy of (images, targets). The model gives logits: ``F.cross_entropy`` applies the softmax itself, and
    a second softmax in the model would keep the loss from falling (see the page on the MLP)."""
    images, targets = batch
    logits = model(images)
    return {"loss": F.cross_entropy(logits.float(), targets), "logits": logits}
