"""The multilayer perceptron of question P1 (b)."""

from collections.abc import Sequence

from torch import nn


def mlp(input_shape: tuple[int, int, int], classes: int, widths: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """Flatten, then for each hidden width: linear, batch norm, ReLU, dropout; then the linear output.

    Takes float (N, C, H, W) with ``input_shape`` = (C, H, W) and gives logits (N, ``classes``).

    Raises:
        ValueError: no hidden width, a width below 1, or a dropout outside [0, 1).
    """
    if not widths or min(widths) < 1:
        raise ValueError(f"widths are {tuple(widths)!r}; give at least one hidden width, each 1 or more")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout!r}; it must be at least 0 and below 1")
    features = input_shape[0] * input_shape[1] * input_shape[2]
    modules: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        modules += [nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU()]
        modules += [nn.Dropout(dropout)] if dropout else []
        features = width
    return nn.Sequential(*modules, nn.Linear(features, classes))
