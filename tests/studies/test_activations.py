import pytest
import torch
from torch import nn

from hw3.nets.dropblock import DropBlock
from hw3.studies import activations
from hw3.studies.activations import (
    masked_statistics,
    rank_one,
    re_estimated,
    recoverable,
    spatial_correlation,
    trained,
    worst,
)
from hw3.studies.run import run
from hw3.train.device import fabric
from hw3.train.loop import predict


def test_correlation_of_known_maps():
    noise = torch.randn(50, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    assert spatial_correlation(noise, 1) == pytest.approx(0, abs=0.02)
    smooth = nn.functional.avg_pool2d(noise, 3, stride=1)
    # means over 3 x 3 windows share 6 of 9 pixels with their neighbour, then 3, then none
    for distance, expected in ((1, 6 / 9), (2, 3 / 9), (3, 0)):
        assert spatial_correlation(smooth, distance) == pytest.approx(expected, abs=0.04)


def test_what_a_ring_tells_of_known_maps():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200, 2, 12, 12, generator=generator)
    assert recoverable(noise, 1) == pytest.approx(0, abs=0.01)
    slopes = torch.randn(200, 2, 1, 1, generator=generator)
    ramp = torch.arange(12.0).view(1, 1, 1, 12) * slopes + torch.zeros(200, 2, 12, 12)
    assert recoverable(ramp, 1) == pytest.approx(1, abs=1e-6)
    with_dead = torch.cat([ramp, torch.zeros(200, 1, 12, 12)], 1)  # a dead channel is left out, not counted as 0
    assert recoverable(with_dead, 1) == pytest.approx(1, abs=1e-6)


def test_rank_one_is_exact_where_the_filter_is():
    generator = torch.Generator().manual_seed(0)
    column, row = torch.randn(5, 3, 1, generator=generator), torch.randn(5, 1, 3, generator=generator)
    exact = rank_one(column @ row)
    assert torch.allclose(exact.approximations, exact.filters, atol=1e-5)
    assert exact.energy.min().item() == pytest.approx(1, abs=1e-5)
    assert rank_one(torch.eye(3)[None]).energy.item() == pytest.approx(1 / 3)


def test_a_stored_network_gives_its_stored_logits(runs, small):
    experiment = small()
    result = run(experiment, 0)
    model, images = trained(experiment, result), experiment.data.images
    logits = predict(fabric("32-true"), model, images[experiment.split.test])
    assert torch.allclose(logits, result.logits, rtol=1e-4, atol=1e-5)
    assert not model.training
    maps = activations.activations(model, images[:4], block=1)
    assert maps.shape == (4, 6, 6, 6)
    assert maps.min() >= 0  # behind the ReLU


def test_statistics_taken_anew_are_those_of_the_training_images(runs, small, monkeypatch):
    experiment = small()
    result = run(experiment, 0)
    logits = re_estimated(experiment, result, images=40)
    assert logits.shape == result.logits.shape
    assert not torch.equal(logits, result.logits)
    monkeypatch.setattr(activations, "trained", lambda *_: pytest.fail("made twice"))
    assert torch.equal(re_estimated(experiment, result, images=40), logits)


def test_masks_leave_the_mean_of_a_linear_map_and_raise_its_variance_and_a_maximum():
    maps = torch.randn(400, 1, 8, 8, generator=torch.Generator().manual_seed(0)).abs()
    maps = torch.cat([maps, torch.full_like(maps, 2.0)], 1)
    masks = DropBlock(0.2, 1, grow=False, generator=torch.Generator().manual_seed(1))
    rise, growth = masked_statistics(nn.Identity(), maps[:, :1], masks)
    assert rise == pytest.approx(0.0, abs=0.02)
    # E[(x m / q)²] = E[x²] / q with q = 0.8; for |x| of a normal x the variance is 1 - 2/π
    assert growth == pytest.approx((1 / 0.8 - 2 / torch.pi) / (1 - 2 / torch.pi), rel=0.05)
    rise, growth = masked_statistics(nn.MaxPool2d(2), maps, masks)  # the constant channel does not count
    assert rise > 0.1
    assert masked_statistics(nn.Identity(), maps, nn.Identity()) == (0.0, 1.0)


def test_shifted_photographs_are_moved_to_the_right_and_scored(runs, small):
    experiment = small()
    result, images = run(experiment, 0), experiment.data.images[experiment.split.test]
    still = activations.shifted(experiment, result, 0)
    torch.testing.assert_close(still, result.logits)
    moved = torch.cat([images[..., :1].expand(*images.shape[:3], 2), images[..., :-2]], 3)
    with torch.no_grad():
        wanted = activations.trained(experiment, result)(moved)
    torch.testing.assert_close(activations.shifted(experiment, result, 2), wanted, atol=1e-5, rtol=1e-5)


def test_the_worst_mistakes_come_first(runs, small):
    experiment = small()
    result = run(experiment, 0)
    mistakes = worst(experiment, result, 3)
    targets = experiment.data.labels[experiment.split.test]
    losses = nn.functional.cross_entropy(result.logits, targets, reduction="none").sort(descending=True)
    for mistake, position in zip(mistakes, losses.indices.tolist(), strict=False):
        index = experiment.split.test[position]
        assert mistake.file == experiment.data.files[index]
        assert torch.equal(mistake.image, experiment.data.images[index])
        assert mistake.label == experiment.data.class_names[targets[position]]
        assert mistake.called == experiment.data.class_names[result.logits[position].argmax()]
        assert mistake.probability == pytest.approx(result.logits[position].softmax(0).max().item())


@pytest.mark.parametrize("call", [spatial_correlation, recoverable])
def test_maps_too_small_are_named(call):
    with pytest.raises(ValueError, match="distance is 5"):
        call(torch.zeros(1, 1, 5, 5), 5)
