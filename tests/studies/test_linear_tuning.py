import pytest
import torch

from hw3.studies.linear_tuning import linear_tuning
from hw3.studies.pretrained import shared
from hw3.studies.profiles import PROFILES


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("HW3_RUNS", str(tmp_path_factory.mktemp("tuning")))
    yield shared(PROFILES["smoke"])
    patch.undo()


@pytest.fixture
def quick(study, monkeypatch):
    seen = []

    def extract(self, backbone, images, resolution, normalize=True):
        seen.append((len(images), resolution, normalize))
        return images.float().flatten(1)[:, ::29]

    monkeypatch.setattr(type(study), "features", extract)
    monkeypatch.setattr(type(study), "backbone", lambda self: None)
    return seen


def test_one_setting_over_the_seeds(study, quick, monkeypatch):
    tuned = linear_tuning(study, 32, (200, 100), (0, 1), grid=(0.1, 10.0))
    assert quick == [(200, 32, True), (100, 32, True)] * 2
    assert (tuned.resolution, tuned.normalize, tuned.images) == (32, True, 200)
    assert len(tuned.tests) == len(tuned.accuracies) == len(tuned.penalties) == len(tuned.train_accuracies) == 2
    assert sum(map(sum, tuned.tests[0].confusion)) == 100
    assert tuned.logits.shape == (2, 100, 10)
    assert torch.equal(tuned.targets, study.data.labels[study.pools.test[:100]])
    assert tuned.accuracies == (tuned.logits.argmax(2) == tuned.targets).double().mean(1).tolist()
    assert tuned.accuracies == [scores.accuracy for scores in tuned.tests]
    assert min(tuned.accuracies) > 0.3  # ten classes: chance is a tenth
    assert set(tuned.penalties) <= {0.1, 10.0}
    assert tuned.tests[0] != tuned.tests[1]  # other images train and choose
    monkeypatch.setattr(type(study), "features", lambda *_: pytest.fail("made twice"))
    again = linear_tuning(study, 32, (200, 100), (0, 1), grid=(0.1, 10.0))
    assert again == tuned
    assert torch.equal(again.logits, tuned.logits)


def test_each_setting_is_kept_by_itself(study, quick):
    grid = {"grid": (0.1,)}
    first = linear_tuning(study, 32, (200, 100), (0,), **grid)
    quick.clear()
    linear_tuning(study, 32, (200, 100), (0,), **grid)
    assert quick == []
    for arguments, options in (
        ((64, (200, 100), (0,)), {}),
        ((32, (150, 100), (0,)), {}),
        ((32, (200, 99), (0,)), {}),
        ((32, (200, 100), (1,)), {}),
        ((32, (200, 100), (0,)), {"normalize": False}),
        ((32, (200, 100), (0,)), {"grid": (1.0,)}),
    ):
        quick.clear()
        linear_tuning(study, *arguments, **grid | options)
        assert len(quick) == 2
    assert first.penalties == (0.1,)


def test_a_real_network_tells_digits_apart(study):
    """The whole way: weights made here, features, the solution, at the least size."""
    tuned = linear_tuning(study, 32, (200, 100), (0,))
    assert tuned.accuracies[0] > 0.3
    random = linear_tuning(study, 32, (200, 100), (0, 1), pretrained=False)
    assert random.tests[0] != tuned.tests[0]  # not the kept features of the other network
    assert torch.isfinite(torch.tensor(random.tests[0].loss))
