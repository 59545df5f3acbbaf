"""Question T1: what a box filter does to a chessboard, in exact rationals.

Images and kernels are SymPy matrices indexed (row, column). ``filter2d`` is a cross-correlation, as in every
deep-learning framework: the kernel is laid on the image unflipped. The box kernel is symmetric, so here it is
also a convolution.
"""

from collections.abc import Callable
from typing import Any

from sympy import Expr, Float, I, Integer, Matrix, MatrixBase, SympifyError, cos, expand, nan, oo, sin, sympify, zoo

from hw3.theory.sizes import whole

BORDERS: dict[str, Callable[[int, int], int | None]] = {  # the index that is read for one outside; None: a zero
    "keep": lambda i, length: i,  # nothing outside is read
    "zero": lambda i, length: i if 0 <= i < length else None,
    "reflect": lambda i, length: abs(i) if i < length else 2 * (length - 1) - i,
    "wrap": lambda i, length: i % length,
}


def exact(value: Any) -> Expr:
    """``value`` as a SymPy expression; a float is refused, because it has already been rounded.

    Raises:
        TypeError: ``value`` contains a float, is infinite, or is no number or formula: a text, a bool, None.
    """
    try:
        result = sympify(value, strict=True)
    except SympifyError:
        result = None
    if not isinstance(result, Expr) or result.has(oo, -oo, zoo, nan):
        raise TypeError(f"{value!r} is not a number; give an integer, a Rational or a symbol")
    if result.has(Float):
        raise TypeError(f"{value!r} is a rounded float; give an integer or a Rational, such as Rational(1, 3)")
    return result


def _matrix(name: str, rows: Any) -> Matrix:
    """A matrix or rows of numbers as an exact matrix; entry by entry, since SymPy would read texts as formulas."""
    if isinstance(rows, MatrixBase):
        return Matrix(rows).applyfunc(exact)
    try:
        entries = [] if isinstance(rows, str) else [[*row] for row in rows]
    except TypeError:
        entries = []
    if len({len(row) for row in entries}) != 1:
        raise ValueError(f"the {name} is {str(rows)[:60]}; give a matrix, or rows of the same length")
    return Matrix([[exact(value) for value in row] for row in entries])


def chessboard(size: int = 8, black: Any = 0, white: Any = 255) -> Matrix:
    """A ``size`` x ``size`` chessboard whose top-left square is white.

    Raises:
        ValueError: ``size`` is not a positive integer.
    """
    size = whole("size", size)
    colours = (exact(white), exact(black))
    return Matrix(size, size, lambda row, column: colours[(row + column) % 2])


def box_kernel(size: int = 3) -> Matrix:
    """The ``size`` x ``size`` mean filter: every weight is 1/size².

    Raises:
        ValueError: ``size`` is not a positive integer.
    """
    size = whole("size", size)
    return Matrix.ones(size, size) / size**2


def filter2d(image: Matrix, kernel: Matrix, border: str = "keep") -> Matrix:
    """Slide ``kernel`` over ``image``; the result has the shape of ``image``, (H, W).

    Args:
        image: (H, W) matrix of exact numbers or symbols.
        kernel: (h, w) matrix, both sides odd.
        border: what to do where the kernel hangs over the edge. ``keep`` leaves those pixels as they are (the
            assignment's rule), ``zero`` reads zeros outside, ``reflect`` mirrors the image without repeating its
            edge (torch's ``reflect``), ``wrap`` continues on the opposite side.

    Raises:
        ValueError: an unknown border, an even kernel side, or an image too small to be reflected.
        TypeError: an entry that is a float, a text or infinite.
    """
    if border not in BORDERS:
        raise ValueError(f"border is {border!r}; it must be one of {', '.join(BORDERS)}")
    image, kernel = _matrix("image", image), _matrix("kernel", kernel)
    height, width = image.shape
    kernel_height, kernel_width = kernel.shape
    if kernel_height % 2 == 0 or kernel_width % 2 == 0:
        raise ValueError(f"the kernel is {kernel_height} x {kernel_width}; both sides must be odd")
    top, left = kernel_height // 2, kernel_width // 2
    if border == "reflect" and (top >= height or left >= width):
        raise ValueError(f"a {height} x {width} image is too small to be reflected by {top} and {left} pixels")
    rule = BORDERS[border]

    def pixel(row: int, column: int) -> Expr:
        fits = top <= row < height - top and left <= column < width - left
        if border == "keep" and not fits:
            return image[row, column]
        total = Integer(0)
        for a in range(kernel_height):
            for b in range(kernel_width):
                r, c = rule(row + a - top, height), rule(column + b - left, width)
                if r is not None and c is not None:
                    total += kernel[a, b] * image[r, c]
        return total

    return Matrix(height, width, pixel)


def frequency_response(kernel: Matrix, w1: Any, w2: Any) -> Expr:
    """H(w1, w2): the factor by which the filter multiplies the wave exp(i(w1·row + w2·column)).

    Frequencies are in radians a pixel; π is the highest a pixel grid can hold. A kernel that is symmetric about
    its centre has a real response, returned as a sum of cosines.
    Source: Gonzalez and Woods, *Digital Image Processing*, chapter 4.
    """
    kernel = _matrix("kernel", kernel)
    if kernel.rows % 2 == 0 or kernel.cols % 2 == 0:
        raise ValueError(f"the kernel is {kernel.rows} x {kernel.cols}; both sides must be odd")
    w1, w2 = exact(w1), exact(w2)
    top, left = kernel.rows // 2, kernel.cols // 2
    real = imaginary = Integer(0)
    for a in range(kernel.rows):
        for b in range(kernel.cols):
            angle = w1 * (a - top) + w2 * (b - left)
            real += kernel[a, b] * expand(cos(angle), trig=True)
            imaginary += kernel[a, b] * expand(sin(angle), trig=True)
    return expand(real) + I * expand(imaginary)
