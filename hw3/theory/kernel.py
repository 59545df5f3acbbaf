"""Question T4: the kernel size behind an output size, and what one convolution costs."""

from dataclasses import dataclass
from typing import Any

from sympy import Eq, Symbol, solve, sympify


@dataclass(frozen=True)
class KernelSizes:
    """``exact``: the k for which the stride divides without remainder; ``floor``: every k that gives the output
    size when the division is rounded down, as the frameworks do (the exact one among them)."""

    exact: int
    floor: tuple[int, ...]


def size_equation(input_size: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Eq:
    """(input + 2·padding - kernel)/stride + 1 = output, not rounded; any of the five may be a symbol."""
    return Eq((sympify(input_size) + 2 * padding - kernel_size) / stride + 1, output_size)


def kernel_sizes(input_size: int, output_size: int, stride: int, padding: int = 0) -> KernelSizes:
    """All k with floor((input_size + 2·padding - k)/stride) + 1 = output_size. Sizes are in pixels, along one side.

    Raises:
        ValueError: a size that is not positive, a negative padding, or sizes that no kernel can have.
    """
    for name, value in (("input_size", input_size), ("output_size", output_size), ("stride", stride)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}; it must be a positive integer")
    if not isinstance(padding, int) or padding < 0:
        raise ValueError(f"padding is {padding!r}; it must be an integer, 0 or more")
    k = Symbol("k")
    padded = input_size + 2 * padding
    (solution,) = solve(size_equation(input_size, k, stride, padding, output_size), k)
    largest = int(solution)
    if largest < 1:
        raise ValueError(
            f"no kernel gives {output_size} outputs from {padded} pixels at stride {stride}: "
            f"even k = 1 gives {(padded - 1) // stride + 1}"
        )
    return KernelSizes(exact=largest, floor=tuple(range(max(1, largest - stride + 1), largest + 1)))


def parameters(kernel_size: int, in_channels: int, out_channels: int) -> int:
    """Learnable numbers of a square convolution, one bias for each output channel included."""
    return (kernel_size**2 * in_channels + 1) * out_channels


def multiplications(kernel_size: int, in_channels: int, out_channels: int, output_shape: tuple[int, int]) -> int:
    """Multiplications for one image, those by zero included; ``output_shape`` is (height, width)."""
    height, width = output_shape
    return height * width * out_channels * kernel_size**2 * in_channels


def count_multiplications(image: list, kernels: list, stride: int = 1) -> tuple[list, int]:
    """Convolve by loops that really multiply, and count: an independent witness for ``multiplications``.

    Args:
        image: nested lists (in_channels, H, W), padding already in it.
        kernels: nested lists (out_channels, in_channels, k, k).

    Returns:
        The output, nested lists (out_channels, H', W'), and how many products were formed.
    """
    size, count, output = len(kernels[0][0]), 0, []
    for kernel in kernels:
        plane = []
        for top in range(0, len(image[0]) - size + 1, stride):
            row = []
            for left in range(0, len(image[0][0]) - size + 1, stride):
                total = 0
                for channel, weights in zip(image, kernel, strict=True):
                    for a in range(size):
                        for b in range(size):
                            total += channel[top + a][left + b] * weights[a][b]
                            count += 1
                row.append(total)
            plane.append(row)
        output.append(plane)
    return output, count
