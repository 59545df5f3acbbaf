import pytest
import torch

from hw3.data import load
from hw3.lab import backbone
from hw3.lab.backbone import pools, pretrained
from hw3.lab.probing import probe
from hw3.nets.resnet import imagenet_weights


def test_pools_never_overlap(clean_cache):
    data = load("cifar10", source="digits", quiet=True)
    parts = pools(data, 300, 200, pretrain=400)
    everything = torch.cat([parts.pretrain, parts.train, parts.test]).tolist()
    assert len(set(everything)) == len(everything)
    assert (len(parts.train), len(parts.test)) == (300, 200)
    larger = pools(data, 500, 200, pretrain=400)
    assert torch.equal(larger.train[:300], parts.train)
    assert torch.equal(larger.test, parts.test)


def test_an_official_test_part_is_kept(clean_cache):
    from dataclasses import replace

    data = replace(load("cifar10", source="digits", quiet=True), test_from=1500)
    parts = pools(data, 10**6, 10**6, pretrain=100)
    assert parts.test.min() >= 1500 > parts.train.max()
    assert len(parts.test) == len(data) - 1500


def test_without_weights_a_network_is_pretrained_on_other_images(monkeypatch):
    """The smoke profile: digits, and a ResNet50 trained on the spot on a coarse labelling."""
    monkeypatch.setattr(backbone, "imagenet_weights", lambda: pytest.fail("the smoke profile asks for no weights"))
    _, _, weights, network = pretrained("smoke")
    assert "pretrained on the spot" in weights.notice
    assert not network.training
    found = probe(32, name="smoke")
    assert len(found.tests) == 3
    assert found.images == 400
    assert sum(map(sum, found.tests[0].confusion)) == 200
    assert min(found.accuracies) > 0.3  # ten classes: chance is a tenth
    assert probe(32, name="smoke").accuracies == found.accuracies


def test_given_weights_come_with_their_licence_notice():
    weights = imagenet_weights()
    if weights is None or "Martinez" not in weights.description:
        pytest.skip("HW3_DATA holds no compressed ImageNet weights here")
    assert "github.com/uber-research/permute-quantize-finetune" in weights.notice
    assert "licence" in weights.notice
