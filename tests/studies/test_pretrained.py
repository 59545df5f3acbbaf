from dataclasses import replace

import pytest
import torch

from hw3.data.load import load
from hw3.store import entries
from hw3.studies import pretrained
from hw3.studies.pretrained import COARSE, MadeHere, pools, shared, untrained
from hw3.studies.profiles import PROFILES
from hw3.train.settings import Training


@pytest.fixture(scope="module")
def data():
    return load("cifar10", source="digits", quiet=True)


def made_here(data, **changes):
    return replace(MadeHere(data, torch.arange(20), Training(1, batch_size=10)), **changes)


def test_pools_never_overlap_and_fewer_are_the_first_of_more(data):
    parts = pools(data, 300, 200, pretrain=400)
    everything = torch.cat([parts.pretrain, parts.train, parts.test]).tolist()
    assert len(set(everything)) == len(everything)
    assert (len(parts.train), len(parts.test), len(parts.pretrain)) == (300, 200, 400)
    more = pools(data, 500, 250, pretrain=400)
    assert torch.equal(more.train[:300], parts.train)
    assert torch.equal(more.test[:200], parts.test)
    assert torch.equal(more.pretrain, parts.pretrain)


def test_an_official_test_part_is_kept(data):
    parts = pools(replace(data, test_from=1500), 10**6, 10**6, pretrain=100)
    assert parts.test.min() >= 1500 > max(parts.train.max(), parts.pretrain.max())
    assert len(parts.test) == len(data) - 1500


def test_without_weights_a_network_is_made_here_when_it_is_read(monkeypatch, clean_cache):
    seen = []

    def fit(device, model, task, batches, training, seed, folder):
        seen.append((torch.get_num_threads(), sorted(set(batches.labels.tolist()))))
        (folder / "last.ckpt").write_text("x")

    monkeypatch.setattr(pretrained, "fit", fit)
    weights = made_here(data=load("cifar10", source="digits", quiet=True))
    assert len(weights.digest) == 16
    assert "pretrained on the spot, on 20 other images" in weights.notice
    assert seen == []
    assert weights.path.is_file()
    assert [path.name for path in weights.path.parent.iterdir() if path.name != "entry.json"] == ["resnet50.pth"]
    assert weights.path == weights.entry.folder / "resnet50.pth"
    assert seen == [(1, list(range(COARSE)))]  # once, on one thread, with the coarse labels
    assert len(list(entries(clean_cache))) == 1


def test_what_they_are_made_from_decides_their_key(data):
    first = made_here(data).digest
    assert made_here(data, why="Otherwise.").digest == first
    others = [
        made_here(data, images=torch.arange(21)),
        made_here(data, training=Training(2, batch_size=10)),
        made_here(replace(data, labels=data.labels.flip(0))),
    ]
    assert len({first, *(other.digest for other in others)}) == 4


def test_the_smoke_profile_asks_for_no_weights(monkeypatch):
    monkeypatch.setattr(pretrained, "imagenet_weights", lambda: pytest.fail("weights were asked for"))
    study = shared(PROFILES["smoke"])
    assert "The profile smoke does not use ImageNet weights." in study.weights.notice
    everything = torch.cat([study.pools.pretrain, study.pools.train, study.pools.test]).tolist()
    assert len(set(everything)) == len(everything)
    assert torch.equal(study.weights.images, study.pools.pretrain)


def test_where_none_are_at_hand_the_notice_says_so(monkeypatch):
    monkeypatch.setattr(pretrained, "imagenet_weights", lambda: None)
    monkeypatch.setattr(pretrained, "load", lambda name, source, quiet: load(name, source="digits", quiet=True))
    assert shared(PROFILES["book"]).weights.notice.startswith("No ImageNet weights were at hand.")


def test_a_network_that_was_never_trained_is_another_one_for_each_seed():
    study = shared(PROFILES["smoke"])
    first, again, other = (untrained(study, seed) for seed in (0, 0, 1))
    assert torch.equal(first.body.layer1[0].conv1.weight, again.body.layer1[0].conv1.weight)
    assert not torch.equal(first.body.layer1[0].conv1.weight, other.body.layer1[0].conv1.weight)
    assert not any(part.training for part in first.modules())
    assert not any(p.requires_grad for p in first.parameters())
    assert first.body.bn1.running_mean.abs().max() > 0
