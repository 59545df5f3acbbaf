"""The multilayer perceptron of question P1 (b)."""

from collections.abc import Sequence

from torch import nn

from hw3.nets.sizing import image_shape, mlp_widths
from hw3.theory.sizes import whole

Grid = tuple[int, int]


def mlp(
    shape: tuple[int, int, int], classes: int, widths: Sequence[int], dropout: float = 0.0, pool: Grid | None = None
) -> nn.Sequential:
    """Flatten, then for each hidden width: linear, batch norm, ReLU, dropout; then the linear output.

    Takes float (N, C, H, W) with ``shape`` = (C, H, W) and gives logits (N, ``classes``). ``pool``: first average the
    pixels to a grid of so many rows and columns, so that the same parameters make wider layers.

    Raises:
        ValueError: no hidden width, a width below 1, a dropout outside [0, 1), or a grid finer than the image.
    """
    if not len(widths):
        raise ValueError(f"widths are {tuple(widths)!r}; give at least one hidden width, each 1 or more")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout!r}; it must be at least 0 and below 1")
    features = _inputs(shape, pool)
    modules: list[nn.Module] = [nn.AdaptiveAvgPool2d(pool)] if pool else []
    modules.append(nn.Flatten())
    for width in (whole("a width", width) for width in widths):
        modules += [nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU()]
        modules += [nn.Dropout(dropout)] if dropout else []
        features = width
    return nn.Sequential(*modules, nn.Linear(features, whole("classes", classes)))


def sized_mlp(
    shape: tuple[int, int, int], classes: int, budget: int, dropout: float = 0.0, pool: Grid | None = None
) -> nn.Sequential:
    """``mlp`` with two hidden layers that spend ``budget`` parameters (see ``hw3.nets.sizing.mlp_widths``)."""
    return mlp(shape, classes, mlp_widths(budget, _inputs(shape, pool), classes), dropout, pool)


def _inputs(shape: tuple[int, int, int], pool: Grid | None) -> int:
    """How many numbers the first layer sees."""
    channels, height, width = image_shape(shape)
    if pool is not None and not (isinstance(pool, Sequence) and len(pool) == 2):
        raise ValueError(f"pool is {pool!r}; it must be (rows, columns)")
    rows, columns = (whole("pool", side) for side in pool or (height, width))
    if rows > height or columns > width:
        raise ValueError(f"pool is {pool!r}; an image of {height} x {width} pixels has no finer grid than its own")
    return channels * rows * columns
