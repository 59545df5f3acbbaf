from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from hw3.nets import count
from hw3.nets.mlp import mlp, sized_mlp
from hw3.nets.sizing import mlp_parameters, mlp_widths

PHOTOGRAPH = (3, 51, 68)


def layers(model, kind):
    return [layer for layer in model if isinstance(layer, kind)]


def test_the_budget_of_the_book_can_be_spent():
    model = sized_mlp(PHOTOGRAPH, 3, 208_500)
    assert count.parameters(model) == mlp_parameters(3 * 51 * 68, *mlp_widths(208_500, 3 * 51 * 68, 3), 3)
    assert 0.99 * 208_500 <= count.parameters(model) <= 208_500


def test_averaged_pixels_buy_hundreds_of_units_for_the_same_budget():
    model = sized_mlp(PHOTOGRAPH, 3, 208_500, pool=(13, 17))
    assert 0.99 * 208_500 <= count.parameters(model) <= 208_500
    assert layers(model, nn.Linear)[0].out_features > 200
    assert layers(model, nn.Linear)[0].in_features == 3 * 13 * 17
    images = torch.rand(4, 3, 51, 68)
    model.eval()
    assert torch.equal(model(images), model(images.roll(1, 0)).roll(-1, 0))
    blocks = torch.rand(4, 3, 26, 34).repeat_interleave(2, 2).repeat_interleave(2, 3)  # 2 x 2 pixels of one colour
    halved = mlp((3, 52, 68), 3, (5,), pool=(26, 34)).eval()
    assert torch.allclose(halved[0](blocks), blocks[:, :, ::2, ::2])


def test_dropout_stands_behind_every_hidden_layer_and_only_when_asked_for():
    assert [layer.p for layer in layers(mlp((1, 4, 4), 3, (5, 6), dropout=0.2), nn.Dropout)] == [0.2, 0.2]
    assert not layers(mlp((1, 4, 4), 3, (5, 6)), nn.Dropout)
    assert [layer.p for layer in layers(sized_mlp(PHOTOGRAPH, 3, 208_500, dropout=0.3), nn.Dropout)] == [0.3, 0.3]


def test_integers_of_other_libraries_are_integers():
    model = mlp(np.array([3, 4, 4]), np.int8(3), np.array([5]))
    assert [type(layer.out_features) for layer in layers(model, nn.Linear)] == [int, int]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: mlp((3, 4, 4), 3, ()), r"widths are \(\)"),
        (lambda: mlp((3, 4, 4), 3, (5, 0)), "a width is 0"),
        (lambda: mlp((3, 4, 4), 3, (5.0,)), "a width is 5.0"),
        (lambda: mlp((3, 4, 4), True, (5,)), "classes is True"),
        (lambda: mlp((3, 4), 3, (5,)), r"shape is \(3, 4\)"),
        (lambda: mlp((3, 4, 4.5), 3, (5,)), "4.5"),
        (lambda: mlp((3, 4, 4), 3, (5,), dropout=1.0), "dropout is 1.0"),
        (lambda: mlp((3, 4, 4), 3, (5,), dropout=-0.1), "dropout is -0.1; it must be at least 0"),
        (lambda: mlp((3, 4, 4), 3, (5,), dropout=float("nan")), "dropout is nan"),
        (partial(mlp, (3, 4, 4), 3, (5,), pool=(5, 4)), r"pool is \(5, 4\).*4 x 4"),
        (partial(sized_mlp, (3, 4, 4), 3, 1000, pool=(4, 5)), r"pool is \(4, 5\)"),
        (partial(mlp, (3, 4, 4), 3, (5,), pool=(0, 4)), "pool is 0"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
