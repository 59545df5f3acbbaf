"""Features of a frozen network: true, kept by what they depend on, the same with any number of threads."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torchvision.models import resnet18, resnet50

from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone
from hw3.nets.weights import Weights
from hw3.store import entries
from hw3.train import features
from hw3.train.device import fabric
from hw3.train.features import BLOCK, WholeNetwork, extract, forward, prepare, whole_network
from hw3.train.linear import Linear


def images(count=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=generator)
    return rows.permute(0, 3, 1, 2)


def backbone(seed=0):
    torch.manual_seed(seed)
    return FrozenBackbone(resnet18())


def test_images_are_prepared_as_the_network_saw_them():
    pixels = images(2)
    plain = prepare(pixels, 32, normalize=False)
    assert torch.equal(plain, pixels.float() / 255)
    standardized = prepare(pixels, 32, normalize=True)
    for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)):
        assert torch.allclose(standardized[:, channel], (plain[:, channel] - mean) / std, atol=1e-6)
    for size in (64, 16):
        scaled = prepare(pixels, size, normalize=False)
        assert scaled.shape == (2, 3, size, size)
        assert scaled.mean().item() == pytest.approx(plain.mean().item(), abs=0.01)
        assert 0 <= scaled.min() <= scaled.max() <= 1
    board = (torch.arange(32) % 2 * 255).to(torch.uint8).expand(1, 3, 32, 32)
    assert prepare(board, 16, normalize=False)[..., 1:-1].std() < 0.05  # averaged, and not every second column


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_features_are_equal_to_the_bit_with_one_and_two_threads(precision):
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(forward(fabric(precision), backbone(), images(), 32, normalize=True))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*results)
    assert (results[0].shape, results[0].dtype) == ((12, 512), torch.float16)


def test_features_are_the_networks_and_leave_it_as_it_was():
    network = backbone()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    result = forward(fabric("32-true"), network, images(), 64, normalize=True, batch_size=5)
    with torch.no_grad():
        expected = network(prepare(images(), 64, normalize=True))
    assert torch.allclose(result.float(), expected, rtol=2e-3, atol=1e-4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.fixture
def counted(monkeypatch):
    """How many images were computed: the pixels themselves stand for the features."""
    counts = []

    def cheap(device, network, pixels, resolution, normalize):
        counts.append(len(pixels))
        return pixels[:, :, 0, 0].half()

    monkeypatch.setattr(features, "forward", cheap)
    return counts


def test_what_is_known_is_read_and_more_images_cost_only_the_new_ones(clean_cache, counted):
    device, some = fabric("32-true"), images(2 * BLOCK + 7)
    first = extract(device, None, some[: BLOCK + 5], "digest", 32)
    assert counted == [BLOCK, 5]
    assert torch.equal(first, some[: BLOCK + 5, :, 0, 0].float())
    assert torch.equal(extract(device, None, some[: BLOCK + 5], "digest", 32), first)
    assert counted == [BLOCK, 5]
    assert torch.equal(extract(device, None, some, "digest", 32), some[:, :, 0, 0].float())
    assert counted == [BLOCK, 5, BLOCK, 7]
    assert len(list(entries(clean_cache))) == 4


def test_they_are_kept_by_all_that_they_depend_on(clean_cache, counted):
    device = fabric("32-true")
    extract(device, None, images(3), "digest", 32)
    extract(device, None, images(3, seed=1), "digest", 32)
    extract(device, None, images(3), "other", 32)
    extract(device, None, images(3), "digest", 64)
    extract(device, None, images(3), "digest", 32, normalize=False)
    extract(fabric("bf16-mixed"), None, images(3), "digest", 32)
    extract(device, None, images(3).contiguous(), "digest", 32)  # another layout of the same pixels
    assert counted == [3] * 6


def test_a_whole_network_trains_but_for_its_statistics():
    torch.manual_seed(0)
    network = WholeNetwork(resnet18(num_classes=3), 32).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if "running" in name}
    network(images()).sum().backward()
    assert before
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    assert all(p.grad is not None for p in network.parameters())
    assert network.training
    assert not any(layer.training for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))


@dataclass(frozen=True)
class Head:
    def solution(self):
        generator = torch.Generator().manual_seed(0)
        return Linear(torch.randn(4, 2048, generator=generator) / 50, torch.arange(4.0), 0.1)


def test_a_whole_network_begins_with_the_solution_of_linear_tuning(tmp_path):
    torch.manual_seed(0)
    torch.save(resnet50(num_classes=7).state_dict(), tmp_path / "weights.pth")
    network = whole_network((3, 32, 32), 4, Weights(tmp_path / "weights.pth", "", "", "digest"), 32, Head())
    torch.manual_seed(0)
    frozen = FrozenBackbone(resnet50(num_classes=7))
    with torch.no_grad():
        logits, kept = network.eval()(images(3)), frozen(prepare(images(3), 32, normalize=True))
    assert torch.allclose(logits, Head().solution()(kept), rtol=1e-4, atol=1e-4)
    assert all(p.requires_grad for p in network.parameters())
