"""The convolutional network of questions P1 (d) to (g): one body, of which one thing at a time is changed."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from hw3.nets.dropblock import DropBlock
from hw3.nets.sizing import cnn_widths, image_shape
from hw3.theory.sizes import whole

KERNELS = ("square", "factorized", "factorized-narrow")
REGULARIZERS = ("none", "dropout", "dropblock")


def convolution(
    in_channels: int, out_channels: int, stride: int, kernel: str, activation_between: bool = False
) -> nn.Sequential:
    """A 3 x 3 convolution with padding 1 and no bias (batch norm follows), or its factorized form.

    ``square``: 3 x 3. ``factorized``: 3 x 1, then 1 x 3, with the output's depth between them.
    ``factorized-narrow``: the same with the smaller of the two depths between them. Together the two steps are one
    linear map, a 3 x 3 filter of low rank, unless a ReLU stands between them (``activation_between``).
    """
    if kernel == "square":
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False))
    middle = min(in_channels, out_channels) if kernel == "factorized-narrow" else out_channels
    column = nn.Conv2d(in_channels, middle, (3, 1), (stride, 1), (1, 0), bias=False)
    row = nn.Conv2d(middle, out_channels, (1, 3), (1, stride), (0, 1), bias=False)
    return nn.Sequential(column, nn.ReLU(inplace=True), row) if activation_between else nn.Sequential(column, row)


def regularizer(name: str, rate: float, block_size: int, grow: bool | None = None) -> Callable[[], nn.Module]:
    """What stands after each block: nothing, dropout, or DropBlock. ``grow``: does the rate grow linearly during
    training? By default that of DropBlock does, as in its paper, and that of dropout is constant."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "dropout": lambda: DropBlock(rate, 1, grow=bool(grow), inplace=True),
        "dropblock": lambda: DropBlock(rate, block_size, grow=grow is None or bool(grow), inplace=True),
    }
    return makers[name]


def cnn(
    shape: tuple[int, int, int],
    classes: int,
    widths: Sequence[int],
    kernel: str = "square",
    regularize: str = "none",
    rate: float = 0.1,
    block_size: int = 3,
    grow: bool | None = None,
    activation_between: bool = False,
    factorize_from: int = 0,
) -> nn.Sequential:
    """Blocks of convolution, pooling, batch norm, ReLU and the regularizer; then the mean over all places and a linear
    output.

    Takes float (N, C, H, W) with ``shape`` = (C, H, W) and gives logits (N, ``classes``). ``widths`` are the blocks'
    depths. The first block halves the map by a stride of 2, the blocks between by max-pooling, the last one leaves it.
    Blocks before number ``factorize_from`` (from 0) have square kernels whatever ``kernel`` is.

    Raises:
        ValueError: fewer than two widths, a width below 1, an unknown kernel or regularizer, options of factorized
            kernels on square ones, or images too small to be halved so often.
    """
    channels, height, width = image_shape(shape)
    if len(widths) < 2:
        raise ValueError(f"widths are {tuple(widths)!r}; give two or more, each 1 or more")
    for name, value, allowed in (("kernel", kernel, KERNELS), ("regularize", regularize, REGULARIZERS)):
        if value not in allowed:
            raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
    if whole("factorize_from", factorize_from, 0) >= len(widths):
        raise ValueError(f"factorize_from is {factorize_from}; the blocks have the numbers 0 to {len(widths) - 1}")
    if kernel == "square" and (activation_between or factorize_from):
        raise ValueError("activation_between and factorize_from need a factorized kernel; this one is 'square'")
    least = 2 ** (len(widths) - 1) - 1
    if min(height, width) < least:
        raise ValueError(
            f"images of {height} x {width} pixels are too small for {len(widths)} blocks; {least} x {least} would do"
        )
    drop = regularizer(regularize, rate, block_size, grow)
    blocks: list[nn.Module] = []
    depth = channels
    for position, out_channels in enumerate(whole("a width", width) for width in widths):
        first, last = position == 0, position == len(widths) - 1
        form = kernel if position >= factorize_from else "square"
        convolve = convolution(depth, out_channels, 2 if first else 1, form, activation_between)
        pool = nn.Identity() if first or last else nn.MaxPool2d(2)  # before the norm: a quarter of the work behind it
        # Dropping before the ReLU is the same as behind it, since the rest is scaled by a positive number; here both
        # can overwrite the norm's output, which nothing else needs.
        blocks.append(nn.Sequential(convolve, pool, nn.BatchNorm2d(out_channels), drop(), nn.ReLU(inplace=True)))
        depth = out_channels
    output = nn.Linear(depth, whole("classes", classes))
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), output)


def sized_cnn(shape: tuple[int, int, int], classes: int, budget: int, blocks: int = 5, **options: Any) -> nn.Sequential:
    """``cnn`` whose depths spend ``budget`` parameters with square kernels (see ``hw3.nets.sizing.cnn_widths``); a
    factorized one has the same depths and so fewer parameters. ``options`` are those of ``cnn``."""
    return cnn(shape, classes, cnn_widths(budget, image_shape(shape)[0], classes, blocks), **options)
