"""Sizes at the door: what Python counts as an integer becomes an ``int``, anything else is refused by its name."""

import operator
from typing import Any

from sympy import Expr, Float

_WANTED = {None: "an integer", 1: "a positive integer"}


def whole(name: str, value: Any, least: int | None = 1) -> int:
    """``value`` as an ``int``: numpy's and SymPy's integers are integers too, and as ``int`` they cannot overflow.

    Raises:
        ValueError: a bool, a float (5.0 too), a text, or less than ``least``; the message begins with ``name``.
    """
    wanted = _WANTED.get(least, f"an integer, {least} or more")
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        shown = repr(value) if number is None else str(number)
        raise ValueError(f"{name} is {shown[:60]}; it must be {wanted}")
    return number


def checked_seed(value: Any) -> int:
    """``value`` as a seed that every generator here takes.

    Raises:
        ValueError: it is no integer from 0 to 2**40 - 1.
    """
    number = whole("the seed", value, least=0)
    if number >= 2**40:  # generators get it times 1,000,003, plus an epoch, and take 64 bits
        raise ValueError(f"the seed is {number}; it must be below 2**40")
    return number


def size(name: str, value: Any, least: int | None = 1) -> Any:
    """``whole``, or ``value`` itself where it is a SymPy formula with symbols, such as H, and without floats.

    Raises:
        ValueError: as ``whole``, and for a formula that cannot be positive.
    """
    if isinstance(value, Expr) and value.free_symbols and not value.has(Float):
        if value.is_extended_positive is False and least == 1:
            raise ValueError(f"{name} is {value}, which is never positive")
        return value
    return whole(name, value, least)
