"""Where do two formulas with maxima and comparisons differ? Every region that their comparisons cut out is visited.

Inside a region each maximum and each comparison is settled, so both formulas are plain, and equal at a random point
means equal in the whole region (Schwartz 1980, doi:10.1145/322217.322225: coordinates have 32 random bits). The
regions come from the formulas themselves, as in concolic testing: evaluating at a point records which linear forms
decided, each with its sign. Then each sign in turn is flipped, those before it kept, and a point with these signs is
sought by Fourier and Motzkin's elimination, which is exact: if it finds none, there is no such region.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import comb, prod
from random import Random
from typing import Any

from sympy import Expr, Integer, Max, Min, Poly, Pow, Rational, Symbol, cos, factor_list, fraction, sin, together

from hw3.theory.inequalities import Form, at, between, point_inside
from hw3.theory.notation import Iverson
from hw3.theory.spelling import RefusedError
from hw3.theory.values import Point, alike, sign_of, value

MAX_REGIONS, MAX_DEGREE = 600, 4
MAX_TERMS = 800  # that a compared difference may have when multiplied out; to factor more takes too long


class _BorderError(Exception):
    """The point lies between two regions."""


@dataclass(frozen=True)
class Difference:
    """A point where two formulas differ, and their values; ``second`` is None where it divides by zero."""

    point: Point
    first: Any
    second: Any


class _Deciding:
    """What decided at a point: linear ``forms``, each turned to be positive there; and did ``others`` too?"""

    def __init__(self) -> None:
        self.forms: dict[Form, None] = {}
        self.others = False


def difference(first: Expr, second: Expr) -> Difference | None:
    """What ``compared`` says, without how sure it is."""
    return compared(first, second)[0]


def compared(first: Expr, second: Expr) -> tuple[Difference | None, bool]:
    """A point inside a region where ``first`` and ``second`` differ, with short numbers if there is one, else None; and
    was every region visited?

    Every region is visited where each compared difference is a product or quotient of linear forms with rational
    coefficients (up to degree 4, and not of too many names). Then None is sure, but for the chance of the random
    points. Other comparisons, such as cos(x) > 0 or x*y > 1, are met by random points at scales from 1/10 to beyond the
    largest number in the formulas; a small region may be missed.

    Raises:
        RefusedError: there are more than 600 regions, or ``second`` divides by zero wherever it was tried.
    """
    random, names = Random(0), tuple(sorted(first.free_symbols | second.free_symbols, key=str))
    starts = _starts(first, second, names, random)
    waiting: list[tuple[Form, ...]] = []
    known: set[tuple[Form, ...]] = set()
    everywhere = True

    def look(point: Point, kept: int) -> Difference | None:
        nonlocal everywhere
        deciding = _Deciding()
        try:
            here = _compare(first, second, point, deciding)
        except _BorderError:
            return None
        everywhere = everywhere and not deciding.others
        forms = tuple(deciding.forms)
        flips = [(*forms[:i], tuple(-c for c in forms[i])) for i in range(kept, len(forms))]
        waiting.extend(flip for flip in flips if flip not in known)
        known.update(flips)
        return here

    seen = [look(point, 0) for point in starts]
    if all(here and here.second is None for here in seen):
        raise RefusedError("the formula divides by zero wherever it was tried")
    here = next((here for here in seen if here), None)
    while waiting and not here:
        forms = waiting.pop()
        inside = point_inside(forms, len(names), random)
        if inside is not None:
            here = look(dict(zip(names, inside, strict=True)), len(forms))
        if len(known) > MAX_REGIONS:
            raise RefusedError("the formula compares more than can be judged; write a simpler form")
    return here and _shortened(first, second, here), everywhere


def _starts(first: Expr, second: Expr, names: Sequence[Symbol], random: Random) -> list[Point]:
    """Random points at several scales, and with a scale of its own for each coordinate."""
    largest = max((abs(number) for number in first.atoms(Rational) | second.atoms(Rational)), default=Integer(1))
    scales = [Fraction(10), Fraction(1, 10), Fraction(10**4), Fraction(10 * (int(largest) + 1))]
    choices = [[scale] for scale in scales for _ in range(6)] + [scales] * 24
    return [{name: between(-1, 1, random) * random.choice(few) for name in names} for few in choices if names] or [{}]


def _compare(first: Expr, second: Expr, point: Point, deciding: _Deciding) -> Difference | None:
    one = value(_settled(first, point, deciding), point)
    try:
        other = value(_settled(second, point, deciding), point)
    except ZeroDivisionError:
        return Difference(point, one, None)
    here = Difference(point, *alike([one, other]))
    return here if sign_of(here.first - here.second, max(1, abs(here.first))) else None


def _shortened(first: Expr, second: Expr, here: Difference) -> Difference:
    for digits in (0, 1, 3):
        try:
            short = {name: round(coordinate, digits) for name, coordinate in here.point.items()}
            shorter = _compare(first, second, short, _Deciding())
        except _BorderError:
            continue
        if shorter and (shorter.second is None) == (here.second is None):
            return shorter
    return here


def _settled(expression: Expr, point: Point, deciding: _Deciding) -> Expr:
    """``expression`` as it is in the region of ``point``: each maximum is one of its arguments, each bracket 0 or 1."""
    if not expression.has(Max, Min, Iverson):
        return expression
    parts = [_settled(part, point, deciding) for part in expression.args]
    if isinstance(expression, Iverson):
        sign = _sign(parts[0] - parts[1], point, deciding)
        return Integer(sign > 0 or (sign == 0 and parts[2] == 0))
    if not isinstance(expression, Max | Min):
        return expression.func(*parts)
    best = parts[0]
    for part in parts[1:]:
        if (_sign(part - best, point, deciding) > 0) == isinstance(expression, Max):
            best = part
    return best


def _sign(expression: Expr, point: Point, deciding: _Deciding) -> int:
    """-1, 0 or 1; what decides it is added to ``deciding``."""
    result, linear, others = _factors(expression, tuple(point))
    deciding.others |= bool(others)
    for form in linear:
        sign = sign_of(at(form, list(point.values())))
        if sign == 0:
            raise _BorderError
        deciding.forms.setdefault(tuple(sign * c for c in form))
        result *= sign
    return prod((sign_of(value(other, point)) for other in others), start=result)


@lru_cache(maxsize=2000)
def _factors(expression: Expr, names: tuple[Symbol, ...]) -> tuple[int, tuple[Form, ...], tuple[Expr, ...]]:
    """What the sign of ``expression`` is the product of: a sign, linear forms, other formulas; even powers left out."""
    if not expression.free_symbols:
        return sign_of(value(expression, {})), (), ()
    irrational = any(not isinstance(power.exp, Integer) for power in expression.atoms(Pow))  # cos(pi/4) makes a root
    plain = all(isinstance(atom, Rational | Symbol) for atom in expression.atoms())
    if irrational or not plain or expression.has(cos, sin):
        return 1, (), (expression,)
    above, below = fraction(together(expression))
    degree = max(_degree(above), _degree(below))
    if degree > MAX_DEGREE or comb(len(expression.free_symbols) + degree, degree) > MAX_TERMS:
        return 1, (), (expression,)
    sign, linear, others = 1, [], []
    for coefficient, factors in (factor_list(part, *names) for part in (above, below)):
        sign *= sign_of(value(coefficient, {}))
        for factor in (Poly(factor, *names) for factor, power in factors if power % 2):
            if factor.total_degree() > 1:
                others.append(factor.as_expr())
            else:
                form = [value(factor.coeff_monomial(monomial), {}) for monomial in (*names, 1)]
                first = next(abs(c) for c in form if c)
                linear.append(tuple(c / first for c in form))
    return sign, tuple(linear), tuple(others)


def _degree(expression: Expr) -> int:
    if isinstance(expression, Pow):
        return _degree(expression.base) * int(expression.exp)
    degrees = [_degree(part) for part in expression.args]
    return sum(degrees) if expression.is_Mul else max(degrees, default=int(isinstance(expression, Symbol)))
