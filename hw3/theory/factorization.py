"""Question P1 (g): what a convolution costs when its square kernel becomes a column and a row in sequence.

A square layer maps c channels to k; the factorized one maps c to m with a column (s x 1), then m to k with a row
(1 x s). Biases are left out; batch norm follows and has its own. Source: Szegedy et al. 2016, arXiv 1512.00567,
section 3.2.

A size is a positive integer or a symbol; anything else raises ValueError.
"""

from typing import Any

from sympy import Dummy, Expr, factor, solve, sympify

from hw3.theory.sizes import size as checked


def square(in_channels: Any, out_channels: Any, size: Any = 3) -> Expr:
    """Weights of the square layer: s²ck. At stride 1 the multiplications for each output place are the same number."""
    c, k = checked("in_channels", in_channels), checked("out_channels", out_channels)
    return sympify(checked("size", size)) ** 2 * c * k


def factorized(in_channels: Any, out_channels: Any, middle: Any, size: Any = 3) -> Expr:
    """Weights of the column and the row: scm + smk, with ``middle`` = m channels between them."""
    c, k = checked("in_channels", in_channels), checked("out_channels", out_channels)
    return sympify(checked("size", size)) * checked("middle", middle) * (c + k)


def saving(in_channels: Any, out_channels: Any, middle: Any, size: Any = 3) -> Expr:
    """The share of weights that the factorization saves; negative where it costs more."""
    before = square(in_channels, out_channels, size)
    return factor(1 - factorized(in_channels, out_channels, middle, size) / before)


def break_even(in_channels: Any, out_channels: Any, size: Any = 3) -> Expr:
    """The middle width at which nothing is saved: below it the factorization pays."""
    m = Dummy("m", positive=True)  # a caller's m is another one
    (width,) = solve(factorized(in_channels, out_channels, m, size) - square(in_channels, out_channels, size), m)
    return factor(width)
