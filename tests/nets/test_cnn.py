from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from hw3.nets import count
from hw3.nets.cnn import KERNELS, REGULARIZERS, cnn, convolution
from hw3.nets.models import build
from hw3.nets.sizing import cnn_parameters, cnn_widths
from hw3.theory import factorization


@given(budget=st.integers(100_000, 1_000_000), blocks=st.integers(3, 6))
@settings(max_examples=60, deadline=None)
def test_cnn_widths_spend_the_budget(budget, blocks):
    widths = cnn_widths(budget, 3, 3, blocks)
    spent = cnn_parameters(3, widths, 3)
    assert 0.99 * budget <= spent <= budget
    assert all(b == 2 * a for a, b in pairwise(widths[:-1]))


def test_the_formula_counts_what_torch_counts():
    for budget in (20_000, 208_000, 400_000):
        model = build("cnn", (3, 51, 68), 3, budget=budget)
        assert count.parameters(model) == cnn_parameters(3, cnn_widths(budget, 3, 3), 3)


def test_no_cnn_of_the_book_is_larger_than_the_mlp():
    from hw3.lab.experiments import experiments
    from hw3.lab.profiles import PROFILES

    shoes = [e for e in experiments(PROFILES["book"]).values() if e.data == "shoes"]
    sizes = {e.name: count.parameters(build(e.model, (3, 51, 68), 3, **e.options)) for e in shoes}
    assert all(size <= sizes["shoes/mlp"] <= 210_000 for name, size in sizes.items() if "cnn" in name)
    assert sizes["shoes/cnn"] == sizes["shoes/cnn-dropout"] == sizes["shoes/cnn-dropblock"]
    assert sizes["shoes/cnn"] >= 0.98 * sizes["shoes/mlp"]
    assert sizes["shoes/cnn-factorized-narrow"] < sizes["shoes/cnn-factorized"] < sizes["shoes/cnn"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("regularize", REGULARIZERS)
def test_every_arm_runs_and_differs_in_one_thing(kernel, regularize):
    torch.manual_seed(0)
    model = cnn(3, 5, (4, 8, 6), kernel, regularize, rate=0.2)
    images = torch.randn(2, 3, 20, 22)
    torch.manual_seed(0)
    plain = cnn(3, 5, (4, 8, 6), kernel)
    assert torch.equal(model.eval()(images), plain.eval()(images))  # a regularizer is off in evaluation
    assert model.train()(images).shape == (2, 5)


widths = st.integers(1, 12)


@given(c=widths, k=widths, stride=st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_the_factorized_layer_is_a_square_one_multiplied_out(c, k, stride):
    layer = convolution(c, k, stride, "factorized").double()
    column, row = (part.weight for part in layer)
    product = torch.einsum("mca,kmb->kcab", column[..., 0], row[:, :, 0])
    x = torch.randn(1, c, 9, 10, dtype=torch.float64)
    assert torch.allclose(layer(x), F.conv2d(x, product, stride=stride, padding=1))


@given(c=widths, k=widths)
@settings(max_examples=40, deadline=None)
def test_the_algebra_counts_what_torch_counts(c, k):
    def weights(kernel):
        return count.parameters(convolution(c, k, 1, kernel))

    assert weights("square") == factorization.square(c, k)
    assert weights("factorized") == factorization.factorized(c, k, k)
    assert weights("factorized-narrow") == factorization.factorized(c, k, min(c, k))
    assert weights("factorized") == round(weights("square") * (1 - factorization.saving(c, k, k)))


@given(c=widths, k=widths, size=st.sampled_from([3, 5, 7]))
@settings(max_examples=30, deadline=None)
def test_at_the_break_even_nothing_is_saved(c, k, size):
    width = factorization.break_even(c, k, size)
    assert factorization.saving(c, k, width, size) == 0
    assert factorization.saving(c, k, width / 2, size) > 0 > factorization.saving(c, k, 2 * width, size)


def test_multiplications_of_a_square_layer_by_hand():
    layer = nn.Sequential(convolution(3, 4, 2, "square"))
    assert count.multiplications(layer, (3, 6, 8)) == 3 * 4 * 9 * (3 * 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cnn(3, 2, (4,)), r"widths are \(4,\)"),
        (lambda: cnn(3, 2, (4, 4), kernel="round"), "kernel is 'round'.*square"),
        (lambda: cnn(3, 2, (4, 4), regularize="cutout"), "regularize is 'cutout'.*dropblock"),
        (lambda: cnn_widths(100, 3, 3), "about 100 parameters"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
