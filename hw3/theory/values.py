"""What a formula is worth at a point: exactly, or to 500 digits where it holds a sine, a cosine or a root."""

from fractions import Fraction
from math import prod
from typing import Any

import mpmath
from sympy import Expr, Integer, Pow, Rational, Symbol, cos, pi, sin

Point = dict[Symbol, Fraction]
_mp = mpmath.mp.clone()
_mp.dps = 500  # powers of large numbers may cancel, and 40 digits count


def value(expression: Expr, point: Point) -> Any:
    """A formula without maxima and comparisons at ``point``: a Fraction; 500 digits if it has a sine, cosine or root.

    Raises:
        ZeroDivisionError: it divides by zero there.
    """
    if isinstance(expression, Rational):
        return Fraction(int(expression.p), int(expression.q))
    if isinstance(expression, Symbol):
        return point[expression]
    if expression == pi:
        return +_mp.pi
    if isinstance(expression, Pow) and isinstance(expression.exp, Integer):
        return value(expression.base, point) ** int(expression.exp)
    parts = alike([value(part, point) for part in expression.args])
    if expression.is_Add:
        return sum(parts[1:], parts[0])
    if expression.is_Mul:
        return prod(parts[1:], start=parts[0])
    if isinstance(expression, Pow):  # a root comes from cos(pi/5) and its like
        return _mp.convert(parts[0]) ** _mp.convert(parts[1])
    if isinstance(expression, cos | sin):
        return getattr(_mp, expression.func.__name__)(_mp.convert(parts[0]))
    raise ZeroDivisionError(expression)  # SymPy's infinities


def alike(numbers: list[Any]) -> list[Any]:
    """All exact, or none: Python does not subtract a number of 500 digits from a Fraction."""
    return numbers if all(isinstance(n, Fraction) for n in numbers) else [_mp.convert(n) for n in numbers]


def sign_of(number: Any, scale: Any = 1) -> int:
    """-1, 0 or 1; a number with sines and cosines counts as 0 when 40 digits of it are."""
    exact = isinstance(number, Fraction)
    if number == 0 or (not exact and abs(number) < _mp.convert(scale) * _mp.mpf(10) ** -40):
        return 0
    return 1 if number > 0 else -1
