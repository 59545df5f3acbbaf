"""A linear layer on fixed features: a convex problem, solved to the end instead of trained for some epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from hw3.learn.settings import threads

L2_GRID = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True)
class Probe:
    """logits = features @ weight.T + bias; ``l2`` is the penalty that the validation part chose."""

    weight: Tensor
    bias: Tensor
    l2: float
    validation_accuracy: float = float("nan")

    def __call__(self, features: Tensor) -> Tensor:
        return features.float() @ self.weight.T + self.bias


def solve(
    features: Tensor, targets: Tensor, classes: int, l2: float, steps: int = 100, start: Probe | None = None
) -> Probe:
    """Multinomial logistic regression: the weight (classes, D) and bias that minimize the mean cross-entropy plus
    l2/2·|weight|² on standardized features, by L-BFGS. The standardization is folded into the result. ``start`` is a
    solution for another penalty, to begin at; the minimum does not depend on it."""
    mean, std = features.mean(0), features.std(0, correction=0).clamp_min(1e-6)
    x = (features - mean) / std
    weight = torch.zeros(classes, x.shape[1]) if start is None else start.weight * std
    bias = torch.zeros(classes) if start is None else start.bias + start.weight @ mean
    weight.requires_grad_()
    bias.requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe", tolerance_grad=1e-5)

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(x @ weight.T + bias, targets) + l2 / 2 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    scaled = weight.detach() / std
    return Probe(scaled, bias.detach() - scaled @ mean, l2)


def fit_probe(
    train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], classes: int, grid: Sequence[float] = L2_GRID
) -> Probe:
    """The probe whose penalty in ``grid`` does best on the validation part; (features, targets) each.

    Raises:
        ValueError: an empty part or grid.
    """
    if min(len(train[0]), len(validation[0]), len(grid)) == 0:
        raise ValueError(
            f"{len(train[0])} to train, {len(validation[0])} to validate, {len(grid)} penalties: none may be 0"
        )
    features, found, last = train[0].float(), [], None
    for l2 in sorted(grid, reverse=True):  # from the strongest penalty: each solution is near the next
        with threads(1):  # threads that wait for each other on a busy machine make small sums take minutes
            last = solve(features, train[1], classes, l2, start=last)
        accuracy = (last(validation[0]).argmax(1) == validation[1]).double().mean().item()
        found.append(replace(last, validation_accuracy=accuracy))
    return max(found, key=lambda probe: probe.validation_accuracy)
