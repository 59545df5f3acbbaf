import hashlib
from contextlib import suppress
from functools import partial

import pytest
import torch
from torch import nn

from hw3.nets.build import Normalize, build, evaluating, pixel_statistics
from hw3.nets.cnn import sized_cnn
from hw3.nets.mlp import sized_mlp

BUDGET = 208_000


def digest(module):
    lines = [name.encode() + value.contiguous().numpy().tobytes() for name, value in module.state_dict().items()]
    return hashlib.sha256(b"".join(lines)).hexdigest()[:16]


@pytest.mark.parametrize(
    ("network", "golden"),
    [
        (partial(sized_mlp, budget=208_500), "547b39882a2b123d"),
        (partial(sized_mlp, budget=208_500, dropout=0.2), "c3480467dcaaf57d"),
        (partial(sized_cnn, budget=BUDGET), "bcd7f5222c0d0a21"),
        (partial(sized_cnn, budget=BUDGET, regularize="dropblock", block_size=3), "bcd7f5222c0d0a21"),
        (partial(sized_cnn, budget=BUDGET, kernel="factorized"), "a20dce3da8f86a19"),
        (partial(sized_cnn, budget=BUDGET, kernel="factorized-narrow"), "3d31efd7f5500ed6"),
    ],
)
def test_a_seed_draws_the_same_weights_for_ever(network, golden):
    images = torch.zeros(1, 3, 51, 68, dtype=torch.uint8)
    torch.rand(7)  # what was drawn before does not matter
    assert digest(build(network, images, 3, seed=3)[1]) == golden
    assert digest(build(network, images, 3, seed=4)[1]) != golden


@pytest.mark.parametrize("seed", [1.9, -1, True, 2**40, 2**64])
def test_what_is_no_seed_is_refused(seed):
    images = torch.zeros(1, 3, 51, 68, dtype=torch.uint8)
    with pytest.raises(ValueError, match=f"the seed is {seed}"):
        build(partial(sized_cnn, budget=BUDGET), images, 3, seed)


def test_a_model_takes_the_images_as_they_are_stored():
    images = torch.randint(0, 256, (9, 3, 16, 17), dtype=torch.uint8)
    model = build(lambda shape, classes: nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 17, classes)), images, 4, 0)
    normalized = Normalize(*pixel_statistics(images))(images)
    assert torch.equal(model(images), model[1](normalized))
    assert model(images).shape == (9, 4)


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


def test_evaluation_ends_with_every_part_in_its_own_mode_also_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    with suppress(RuntimeError), evaluating(model):
        assert not any(part.training for part in model.modules())
        raise RuntimeError
    assert [part.training for part in model.modules()] == [True, True, False]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.zeros(2, 3, 4, 4), r"torch.float32 of \(2, 3, 4, 4\).*uint8"),
        (torch.zeros(0, 3, 4, 4, dtype=torch.uint8), "one or more"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), r"\(3, 4, 4\)"),
    ],
)
def test_other_images_are_refused(images, words):
    with pytest.raises(ValueError, match=words):
        pixel_statistics(images)
