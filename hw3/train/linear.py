"""A linear layer on fixed features: a convex problem, solved to the end instead of trained for some epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hw3.theory.sizes import checked_seed, whole
from hw3.train.losses import checked_targets, cross_entropy
from hw3.train.settings import threads

L2_GRID = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
LARGEST_L2 = 1e30  # float32 ends near 3e38


@dataclass(frozen=True)
class Linear:
    """logits = features @ weight.T + bias. ``l2`` is the penalty; where the validation part chose it, ``table`` holds
    ``l2``, ``loss`` and ``accuracy`` on it for every penalty that was tried, from the strongest."""

    weight: Tensor
    bias: Tensor
    l2: float
    table: tuple[dict[str, float], ...] = ()

    def __call__(self, features: Tensor) -> Tensor:
        return features.float() @ self.weight.T + self.bias

    @property
    def validation(self) -> dict[str, float]:
        """The row of ``table`` for its own penalty."""
        return next(row for row in self.table if row["l2"] == self.l2)


def solve(
    features: Tensor, targets: Tensor, classes: int, l2: float, steps: int = 100, start: Linear | None = None
) -> Linear:
    """Multinomial logistic regression: the weight (classes, D) and bias that minimize the mean cross-entropy plus
    l2/2·|weight|² on standardized features (N, D), by L-BFGS. The standardization is folded into the result. ``start``
    is a solution for another penalty, to begin at; the minimum does not depend on it.

    Raises:
        ValueError: no features, other shapes or one that is not finite, targets that are no classes, a penalty that is
            not positive and finite.
    """
    if not 0 < l2 <= LARGEST_L2:
        raise ValueError(f"l2 is {l2!r}; it must be positive and at most {LARGEST_L2:g}")
    steps = whole("steps", steps)
    features, targets = features.float(), checked_targets(features, targets, "features")
    _finite(features)
    mean, std = features.mean(0), features.std(0, correction=0).clamp_min(1e-6)
    x = (features - mean) / std
    weight = torch.zeros(whole("classes", classes), x.shape[1]) if start is None else start.weight * std
    bias = torch.zeros(classes) if start is None else start.bias + start.weight @ mean
    weight.requires_grad_()
    bias.requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe", tolerance_grad=1e-5)

    def loss() -> Tensor:
        value = cross_entropy(x @ weight.T + bias, targets) + l2 / 2 * weight.square().sum()
        weight.grad, bias.grad = torch.autograd.grad(value, [weight, bias])
        return value

    with threads(1):  # threads that wait for each other on a busy machine make small sums take minutes
        optimizer.step(loss)
    scaled = weight.detach() / std
    return Linear(scaled, bias.detach() - scaled @ mean, l2)


def _finite(features: Tensor) -> None:
    if not features.isfinite().all():
        row, column = (~features.isfinite()).nonzero()[0].tolist()
        raise ValueError(f"feature {column} of image {row} is {features[row, column]:g}; all must be finite")


def fit_linear(
    train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], classes: int, grid: Sequence[float] = L2_GRID
) -> Linear:
    """The solution whose penalty in ``grid`` has the least cross-entropy on the validation part; of equals the
    strongest. (features, targets) each.

    Raises:
        ValueError: an empty part or grid, parts of other shapes, or features that are not finite.
    """
    if min(len(train[0]), len(validation[0]), len(grid)) == 0:
        raise ValueError(
            f"{len(train[0])} to train, {len(validation[0])} to validate, {len(grid)} penalties: none may be 0"
        )
    checked_targets(validation[0], validation[1], "validation features")
    _finite(validation[0])
    if validation[0].shape[1] != train[0].shape[1]:
        raise ValueError(f"there are {train[0].shape[1]} features to train and {validation[0].shape[1]} to validate")
    heads: list[Linear] = []
    table: list[dict[str, float]] = []
    for l2 in sorted(grid, reverse=True):  # from the strongest penalty: each solution is near the next
        heads.append(solve(*train, classes, l2, start=heads[-1] if heads else None))
        logits = heads[-1](validation[0])
        accuracy = (logits.argmax(1) == validation[1]).double().mean().item()
        table.append({"l2": l2, "loss": cross_entropy(logits, validation[1]).item(), "accuracy": accuracy})
    best = min(range(len(table)), key=lambda row: table[row]["loss"])
    return replace(heads[best], table=tuple(table))


def fold_heads(
    features: Tensor, targets: Tensor, classes: int, l2: float, folds: int = 5, seed: int = 0
) -> list[tuple[Tensor, Linear]]:
    """Pairs (indices, head): each head is solved on the images of all other folds, so that what it says of its own is
    about images that it has not seen. Every fold has its share of every class.

    Raises:
        ValueError: fewer than 2 folds, or more than images.
    """
    if not 2 <= whole("folds", folds) <= len(features):
        raise ValueError(f"folds is {folds}; with {len(features)} images it must be from 2 to {len(features)}")
    targets = checked_targets(features, targets, "features")
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(checked_seed(seed)))
    order = order[targets[order].argsort(stable=True)]  # dealt out class by class
    parts = [order[start::folds].sort().values for start in range(folds)]
    rest = [torch.cat([*parts[:own], *parts[own + 1 :]]).sort().values for own in range(folds)]
    return [
        (part, solve(features[others], targets[others], classes, l2)) for part, others in zip(parts, rest, strict=True)
    ]


def fold_logits(features: Tensor, targets: Tensor, classes: int, l2: float, folds: int = 5, seed: int = 0) -> Tensor:
    """Logits (N, classes) of each image by the head of ``fold_heads`` that has not seen it."""
    logits = torch.empty(len(features), classes)
    for part, head in fold_heads(features, targets, classes, l2, folds, seed):
        logits[part] = head(features[part])
    return logits
