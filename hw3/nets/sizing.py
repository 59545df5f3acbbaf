"""Widths that spend a given number of parameters: a fair comparison starts with equal budgets."""

from collections.abc import Callable, Sequence
from itertools import chain

from hw3.theory.sizes import whole

TOLERANCE = 0.01


def image_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """(C, H, W) as three positive ints.

    Raises:
        ValueError: it is something else.
    """
    if len(shape) != 3:
        raise ValueError(f"the shape is {tuple(shape)!r}; it must be (channels, height, width)")
    channels, height, width = (whole(f"a size of the shape {tuple(shape)!r}", size) for size in shape)
    return channels, height, width


def largest(wanted: Callable[[int], bool], limit: int) -> int:
    """The largest number from 0 to ``limit`` of which ``wanted`` is true; it must be true of all below it, and of 0."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if wanted(middle) else (low, middle - 1)
    return low


def mlp_parameters(inputs: int, first: int, second: int, classes: int) -> int:
    """Of ``mlp`` with two hidden layers: weights, biases and two batch-norm numbers for each hidden unit."""
    return (inputs + 3) * first + (first + 3) * second + (second + 1) * classes


def mlp_widths(budget: int, inputs: int, classes: int) -> tuple[int, int]:
    """Two hidden widths (first, second) with at most ``budget`` parameters and at least 99 % of it.

    Nearly all of it goes into the first layer, which sees the pixels; the second layer takes what is left over.

    Raises:
        ValueError: no such widths exist; the message says what budget would do.
    """
    budget, inputs, classes = whole("budget", budget), whole("inputs", inputs), whole("classes", classes)

    def second(first: int) -> int:
        left = budget - mlp_parameters(inputs, first, 0, classes)
        return left // (first + 3 + classes)

    first = largest(lambda width: second(width) >= max(width // 2, classes), budget // (inputs + 3))
    if first and mlp_parameters(inputs, first, second(first), classes) >= (1 - TOLERANCE) * budget:
        return first, second(first)
    least = mlp_parameters(inputs, 1, classes, classes)
    raise ValueError(f"no MLP on {inputs} inputs has about {budget} parameters; the smallest has {least}")


def cnn_parameters(in_channels: int, widths: Sequence[int], classes: int) -> int:
    """Of ``cnn`` with square kernels: 3 x 3 weights, two batch-norm numbers a channel, and the linear output."""
    depths = [in_channels, *widths]
    blocks = sum(9 * c * k + 2 * k for c, k in zip(depths, widths, strict=False))
    return blocks + (widths[-1] + 1) * classes


def cnn_widths(budget: int, in_channels: int, classes: int, blocks: int = 5) -> tuple[int, ...]:
    """Depths of ``blocks`` blocks with at most ``budget`` parameters and at least 99 % of it.

    The depth doubles from block to block; the last block takes what is left over, so it is between half and twice as
    deep as its neighbour. The first depth is a multiple of 8 where one fits: processors compute in such groups.

    Raises:
        ValueError: no such depths exist.
    """
    budget, in_channels, classes = whole("budget", budget), whole("in_channels", in_channels), whole("classes", classes)
    blocks = whole("blocks", blocks, 2)

    def doubling(base: int) -> list[int]:
        return [base * 2**i for i in range(blocks - 1)]

    def fits(base: int) -> bool:
        body = doubling(base)
        return cnn_parameters(in_channels, [*body, body[-1] // 2], classes) <= budget

    top = largest(fits, budget)
    for base in chain(range(top // 8 * 8, 0, -8), range(top, 0, -1)):
        body = doubling(base)
        left = budget - cnn_parameters(in_channels, [*body, 0], classes)
        last = left // (9 * body[-1] + 2 + classes)
        if body[-1] <= 2 * last <= 4 * body[-1]:
            widths = (*body, last)
            if cnn_parameters(in_channels, widths, classes) >= (1 - TOLERANCE) * budget:
                return widths
    always = "; from 100,000 on there always is one" if blocks == 5 else ""
    raise ValueError(f"no CNN of {blocks} blocks has about {budget} parameters{always}")
