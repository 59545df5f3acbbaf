from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer, Rational, cos, pi, sin, symbols, zoo

from hw3.theory.values import alike, sign_of, value

x, y = symbols("x y", real=True)
fractions = st.fractions(-9, 9, max_denominator=50)


@given(at=st.tuples(fractions, fractions))
def test_a_rational_formula_has_an_exact_value(at):
    point = dict(zip((x, y), at, strict=True))
    formula = (x + 2) ** 3 * y / 3 - x * y + 5
    assert value(formula, point) == (at[0] + 2) ** 3 * at[1] / 3 - at[0] * at[1] + 5
    if at[0]:
        assert value(y / x**2, point) == at[1] / at[0] ** 2


def test_sines_have_sixty_digits_also_beside_exact_numbers():
    point = {x: Fraction(1, 3), y: Fraction(2)}
    assert abs(value(sin(x) ** 2 + cos(x) ** 2 - y / 2, point)) < 10**-55
    assert abs(value(x - cos(x), point) + value(cos(x) - x, point)) < 10**-55
    assert abs(value(2 * cos(pi / 5), {}) ** 2 - value(2 * cos(pi / 5), {}) - 1) < 10**-55
    assert abs(4 * value(sin(pi * x), point) ** 2 - 3) < 10**-55


@pytest.mark.parametrize("formula", [1 / x, zoo, x**-3, y / (x * y)])
def test_a_division_by_zero_has_no_value(formula):
    with pytest.raises(ZeroDivisionError):
        value(formula, {x: Fraction(0), y: Fraction(1)})


def test_signs_of_exact_numbers_are_exact_and_of_others_to_forty_digits():
    assert [sign_of(Fraction(n, 10**60)) for n in (-1, 0, 1)] == [-1, 0, 1]
    almost, _ = alike([Fraction(1, 10**50), value(cos(Integer(1)), {})])
    assert sign_of(almost) == 0
    assert sign_of(almost * 10**20) == 1
    above, below, _ = alike([Fraction(2, 10**40), Fraction(1, 2 * 10**40), value(cos(Integer(1)), {})])
    assert (sign_of(above), sign_of(below)) == (1, 0)
    assert sign_of(almost * 10**20, 10**15) == 0
    assert sign_of(-value(cos(Rational(1, 2)), {})) == -1


def test_numbers_are_alike():
    assert alike([Fraction(1), Fraction(2)]) == [Fraction(1), Fraction(2)]
    one, half = alike([value(cos(Integer(0)) * sin(Integer(1)), {}), Fraction(1, 2)])
    assert one - half == one - 0.5
