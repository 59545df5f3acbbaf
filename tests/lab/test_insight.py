import pytest
import torch
from torch import nn

from hw3.data import load, split
from hw3.lab import insight
from hw3.lab.material import SPLIT_SEED
from hw3.lab.profiles import PROFILES
from hw3.lab.run import run
from hw3.learn.loop import predict


def test_correlation_of_known_maps():
    noise = torch.randn(50, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    assert insight.spatial_correlation(noise, 1) == pytest.approx(0, abs=0.02)
    smooth = nn.functional.avg_pool2d(noise, 3, stride=1)
    # means over 3 x 3 windows share 6 of 9 pixels with their neighbour, then 3, then none
    for distance, expected in ((1, 6 / 9), (2, 3 / 9), (3, 0)):
        assert insight.spatial_correlation(smooth, distance) == pytest.approx(expected, abs=0.04)


def test_what_a_ring_tells_of_known_maps():
    noise = torch.randn(200, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    assert insight.recoverable(noise, 1) == pytest.approx(0, abs=0.01)
    ramp = torch.arange(12.0).view(1, 1, 1, 12) * torch.randn(200, 2, 1, 1) + torch.zeros(200, 2, 12, 12)
    assert insight.recoverable(ramp, 1) == pytest.approx(1, abs=1e-6)
    with_dead = torch.cat([ramp, torch.zeros(200, 1, 12, 12)], 1)  # a dead channel is left out, not counted as 0
    assert insight.recoverable(with_dead, 1) == pytest.approx(1, abs=1e-6)


def test_rank_one_is_exact_where_the_filter_is():
    column, row = torch.randn(5, 3, 1), torch.randn(5, 1, 3)
    found = insight.rank_one(column @ row)
    assert torch.allclose(found.approximations, found.filters, atol=1e-5)
    assert found.energy.min().item() == pytest.approx(1, abs=1e-5)
    assert insight.rank_one(torch.eye(3)[None]).energy.item() == pytest.approx(1 / 3)


def test_a_stored_network_gives_its_stored_logits():
    result = run("shoes/cnn-dropblock", 0, PROFILES["smoke"])
    data = load("shoes", source="digits", quiet=True)
    model = insight.trained(result, data)
    logits = predict(model, data.images[split(data, seed=SPLIT_SEED).test])
    assert torch.allclose(logits, result.logits, atol=0.1)  # the run may have computed in bf16
    maps = insight.activations(model, data.images[:4], block=1)
    assert maps.shape[:2] == (4, model[1][1][2].num_features)


def test_the_worst_mistakes_are_mistakes():
    result = run("shoes/mlp", 0, PROFILES["smoke"])
    data = load("shoes", source="digits", quiet=True)
    found = insight.worst(result, data, 3)
    assert found[0].label != found[0].called or result.test.accuracy == 1
    for mistake in found:
        assert mistake.label in mistake.file


@pytest.mark.parametrize("call", [insight.spatial_correlation, insight.recoverable])
def test_maps_too_small_are_named(call):
    with pytest.raises(ValueError, match="distance is 5"):
        call(torch.zeros(1, 1, 5, 5), 5)
