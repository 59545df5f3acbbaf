from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from hw3.theory.inequalities import at, between, point_inside
from hw3.theory.spelling import RefusedError

coefficients = st.lists(st.integers(-3, 3).map(Fraction), min_size=4, max_size=4).map(tuple)


@given(forms=st.lists(coefficients, max_size=7), seed=st.integers(0, 99))
@settings(max_examples=200, deadline=None)
def test_a_point_is_inside_and_none_is_missing_where_linear_programming_has_one(forms, seed):
    point = point_inside(forms, 3, Random(seed))
    if point is not None:
        assert all(at(form, point) > 0 for form in forms)
        return
    rows = np.array(forms, float)  # the largest margin t with form(x) >= t, t <= 1
    best = linprog(
        [0, 0, 0, -1], np.c_[-rows[:, :3], np.ones(len(rows))], rows[:, 3], bounds=[(None, None)] * 3 + [(None, 1)]
    )
    assert -best.fun < 1e-9


def test_a_thin_region_far_out_has_a_point():
    far = Fraction(10**12)
    (x,) = point_inside([(Fraction(1), -far), (Fraction(-1), far + Fraction(1, 10**6))], 1, Random(0))
    assert far < x < far + Fraction(1, 10**6)


def test_no_inequality_leaves_every_point():
    assert len(point_inside([], 3, Random(0))) == 3
    assert point_inside([(Fraction(0),)], 0, Random(0)) is None
    assert point_inside([(Fraction(1),)], 0, Random(0)) == []


def test_a_number_between_is_between_and_random():
    numbers = {between(-1, 1, Random(seed)) for seed in range(50)}
    assert len(numbers) == 50
    assert all(-1 < number < 1 for number in numbers)
    assert min(numbers) < -Fraction(1, 2) < Fraction(1, 2) < max(numbers)


def test_too_many_inequalities_are_refused():
    assert point_inside([(Fraction(1), Fraction(i)) for i in range(400)], 1, Random(0))
    with pytest.raises(RefusedError, match="compares more"):
        point_inside([(Fraction(1), Fraction(i)) for i in range(401)], 1, Random(0))
