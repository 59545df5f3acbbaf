from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from hw3.nets import count
from hw3.nets.cnn import KERNELS, REGULARIZERS, cnn, convolution, sized_cnn
from hw3.nets.dropblock import DropBlock
from hw3.nets.sizing import cnn_parameters, cnn_widths
from hw3.theory import factorization

PHOTOGRAPH = (3, 51, 68)


def test_the_formula_counts_what_torch_counts():
    for budget in (20_000, 208_000, 400_000):
        assert count.parameters(sized_cnn(PHOTOGRAPH, 3, budget)) == cnn_parameters(3, cnn_widths(budget, 3, 3), 3)


def test_no_arm_of_one_budget_has_more_parameters_than_the_plain_one():
    def size(**options):
        return count.parameters(sized_cnn(PHOTOGRAPH, 3, 208_000, **options))

    assert size() == size(regularize="dropout") == size(regularize="dropblock") >= 0.99 * 208_000
    assert size(kernel="factorized-narrow") < size(kernel="factorized") < size()
    assert size(kernel="factorized", activation_between=True) == size(kernel="factorized")
    assert size(kernel="factorized", factorize_from=3) < size()  # less still: a first layer of 3 channels saves nothing


def test_the_number_of_blocks_can_be_told():
    model = sized_cnn(PHOTOGRAPH, 3, 208_000, blocks=3)
    assert len([part for part in model if isinstance(part, nn.Sequential)]) == 3
    assert 0.99 * 208_000 <= count.parameters(model) <= 208_000


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("regularize", REGULARIZERS)
def test_every_arm_runs_and_differs_in_one_thing(kernel, regularize):
    torch.manual_seed(0)
    model = cnn((3, 20, 22), 5, (4, 8, 6), kernel, regularize, rate=0.2)
    images = torch.randn(2, 3, 20, 22)
    torch.manual_seed(0)
    plain = cnn((3, 20, 22), 5, (4, 8, 6), kernel)
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


def test_multiplications_of_a_square_layer_by_hand():
    layer = nn.Sequential(convolution(3, 4, 2, "square"))
    assert count.multiplications(layer, (3, 6, 8)) == 3 * 4 * 9 * (3 * 4)


def kinds(model):
    """The kernels of each block, ReLUs between them included."""
    blocks = [part for part in model if isinstance(part, nn.Sequential)]
    return [[getattr(layer, "kernel_size", "ReLU") for layer in block[0]] for block in blocks]


def test_later_blocks_alone_can_be_factorized_and_a_relu_can_stand_between():
    factorized, square = [(3, 1), (1, 3)], [(3, 3)]
    make = partial(cnn, (3, 20, 22), 5, (4, 8, 6), kernel="factorized")
    assert kinds(make()) == [factorized] * 3
    assert kinds(make(factorize_from=1)) == [square, factorized, factorized]
    assert kinds(make(factorize_from=2, activation_between=True)) == [square, square, [(3, 1), "ReLU", (1, 3)]]


def test_the_relu_between_is_one():
    torch.manual_seed(0)
    layer, x = convolution(3, 4, 1, "factorized", activation_between=True), torch.randn(2, 3, 6, 7)
    assert torch.allclose(layer(x), layer[2](layer[0](x).clamp_min(0)))


@pytest.mark.parametrize(
    ("name", "grow", "block_size", "grows"),
    [
        ("dropout", None, 1, False),
        ("dropout", True, 1, True),
        ("dropblock", None, 3, True),
        ("dropblock", False, 3, False),
    ],
)
def test_shape_and_schedule_of_a_regularizer_can_be_separated(name, grow, block_size, grows):
    model = cnn((3, 20, 22), 5, (4, 8, 6), regularize=name, rate=0.2, block_size=3, grow=grow)
    drops = [layer for layer in model.modules() if isinstance(layer, DropBlock)]
    assert [(drop.rate, drop.block_size, drop.grow) for drop in drops] == [(0.2, block_size, grows)] * 3


def test_by_default_a_regularizer_drops_a_tenth_in_blocks_of_3_x_3():
    drops = [
        layer for layer in cnn((3, 20, 22), 5, (4, 8), regularize="dropblock").modules() if isinstance(layer, DropBlock)
    ]
    assert [(drop.rate, drop.block_size) for drop in drops] == [(0.1, 3)] * 2


@pytest.mark.parametrize(("blocks", "least"), [(2, 1), (3, 3), (4, 7), (5, 15)])
def test_images_are_refused_exactly_where_torch_could_not_halve_them_any_more(blocks, least):
    widths = (4,) * blocks
    model = cnn((3, least, least + 1), 2, widths).eval()
    assert model(torch.zeros(1, 3, least, least + 1)).shape == (1, 2)
    if least > 1:
        with pytest.raises(RuntimeError):
            model(torch.zeros(1, 3, least - 1, least))
        with pytest.raises(ValueError, match=f"{least - 1} x 20 pixels are too small.*{least} x {least} would do"):
            cnn((3, least - 1, 20), 2, widths)


def test_integers_of_other_libraries_are_integers():
    model = cnn(
        np.array([3, 20, 22], dtype=np.int8), np.int8(2), np.array([4, 4]), "factorized", factorize_from=np.int8(1)
    )
    assert model(torch.zeros(2, 3, 20, 22)).shape == (2, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"widths": (4,)}, r"widths are \(4,\)"),
        ({"widths": (4, 0)}, "a width is 0"),
        ({"widths": (4, 4.0)}, "a width is 4.0"),
        ({"shape": (3, 20)}, r"shape is \(3, 20\)"),
        ({"classes": 2.5}, "classes is 2.5"),
        ({"kernel": "round"}, "kernel is 'round'.*square"),
        ({"regularize": "cutout"}, "regularize is 'cutout'.*dropblock"),
        ({"kernel": "factorized", "factorize_from": 2}, "factorize_from is 2.*0 to 1"),
        ({"kernel": "factorized", "factorize_from": -1}, "factorize_from is -1"),
        ({"activation_between": True}, "'square'"),
        ({"factorize_from": 1}, "'square'"),
        ({"regularize": "dropblock", "rate": 1.0}, "rate is 1.0"),
        ({"regularize": "dropblock", "block_size": True}, "block_size is True"),
    ],
)
def test_bad_input_is_named(options, words):
    with pytest.raises(ValueError, match=words):
        cnn(**{"shape": (3, 20, 22), "classes": 2, "widths": (4, 4)} | options)


def test_the_books_cnn_on_tiny_images_is_refused_in_our_words():
    with pytest.raises(ValueError, match="8 x 8 pixels are too small for 5 blocks; 15 x 15 would do"):
        sized_cnn((3, 8, 8), 3, 208_000)
