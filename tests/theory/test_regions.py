import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Max, Min, Rational, cos, pi, sin, symbols

from hw3.theory import regions
from hw3.theory.inequalities import between
from hw3.theory.notation import Iverson
from hw3.theory.regions import compared, difference
from hw3.theory.spelling import RefusedError

x, y, z = names = symbols("x y z", real=True)
terms = st.sampled_from([x, y, z, Integer(0), Integer(3), x + y, 2 * z - 1, x - Rational(1, 2), -y])
pieces = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds(lambda p, q: Max(p, q, evaluate=False), inner, inner),
        st.builds(lambda p, q: Min(p, q, evaluate=False), inner, inner),
        st.builds(lambda p, q, strict: Iverson(p, q, strict), inner, inner, st.integers(0, 1)),
        st.builds(lambda p, q: p * q, inner, inner),
        st.builds(lambda p, q: p - q, inner, inner),
    ),
    max_leaves=5,
)
GRID = [dict(zip(names, point, strict=True)) for point in itertools.product((-3.37, -0.41, 0.13, 0.91, 5.77), repeat=3)]


@given(first=pieces, second=pieces)
@settings(max_examples=100, deadline=None)
def test_nothing_that_a_grid_shows_is_missed_and_what_is_shown_is_so(first, second):
    here = difference(first, second)
    if here is None:
        for point in GRID:
            assert abs(first.subs(point).doit() - second.subs(point).doit()) < 1e-9
    else:
        exact = {name: Rational(c.numerator, c.denominator) for name, c in here.point.items()}
        assert first.subs(exact).doit() == here.first != here.second == second.subs(exact).doit()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Max(x, y), x + Iverson(y, x, 1) * (y - x)),
        (Max(x, y, z), Max(Max(x, y), z)),
        (Min(x, y), -Max(-x, -y)),
        (Iverson(x * y, 0, 1), Iverson(x, 0, 1) * Iverson(y, 0, 1) + Iverson(0, x, 1) * Iverson(0, y, 1)),
        (Iverson(x / y, 1, 1), Iverson(x, y, 1) * Iverson(y, 0, 1) + Iverson(y, x, 1) * Iverson(0, y, 1)),
        (Iverson(x**2, 4, 1), Iverson(x, 2, 1) + Iverson(-2, x, 1)),
        (Iverson(x, y, 1), Iverson(x, y, 0)),
        (Iverson(Max(x, y), x, 0), Integer(1)),
        (cos(x) ** 2, 1 - sin(x) ** 2),
        (Iverson(cos(x) ** 2 + sin(x) ** 2, 1, 0), Integer(1)),
        (cos(pi / 5) * x, cos(2 * pi / 5) * x + x / 2),
        ((x**2 - y**2) / (x - y), x + y),
        (Integer(2), Integer(2)),
    ],
)
def test_equal_formulas_have_no_difference(first, second):
    assert difference(first, second) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Integer(0), Iverson(x, 10**9, 1)),
        (Integer(0), Iverson(x - y, 10**9, 1) * Iverson(y - x, -(10**9) - Rational(1, 10**6), 1)),
        (Integer(0), Iverson(x**3, 10**12, 1)),
        (Integer(0), Iverson(x * y, 10**8, 1)),
        (Integer(0), Iverson(-x * y * z, 10, 1)),
        (Integer(0), Iverson(0, x**2 - 10**6, 1) * Iverson(x, 999, 1)),
        (Integer(0), Iverson(1 / x, 10**6, 1)),
        (Integer(1), Iverson((x + y + z) ** 6, 0, 1) * 2),
        (Integer(0), Iverson(cos(x), 0, 1)),
        (x, 1 / (1 / x) + 1 / (Iverson(x, 5, 1) - 1) + 1),
        (Integer(1), Integer(2)),
    ],
)
def test_a_difference_is_seen_however_far_out(first, second):
    here = difference(first, second)
    assert here is not None
    assert here.first != here.second


def test_a_difference_comes_with_short_numbers():
    assert difference(x + y, x - y).point.keys() == {x, y}
    assert all(c.denominator == 1 for c in difference(x + y, x - y).point.values())


def test_a_short_number_on_a_border_is_passed_over_for_a_longer_one():
    here = difference(Integer(0), Iverson(x, 0, 1) * Iverson(Rational(1, 3), x, 1))  # between 0 and 1/3
    assert 0 < here.point[x] < Rational(1, 3)
    assert here.point[x].denominator > 1


@pytest.mark.parametrize(("count", "everywhere"), [(8, True), (12, False)])
def test_comparisons_of_many_names_in_a_high_power_are_tried_only(count, everywhere):
    many = symbols(f"q1:{count + 1}", real=True)
    half = count // 2
    formula = Iverson(sum(many[:half]) ** 3 * sum(many[half:]), 0, 1)
    assert compared(formula, formula) == (None, everywhere)


def test_a_point_on_a_border_is_passed_over(monkeypatch):
    few = iter([Fraction(0)] * 5)
    monkeypatch.setattr(regions, "between", lambda *ends: next(few, None) or between(*ends))
    here = difference(Integer(0), Iverson(x, 0, 1))
    assert here.point[x] > 0
    assert next(few, None) is None


@pytest.mark.parametrize(
    ("formula", "everywhere"),
    [
        (Max(x, y) - Min(x, y), True),
        (Iverson(x * (y - z), 3 * x, 1), True),
        (x**2 * cos(y), True),  # nothing is compared
        (Iverson(x * y, 1, 1), False),
        (Iverson(x, 0, 1) * Iverson(cos(y), 0, 1), False),
    ],
)
def test_whether_every_region_was_visited(formula, everywhere):
    assert compared(formula, formula) == (None, everywhere)
    assert compared(formula, formula + 1)[1] is everywhere


def test_a_division_by_zero_is_a_difference_without_a_value():
    assert difference(x, x / Iverson(x, 0, 1)).second is None
    with pytest.raises(RefusedError, match="divides by zero wherever"):
        difference(x, 1 / ((x + y) ** 2 - x**2 - 2 * x * y - y**2))
