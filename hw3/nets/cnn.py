"""The convolutional network of questions P1 (d) to (g): one body, of which one thing at a time is changed."""

from collections.abc import Callable, Sequence

from torch import nn

from hw3.nets.dropblock import DropBlock

KERNELS = ("square", "factorized", "factorized-narrow")
REGULARIZERS = ("none", "dropout", "dropblock")


def convolution(in_channels: int, out_channels: int, stride: int, kernel: str) -> nn.Sequential:
    """A 3 x 3 convolution with padding 1 and no bias (batch norm follows), or its factorized form.

    ``square``: 3 x 3. ``factorized``: 3 x 1, then 1 x 3, with the output's depth between them.
    ``factorized-narrow``: the same with the smaller of the two depths between them. Nothing stands between the two
    steps: together they are one linear map, a 3 x 3 filter of low rank.
    """
    if kernel == "square":
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False))
    middle = min(in_channels, out_channels) if kernel == "factorized-narrow" else out_channels
    return nn.Sequential(
        nn.Conv2d(in_channels, middle, (3, 1), (stride, 1), (1, 0), bias=False),
        nn.Conv2d(middle, out_channels, (1, 3), (1, stride), (0, 1), bias=False),
    )


def regularizer(name: str, rate: float, block_size: int) -> Callable[[], nn.Module]:
    """What stands after each block: nothing, dropout at a fixed rate, or DropBlock with its rate growing linearly."""
    makers: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "dropout": lambda: DropBlock(rate, block_size=1, grow=False, inplace=True),
        "dropblock": lambda: DropBlock(rate, block_size, inplace=True),
    }
    return makers[name]


def cnn(
    in_channels: int,
    classes: int,
    widths: Sequence[int],
    kernel: str = "square",
    regularize: str = "none",
    rate: float = 0.1,
    block_size: int = 3,
) -> nn.Sequential:
    """Blocks of convolution, pooling, batch norm, ReLU and the regularizer; then the mean over all places and a linear
    output.

    Takes float (N, ``in_channels``, H, W) and gives logits (N, ``classes``). ``widths`` are the blocks' depths. The
    first block halves the map by a stride of 2, the blocks between by max-pooling, the last one leaves it.

    Raises:
        ValueError: fewer than two widths, a width below 1, an unknown kernel or regularizer.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths are {tuple(widths)!r}; give two or more, each 1 or more")
    if kernel not in KERNELS:
        raise ValueError(f"kernel is {kernel!r}; it must be one of {', '.join(KERNELS)}")
    if regularize not in REGULARIZERS:
        raise ValueError(f"regularize is {regularize!r}; it must be one of {', '.join(REGULARIZERS)}")
    drop = regularizer(regularize, rate, block_size)
    blocks: list[nn.Module] = []
    depth = in_channels
    for position, width in enumerate(widths):
        first, last = position == 0, position == len(widths) - 1
        pool = nn.Identity() if first or last else nn.MaxPool2d(2)  # before the norm: a quarter of the work behind it
        # Dropping before the ReLU is the same as behind it, since the rest is scaled by a positive number; here both
        # can overwrite the norm's output, which nothing else needs.
        end = (nn.BatchNorm2d(width), drop(), nn.ReLU(inplace=True))
        blocks.append(nn.Sequential(convolution(depth, width, 2 if first else 1, kernel), pool, *end))
        depth = width
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, classes))
