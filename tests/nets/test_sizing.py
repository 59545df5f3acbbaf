from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw3.nets.sizing import cnn_parameters, cnn_widths, image_shape, mlp_parameters, mlp_widths


@given(budget=st.integers(100_000, 1_000_000), blocks=st.integers(3, 6))
@settings(max_examples=60, deadline=None)
def test_cnn_widths_spend_the_budget(budget, blocks):
    widths = cnn_widths(budget, 3, 3, blocks)
    spent = cnn_parameters(3, widths, 3)
    assert 0.99 * budget <= spent <= budget
    assert all(b == 2 * a for a, b in pairwise(widths[:-1]))


@given(budget=st.integers(30_000, 400_000))
@settings(max_examples=100, deadline=None)
def test_mlp_widths_spend_the_budget(budget):
    inputs, classes = 3 * 51 * 68, 3
    if budget < mlp_parameters(inputs, 1, 1, classes) * 3:  # too few units for the widths to be fine-grained
        return
    widths = mlp_widths(budget, inputs, classes)
    spent = mlp_parameters(inputs, *widths, classes)
    assert 0.99 * budget <= spent <= budget


def reference(budget, in_channels, classes, blocks):
    """The first depths in the documented order for which all three documented conditions hold, or None."""
    for base in [*range(256, 0, -8), *range(255, 0, -1)]:
        body = [base * 2**i for i in range(blocks - 1)]
        least, most = (cnn_parameters(in_channels, [*body, last], classes) for last in (body[-1] // 2, 2 * body[-1]))
        if most < 0.99 * budget or least > budget:
            continue
        for last in range(-(-body[-1] // 2), 2 * body[-1] + 1):
            spent = cnn_parameters(in_channels, [*body, last], classes)
            following = cnn_parameters(in_channels, [*body, last + 1], classes)
            if 0.99 * budget <= spent <= budget < following:
                return (*body, last)
    return None


@pytest.mark.parametrize(
    ("arguments", "widths"),
    [
        ((938, 3, 10, 3), (4, 8, 6)),  # the last block half as deep as its neighbour, or a little more
        ((753, 3, 3, 5), (1, 2, 4, 8, 4)),  # the smallest first depth
        ((15461, 3, 10, 3), (16, 32, 34)),
        ((1678, 3, 3, 5), (1, 2, 4, 8, 16)),  # exactly twice as deep
        ((5014, 3, 10, 2), (16, 29)),  # 24 does not fit, the next multiple of 8 does; so would 25
        ((531, 3, 3, 2), (6, 6)),  # wider ones spend less than 99 %
    ],
)
def test_cnn_widths_written_out(arguments, widths):
    assert cnn_widths(*arguments) == widths == reference(*arguments)
    if len(widths) == 5:
        assert cnn_widths(*arguments[:3]) == widths  # five blocks by default


@given(budget=st.integers(400, 3_000), blocks=st.integers(2, 4), classes=st.integers(2, 10))
@settings(max_examples=40, deadline=None)
def test_cnn_widths_are_the_first_in_the_documented_order(budget, blocks, classes):
    expected = reference(budget, 3, classes, blocks)
    if expected is None:
        with pytest.raises(ValueError, match=f"about {budget} parameters"):
            cnn_widths(budget, 3, classes, blocks)
    else:
        assert cnn_widths(budget, 3, classes, blocks) == expected


@pytest.mark.parametrize(
    ("arguments", "widths"),
    [
        ((642, 10, 2), (23, 12)),  # a second layer half as wide as the first, or a little more
        ((10_431, 10_404, 3), (1, 3)),  # the smallest of all
        ((605, 48, 5), (10, 5)),  # one unit fewer at a time until that is so
    ],
)
def test_mlp_widths_written_out(arguments, widths):
    assert mlp_widths(*arguments) == widths


@pytest.mark.parametrize("budget", [10**7, 10**9, 10**12, 10**18, 10**30])
def test_a_huge_budget_is_spent_too_and_at_once(budget):
    assert 0.99 * budget <= mlp_parameters(10_404, *mlp_widths(budget, 10_404, 3), 3) <= budget
    assert 0.99 * budget <= cnn_parameters(3, cnn_widths(budget, 3, 3), 3) <= budget


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mlp_widths(50, 10, 2), "no MLP on 10 inputs has about 50 parameters"),  # 1 % is not to be spent
        (lambda: mlp_widths(1000, 10404, 3), "about 1000 parameters; the smallest has 10431"),
        (lambda: cnn_widths(100, 3, 3), "about 100 parameters"),
        (lambda: cnn_widths(100_000, 3, 3, blocks=1), "blocks is 1"),
        (lambda: cnn_widths(1e5, 3, 3), "budget is 100000.0"),
        (lambda: cnn_widths(100_000, 3, 3, blocks=30), "no CNN of 30 blocks has about 100000 parameters$"),
        (lambda: mlp_widths(True, 10, 3), "budget is True"),
        (lambda: mlp_widths(500, 10.0, 3), "inputs is 10.0"),
        (lambda: image_shape((3, 8)), r"shape is \(3, 8\).*channels, height, width"),
        (lambda: image_shape((3, 0, 8)), r"\(3, 0, 8\) is 0"),
        (lambda: image_shape((3, 8, 8.5)), "is 8.5"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_small_integers_of_numpy_do_not_overflow():
    assert mlp_widths(np.int32(208_500), np.int16(10_404), np.int8(3)) == mlp_widths(208_500, 10_404, 3)
    assert cnn_widths(np.int32(208_000), np.int8(3), np.uint8(3)) == cnn_widths(208_000, 3, 3)
    assert image_shape(np.array([3, 51, 68], dtype=np.uint8)) == (3, 51, 68)
