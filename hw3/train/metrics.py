"""What is reported of a classifier, from all logits of a part at once (never as a mean of batch means)."""

from dataclasses import dataclass

import torch
from scipy.optimize import brentq
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import Tensor

from hw3.theory.sizes import whole
from hw3.train.losses import checked_classes, cross_entropy


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
        ValueError: no images, or other shapes.
    """
    loss = cross_entropy(logits, targets).item()
    predicted, classes = logits.argmax(1), range(logits.shape[1])
    precision, recall, _, _ = precision_recall_fscore_support(targets, predicted, labels=classes, zero_division=0)
    return Scores(
        loss=loss,
        accuracy=(predicted == targets).double().mean().item(),
        precision=float(precision.mean()),
        recall=float(recall.mean()),
        precision_by_class=tuple(map(float, precision)),
        recall_by_class=tuple(map(float, recall)),
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(targets, predicted, labels=classes)),
    )


@dataclass(frozen=True)
class Bin:
    """Images whose confidence, the largest probability, is above ``low`` and at most ``high``: how many, how sure on
    the mean, and what share is right (both 0 where there are none)."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def calibration_bins(logits: Tensor, targets: Tensor, bins: int = 15) -> tuple[Bin, ...]:
    """The reliability table of Guo et al. 2017 (arXiv 1706.04599, section 2): ``bins`` of equal width from 0 to 1.

    Raises:
        ValueError: no images, other shapes, targets that are no classes, or fewer than one bin.
    """
    targets, edges = checked_classes(logits, targets), torch.linspace(0, 1, whole("bins", bins) + 1).double()
    confidence, predicted = logits.double().softmax(1).max(1)
    right, place = (predicted == targets).double(), torch.bucketize(confidence, edges[1:-1])
    counts = torch.bincount(place, minlength=bins)
    means = [torch.bincount(place, values, minlength=bins) / counts.clamp_min(1) for values in (confidence, right)]
    rows = zip(edges.tolist(), edges[1:].tolist(), counts.tolist(), *(m.tolist() for m in means), strict=False)
    return tuple(Bin(*row) for row in rows)


def expected_calibration_error(logits: Tensor, targets: Tensor, bins: int = 15) -> float:
    """By how much confidence and accuracy differ on the mean, from 0 to 1: the gap of each of ``calibration_bins``,
    weighted by its images (Guo et al. 2017, equation 3)."""
    table = calibration_bins(logits, targets, bins)
    return sum(row.count * abs(row.accuracy - row.confidence) for row in table) / len(logits)


def best_temperature(logits: Tensor, targets: Tensor, limit: float = 100.0) -> float:
    """The temperature that minimizes the cross-entropy of ``logits`` / temperature (Guo et al. 2017, section 4.2), for
    validation images. It changes no prediction.

    The cross-entropy is convex in 1 / temperature, so its slope has one zero. Where it has none from 1 / ``limit`` to
    ``limit`` the nearer end is returned: ``limit`` for logits no better than chance, 1 / ``limit`` for faultless ones.

    Raises:
        ValueError: other shapes, targets that are no classes, logits that are NaN or ∞, or a limit that is not above 1.
    """
    z, targets = logits.double(), checked_classes(logits, targets)
    if z.isnan().any() or z.isposinf().any():
        raise ValueError("some logits are NaN or ∞; a network that diverged has no best temperature")
    if not 1 < limit < float("inf"):
        raise ValueError(f"limit is {limit!r}; it must be above 1 and finite")
    labelled = z.gather(1, targets[:, None]).mean()

    def slope(inverse: float) -> float:
        probabilities = (inverse * z).softmax(1)
        return (torch.where(probabilities > 0, probabilities * z, 0).sum(1).mean() - labelled).item()

    if slope(1 / limit) >= 0:
        return limit
    if slope(limit) <= 0:
        return 1 / limit
    return 1 / brentq(slope, 1 / limit, limit, xtol=1e-12)
