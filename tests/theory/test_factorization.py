import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational, expand, symbols

from hw3.theory import factorization

c, k, m, s = symbols("c k m s", positive=True)
sizes = st.integers(1, 40)


def test_the_known_answers():
    assert factorization.square(c, k) == 9 * c * k
    assert expand(factorization.factorized(c, k, m)) == 3 * c * m + 3 * m * k
    wide, narrow = factorization.saving(c, k, k), factorization.saving(c, k, c)
    assert wide.subs(k, c) == Rational(1, 3)
    assert wide.subs(k, 2 * c) == 0
    assert wide.subs(k, 3 * c) < 0
    assert narrow.subs(k, 2 * c) == Rational(1, 2)
    assert expand(factorization.break_even(c, k) * (c + k) - 3 * c * k) == 0


@given(inputs=sizes, outputs=sizes, middle=sizes, size=sizes)
def test_numbers_agree_with_the_formulas_for_any_size(inputs, outputs, middle, size):
    before, after = size * size * inputs * outputs, size * inputs * middle + size * middle * outputs
    point = {c: inputs, k: outputs, m: middle, s: size}
    assert factorization.square(inputs, outputs, size) == before == factorization.square(c, k, s).subs(point)
    assert factorization.factorized(inputs, outputs, middle, size) == after
    assert factorization.saving(inputs, outputs, middle, size) == 1 - Rational(after, before)
    even = factorization.break_even(inputs, outputs, size)
    assert (after < before) == (middle < even)


def test_a_symbol_called_m_is_a_size_like_any_other():
    other = symbols("n", positive=True)
    assert factorization.break_even(3, m) == factorization.break_even(3, other).subs(other, m)
    assert factorization.break_even(m, m) == 3 * m / 2


def test_integers_of_numpy_do_not_overflow():
    assert factorization.square(np.int8(100), np.int8(100), np.int8(3)) == 90_000


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3", None])
def test_other_sizes_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match="in_channels is"):
        factorization.square(wrong, 3)
    with pytest.raises(ValueError, match="out_channels is"):
        factorization.saving(3, wrong, 3)
    with pytest.raises(ValueError, match="middle is"):
        factorization.factorized(3, 3, wrong)
    with pytest.raises(ValueError, match="size is"):
        factorization.break_even(3, 3, wrong)
