import pytest
import torch

from hw3.data import load
from hw3.lab import backbone, probing
from hw3.lab.backbone import pools, pretrained, untrained
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


def test_pretraining_on_the_spot_follows_the_code_and_not_the_number_of_cores(monkeypatch, clean_cache):
    data, parts, _ = backbone.sources("smoke")
    seen = []

    def fit(*_):
        seen.append(torch.get_num_threads())
        return []

    monkeypatch.setattr(backbone.loop, "fit", fit)
    first = backbone.pretrain_on_the_spot(data, parts.pretrain, 2)
    assert backbone.pretrain_on_the_spot(data, parts.pretrain, 2).path == first.path
    assert seen == [backbone.THREADS]  # made once
    monkeypatch.setattr(backbone.store, "code_digest", lambda _: "other code")
    assert backbone.pretrain_on_the_spot(data, parts.pretrain, 2).path != first.path
    assert seen == [backbone.THREADS] * 2


def test_given_weights_come_with_their_licence_notice():
    weights = imagenet_weights()
    if weights is None or "Martinez" not in weights.description:
        pytest.skip("HW3_DATA holds no compressed ImageNet weights here")
    assert "github.com/uber-research/permute-quantize-finetune" in weights.notice
    assert "licence" in weights.notice


def test_results_are_kept_in_the_run_store(monkeypatch):
    first = probe(32, True, 200, 100, "smoke")
    monkeypatch.setattr(probing, "_probe", lambda *_: pytest.fail("made twice"))
    again = probe(32, True, 200, 100, "smoke")
    assert again == first
    assert again.tests[0].confusion == first.tests[0].confusion


def test_a_network_that_was_never_trained_is_another_one_for_each_seed():
    found = probe(32, True, 200, 100, "smoke", weights="random")
    assert len(found.tests) == 3
    networks = [untrained("smoke", seed) for seed in (0, 1)]
    assert not torch.equal(*(n.body.layer1[0].conv1.weight for n in networks))
    assert not any(n.training for n in networks)
    features = [probing.features(32, True, "test", 20, "smoke", seed)[0] for seed in (None, 0, 1)]
    assert all(torch.isfinite(f).all() and f.std() > 0 for f in features)
    assert not torch.equal(features[1], features[2])
    with pytest.raises(ValueError, match="weights is 'none'"):
        probe(32, weights="none", name="smoke")
