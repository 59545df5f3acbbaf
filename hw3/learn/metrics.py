"""What is reported of a classifier, from all logits of a part at once (never as a mean of batch means)."""

from dataclasses import dataclass

import torch.nn.functional as F
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """``loss`` is the mean cross-entropy in nats; ``precision`` and ``recall`` are means over the classes ("macro"),
    with the values of each class beside them; ``confusion[i][j]`` counts images of class i that were called j."""

    loss: float
    accuracy: float
    precision: float
    recall: float
    precision_by_class: tuple[float, ...]
    recall_by_class: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]


def score(logits: Tensor, targets: Tensor) -> Scores:
    """Score logits (N, classes) against integer targets (N,). A class that is never predicted has precision 0.

    Raises:
        ValueError: no images, or lengths that differ.
    """
    if len(logits) == 0 or len(logits) != len(targets):
        raise ValueError(f"{len(logits)} logits and {len(targets)} targets; both must be the same, 1 or more")
    predicted, classes = logits.argmax(1), range(logits.shape[1])
    precision, recall, _, _ = precision_recall_fscore_support(targets, predicted, labels=classes, zero_division=0)
    return Scores(
        loss=F.cross_entropy(logits.float(), targets).item(),
        accuracy=(predicted == targets).double().mean().item(),
        precision=float(precision.mean()),
        recall=float(recall.mean()),
        precision_by_class=tuple(map(float, precision)),
        recall_by_class=tuple(map(float, recall)),
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(targets, predicted, labels=classes)),
    )
