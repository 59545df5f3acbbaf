import numpy as np
import pytest
from scipy import stats

from hw3.lab.compare import paired


def test_better_worse_and_indistinguishable_are_told_apart():
    base = [0.90, 0.91, 0.92]
    better = paired([b + 0.03 + e for b, e in zip(base, (0, 0.001, -0.001), strict=True)], base)
    assert better.sign == 1
    assert "is higher than" in better.sentence("CNN", "MLP", "test accuracy")
    assert "+3.00 percentage points" in better.sentence("CNN", "MLP", "test accuracy")
    worse = paired(base, [b + 0.03 + e for b, e in zip(base, (0, 0.001, -0.001), strict=True)])
    assert worse.sign == -1
    assert "is lower than" in worse.sentence("CNN", "MLP", "test accuracy")
    same = paired([0.90, 0.93, 0.91], base)
    assert same.sign == 0
    sentence = same.sentence("CNN", "MLP", "test accuracy")
    assert "no difference in test accuracy that these runs can show" in sentence
    assert "higher" not in sentence
    assert "lower" not in sentence


def test_the_interval_is_students():
    first, second = np.random.default_rng(0).normal(size=(2, 6))
    found = paired(first.tolist(), second.tolist())
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_pairing_uses_the_seeds_order():
    assert paired([1.0, 2.0, 3.2], [0.9, 1.9, 3.09]).sign == 1  # far apart between seeds, equal within


def test_an_interval_is_told_in_the_unit_of_the_quantity():
    found = paired([0.75, 0.875, 0.75], [0.5, 0.5, 0.5])
    low, high = found.interval("+.1f").split(" to ")
    assert float(low) == pytest.approx(100 * found.low, abs=0.05)
    assert float(high) == pytest.approx(100 * found.high, abs=0.05)
    assert found.interval() in found.sentence("first", "second", "accuracy")
    assert found.interval("+.3f", 1) == f"{found.low:+.3f} to {found.high:+.3f}"


def test_the_same_difference_in_every_pair_proves_nothing():
    assert paired([0.75, 0.875], [0.5, 0.625]).sign == 0
    assert paired([0.1, 0.1, 0.1], [0.0, 0.0, 0.0]).sign == 0  # equal but for roundings


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, float("nan")], [1.0, 2.0])])
def test_what_cannot_be_compared_is_refused(first, second):
    with pytest.raises(ValueError, match=r"paired|finite"):
        paired(first, second)
