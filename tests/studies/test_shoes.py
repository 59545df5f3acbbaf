import pytest
import torch

from hw3.nets import count
from hw3.studies.profiles import PROFILES
from hw3.studies.record import Recorded
from hw3.studies.run import entry, run, stored
from hw3.studies.shoes import CNN_BUDGET, MLP_BUDGET, shoes


@pytest.fixture(scope="module")
def study():
    return shoes(PROFILES["smoke"])


def test_asking_for_every_run_by_name_trains_nothing(study, runs, untrained):
    keys = set()
    for name, experiment in study.experiments.items():
        assert experiment.name == name
        for seed in PROFILES["smoke"].seeds:
            assert stored(experiment, seed) is None
            keys.add(entry(experiment, seed).key)
    assert len(keys) == 7 * 3
    assert not runs.exists()


def test_the_parts_are_shared_and_never_overlap(study):
    everything = torch.cat([study.split.train, study.split.validation, study.split.test]).tolist()
    assert sorted(everything) == list(range(len(study.data)))
    assert all(experiment.split is study.split for experiment in study.experiments.values())
    assert all(experiment.data is study.data for experiment in study.experiments.values())


def test_arms_differ_in_the_one_thing(study):
    base, every = study.experiments["shoes/cnn"], study.experiments
    for name, options in (
        ("cnn-dropout", {"regularize": "dropout", "rate": 0.1}),
        ("cnn-dropblock", {"regularize": "dropblock", "rate": 0.1, "block_size": 3}),
        ("cnn-factorized", {"kernel": "factorized"}),
        ("cnn-factorized-narrow", {"kernel": "factorized-narrow"}),
    ):
        other = every[f"shoes/{name}"]
        assert {field for field in base.what if base.what[field] != other.what[field]} == {"network"}
        assert other.network.keywords == base.network.keywords | options
    assert {experiment.training for experiment in every.values()} == {base.training}


def test_budgets_are_equal_and_no_cnn_has_more_than_the_mlp(study):
    sizes = {name: count.parameters(experiment.model(0)) for name, experiment in study.experiments.items()}
    assert 0.97 * MLP_BUDGET < sizes["shoes/mlp"] <= MLP_BUDGET
    assert 0.9 * CNN_BUDGET < sizes["shoes/cnn"] <= CNN_BUDGET
    assert all(size <= sizes["shoes/mlp"] for size in sizes.values())
    assert sizes["shoes/cnn"] == sizes["shoes/cnn-dropout"] == sizes["shoes/cnn-dropblock"]
    assert sizes["shoes/cnn-factorized-narrow"] < sizes["shoes/cnn-factorized"] < sizes["shoes/cnn"]


def test_some_can_be_named(study):
    assert [experiment.name for experiment in study.named("shoes/cnn", "shoes/mlp")] == ["shoes/cnn", "shoes/mlp"]
    with pytest.raises(KeyError, match="shoes/rnn"):
        study.named("shoes/rnn")


def test_a_look_is_read_where_it_was_recorded_and_made_where_it_was_not(study, runs):
    result = run(study.experiments["shoes/mlp"], seed=0)
    (made,) = study.looked([result], "shifted4")
    assert made.shape == result.logits.shape
    assert not torch.equal(made, result.logits)
    kept = Recorded(**vars(result))
    kept.__dict__["arrays"] = {"shifted4": made + 1}
    assert torch.equal(study.looked([kept], "shifted4")[0], made + 1)
    with pytest.raises(KeyError, match="re_estimated"):  # the MLP has no masks
        study.looked([result], "re_estimated")
