"""Question T4: the kernel size behind an output size, and what one convolution costs."""

from dataclasses import dataclass
from typing import Any

from sympy import Add, Eq, Mul, Pow, Symbol, solve, sympify

from hw3.theory.sizes import size, whole


@dataclass(frozen=True)
class KernelSizes:
    """``exact``: the k for which the stride divides without remainder; ``smallest``: the smallest k that gives the
    output size when the division is rounded down, as the frameworks do."""

    exact: int
    smallest: int

    @property
    def floor(self) -> tuple[int, ...]:
        """Every k that gives the output size when the division is rounded down; the exact one is the last."""
        return tuple(range(self.smallest, self.exact + 1))


@dataclass(frozen=True)
class Cost:
    """What a convolution with this kernel needs: learnable numbers, and multiplications for one image."""

    kernel_size: int
    parameters: int
    multiplications: int


def size_equation(input_size: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Eq:
    """(input + 2·padding - kernel)/stride + 1 = output, as written, not worked out; any of the five may be a symbol.

    Raises:
        ValueError: one that is neither a symbol nor a positive integer (the padding may be 0).
    """
    padded = sympify(size("input_size", input_size)) + 2 * size("padding", padding, 0)
    kernel, step = sympify(size("kernel_size", kernel_size)), sympify(size("stride", stride))
    span = Add(padded, -kernel, evaluate=bool(padded.is_Number and kernel.is_Number))
    quotient = span if step == 1 else Mul(Pow(step, -1), span, evaluate=False)
    return Eq(Add(quotient, 1, evaluate=False), sympify(size("output_size", output_size)), evaluate=False)


def kernel_sizes(input_size: int, output_size: int, stride: int, padding: int = 0) -> KernelSizes:
    """All k with floor((input_size + 2·padding - k)/stride) + 1 = output_size. Sizes are in pixels, along one side.

    Raises:
        ValueError: a size that is not a positive integer, a negative padding, or sizes that no kernel can have.
    """
    input_size, output_size = whole("input_size", input_size), whole("output_size", output_size)
    stride, padding = whole("stride", stride), whole("padding", padding, 0)
    k = Symbol("k")
    (solution,) = solve(size_equation(input_size, k, stride, padding, output_size), k)
    largest, padded = int(solution), input_size + 2 * padding
    if largest < 1:
        raise ValueError(
            f"no kernel gives {output_size} outputs from {padded} pixels at stride {stride}: "
            f"even k = 1 gives {(padded - 1) // stride + 1}"
        )
    return KernelSizes(exact=largest, smallest=max(1, largest - stride + 1))


def parameters(kernel_size: Any, in_channels: Any, out_channels: Any) -> Any:
    """Learnable numbers of a square convolution, one bias for each output channel included; sizes or symbols."""
    weights = size("kernel_size", kernel_size) ** 2 * size("in_channels", in_channels)
    return (weights + 1) * size("out_channels", out_channels)


def multiplications(kernel_size: Any, in_channels: Any, out_channels: Any, output_shape: tuple[Any, Any]) -> Any:
    """Multiplications for one image, those by zero included; ``output_shape`` is (height, width)."""
    if not isinstance(output_shape, tuple | list) or len(output_shape) != 2:
        raise ValueError(f"output_shape is {output_shape!r}; give (height, width)")
    height, width = (
        size(f"the {side} of the output", n) for side, n in zip(("height", "width"), output_shape, strict=True)
    )
    weights = size("kernel_size", kernel_size) ** 2 * size("in_channels", in_channels)
    return height * width * size("out_channels", out_channels) * weights


def costs(input_size: int, output_size: int, stride: int, in_channels: int, out_channels: int) -> tuple[Cost, ...]:
    """The cost of a square convolution for each kernel that fits under the floor rule; the exact kernel is the last."""
    side = (output_size, output_size)
    return tuple(
        Cost(k, parameters(k, in_channels, out_channels), multiplications(k, in_channels, out_channels, side))
        for k in kernel_sizes(input_size, output_size, stride).floor
    )


def count_multiplications(image: list, kernels: list, stride: int = 1) -> tuple[list, int]:
    """Convolve by loops that really multiply, and count: an independent witness for ``multiplications``.

    Args:
        image: nested lists (in_channels, H, W), padding already in it.
        kernels: nested lists (out_channels, in_channels, k, k).

    Returns:
        The output, nested lists (out_channels, H', W'), and how many products were formed.

    Raises:
        ValueError: a stride below 1, volumes of another depth, or kernels that are not square, not of one size, larger
            than the image or of other channels than it.
    """
    stride = whole("stride", stride)
    image, kernels = _nested("image", image, 3), _nested("kernels", kernels, 4)
    side = len(kernels[0][0])
    height, width = len(image[0]), len(image[0][0])
    if any(_shape(kernel) != [[side] * side] * len(image) for kernel in kernels):
        raise ValueError(
            f"the kernels must all be {len(image)} x k x k with one k, as the image has {len(image)} channels"
        )
    if not 1 <= side <= min(height, width) or _shape(image) != [[width] * height] * len(image):
        raise ValueError(f"the image must be channels x H x W with H and W at least k = {side}; it has {_shape(image)}")
    count, output = 0, []
    for kernel in kernels:
        plane = []
        for top in range(0, height - side + 1, stride):
            row = []
            for left in range(0, width - side + 1, stride):
                total = 0
                for channel, weights in zip(image, kernel, strict=True):
                    for a in range(side):
                        for b in range(side):
                            total += channel[top + a][left + b] * weights[a][b]
                            count += 1
                row.append(total)
            plane.append(row)
        output.append(plane)
    return output, count


def _nested(name: str, values: Any, depth: int) -> Any:
    """``values`` as lists in ``depth`` levels, numpy's integers as Python's, which cannot overflow."""
    if depth == 0:
        return values.__index__() if hasattr(values, "__index__") else values
    if isinstance(values, str) or not hasattr(values, "__len__") or len(values) == 0:
        raise ValueError(f"{name} holds {values!r} where a list was expected that is not empty")
    return [_nested(name, value, depth - 1) for value in values]


def _shape(volume: list) -> list[list[int]]:
    """The length of each row of each channel."""
    return [[len(row) for row in channel] for channel in volume]
