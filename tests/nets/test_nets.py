import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hw3.nets import count
from hw3.nets.mlp import mlp
from hw3.nets.models import build
from hw3.nets.normalize import Normalize, pixel_statistics
from hw3.nets.sizing import mlp_parameters, mlp_widths


def test_normalized_pixels_have_mean_0_and_deviation_1():
    images = torch.randint(0, 256, (50, 3, 8, 9), dtype=torch.uint8)
    mean, std = pixel_statistics(images)
    assert torch.allclose(mean, images.float().mean((0, 2, 3)), atol=1e-3)
    assert torch.allclose(std, images.float().std((0, 2, 3), correction=0), atol=1e-3)
    normal = Normalize(mean, std)(images.to(memory_format=torch.channels_last))
    assert torch.allclose(normal, (images.float() - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1), atol=1e-4)
    assert normal.is_contiguous(memory_format=torch.channels_last)


def test_a_constant_channel_is_not_divided_by_zero():
    mean, std = pixel_statistics(torch.full((2, 3, 4, 4), 7, dtype=torch.uint8))
    assert Normalize(mean, std)(torch.full((1, 3, 4, 4), 7, dtype=torch.uint8)).abs().max() == 0


@given(budget=st.integers(30_000, 400_000))
@settings(max_examples=100, deadline=None)
def test_mlp_widths_spend_the_budget(budget):
    inputs, classes = 3 * 51 * 68, 3
    if budget < mlp_parameters(inputs, 1, 1, classes) * 3:  # too few units for the widths to be fine-grained
        return
    widths = mlp_widths(budget, inputs, classes)
    spent = mlp_parameters(inputs, *widths, classes)
    assert 0.99 * budget <= spent <= budget


def test_the_budget_of_the_book_can_be_spent():
    model = build("mlp", (3, 51, 68), 3, budget=208_500)
    assert count.parameters(model) == mlp_parameters(3 * 51 * 68, *mlp_widths(208_500, 3 * 51 * 68, 3), 3)
    assert 0.99 * 208_500 <= count.parameters(model) <= 208_500


def test_counts_agree_with_hand_counts():
    net = nn.Sequential(nn.Conv2d(3, 4, (3, 1), padding=(1, 0)), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 25, 2))
    assert count.parameters(net) == (3 * 3 * 4 + 4) + 8 + (100 * 2 + 2)
    assert count.by_kind(net) == {"convolution": 40, "fully connected": 202, "other": 8}
    before = net[1].running_mean.clone()
    net[1].eval()
    assert count.multiplications(net, (3, 5, 5)) == 25 * 4 * 9 + 100 * 2
    assert torch.equal(net[1].running_mean, before)
    assert net.training
    assert not net[1].training


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mlp((3, 4, 4), 3, ()), ValueError, r"widths are \(\)"),
        (lambda: mlp((3, 4, 4), 3, (5,), dropout=1.0), ValueError, "dropout is 1.0"),
        (lambda: mlp_widths(1000, 10404, 3), ValueError, "1000"),
        (lambda: build("vit", (3, 4, 4), 3), KeyError, "'vit'.*mlp"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
