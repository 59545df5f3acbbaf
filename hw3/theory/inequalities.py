"""Strict linear inequalities in exact numbers: a point that fulfils them all, or the certainty that there is none."""

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from hw3.theory.spelling import RefusedError

Form = tuple[Fraction, ...]  # a linear form: a coefficient for each name, then the constant
MAX_ROWS = 400


def between(low: Any, high: Any, random: Random) -> Fraction:
    """A random number between the two, with 32 random bits."""
    return low + (high - low) * Fraction(random.randrange(1, 2**32), 2**32)


def at(form: Form, point: Sequence[Fraction]) -> Fraction:
    """The value of ``form`` at ``point``."""
    return sum((c * x for c, x in zip(form, point, strict=False)), form[-1])


def point_inside(forms: Sequence[Form], size: int, random: Random) -> list[Fraction] | None:
    """A random point of ``size`` coordinates where every form is positive; None if there is none.

    Fourier and Motzkin's elimination of the first coordinate: it lies between its lower and its upper bounds if each
    lower bound is below each upper one, which are inequalities in the other coordinates.

    Raises:
        RefusedError: the elimination grows beyond ``MAX_ROWS`` inequalities.
    """
    if size == 0:
        return [] if all(form[0] > 0 for form in forms) else None
    if len(forms) > MAX_ROWS:
        raise RefusedError("the formula compares more than can be judged; write a simpler form")
    low, high = (
        [tuple(c / abs(form[0]) for c in form[1:]) for form in forms if form[0] * side > 0] for side in (1, -1)
    )
    free = [form[1:] for form in forms if form[0] == 0]
    both = [tuple(a + b for a, b in zip(one, other, strict=True)) for one in low for other in high]
    rest = point_inside(list(dict.fromkeys(free + both)), size - 1, random)
    if rest is None:
        return None
    above = max((-at(form, rest) for form in low), default=None)
    below = min((at(form, rest) for form in high), default=None)
    if above is None:
        above = Fraction(-10) if below is None else min(below, Fraction(0)) - 10
    return [between(above, max(above, Fraction(0)) + 10 if below is None else below, random), *rest]
