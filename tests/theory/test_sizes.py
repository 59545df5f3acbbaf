import math
from fractions import Fraction

import numpy as np
import pytest
from sympy import Float, Integer, Rational, Symbol, symbols, true

from hw3.theory.sizes import size, whole

REFUSED = [
    True,
    False,
    np.True_,
    true,
    5.0,
    2.5,
    math.nan,
    math.inf,
    "5",
    None,
    [5],
    Rational(7, 2),
    Fraction(5),
    np.float64(5),
]


@pytest.mark.parametrize("value", [5, np.int8(5), np.uint8(5), np.int64(5), Integer(5), np.array(5)])
def test_every_integer_is_one_and_becomes_pythons(value):
    for number in (whole("n", value), size("n", value)):
        assert number == 5
        assert type(number) is int


@pytest.mark.parametrize("value", REFUSED)
def test_everything_else_is_refused_by_its_name(value):
    for door in (whole, size):
        with pytest.raises(ValueError, match=r"the side is .*; it must be a positive integer"):
            door("the side", value)


def test_of_a_long_value_sixty_signs_are_shown():
    with pytest.raises(ValueError, match=r"^n is 'x{59}; it must be a positive integer$"):
        whole("n", "x" * 100)


@pytest.mark.parametrize(("least", "words"), [(0, "0 or more"), (1, "a positive integer"), (2, "2 or more")])
def test_the_least_is_the_least(least, words):
    assert whole("n", least, least) == least
    with pytest.raises(ValueError, match=f"n is {least - 1}; it must be .*{words}"):
        whole("n", least - 1, least)


def test_any_integer_will_do_without_a_least():
    assert whole("n", -3, None) == -3
    with pytest.raises(ValueError, match=r"it must be an integer$"):
        whole("n", 1.0, None)


def test_symbols_are_sizes_where_a_formula_is_wanted():
    height = symbols("H", integer=True, positive=True)
    assert size("n", 2 * height + 1) == 2 * height + 1
    assert size("n", Symbol("k")) == Symbol("k")
    for wrong in (-height, Float(0.5) * height, Integer(-2)):
        with pytest.raises(ValueError, match="n is"):
            size("n", wrong)
    with pytest.raises(ValueError, match="n is H"):
        whole("n", height)
