from importlib.metadata import version
from types import SimpleNamespace

import torch

from hw3.data.images import ImageSet, Source
from hw3.nets.weights import Weights
from hw3.show import status
from hw3.studies.profiles import profile
from hw3.studies.record import Plan


def test_the_build_names_its_profile_and_precision():
    rows = dict(status.build(profile("smoke")).rows)
    assert rows["profile"] == "smoke"
    assert rows["seeds of a comparison"] == "0, 1, 2"
    assert {"precision", "processor", "cores"} <= set(rows)


def test_data_have_a_source_and_the_start_of_a_digest(tmp_path):
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    toys = ImageSet("toys", images, torch.arange(2), ("a", "b"), ("x", "y"), Source("folder", "a toy"))
    weights = Weights(tmp_path, "random ones", "a notice", "f" * 64)
    rows = status.data([toys], weights).rows
    assert rows[0] == ("toys", "2", "a toy", f"`{toys.digest[:16]}`")
    assert rows[1][0] == "ResNet50 weights"


def test_each_experiment_has_a_row(make_arm):
    assert status.runs({"a": make_arm("a", [0.9, 0.8])}).rows == (
        ("a", "2", "85.0% (80.0 to 90.0%)", "10.0", "32-true"),
    )


def test_a_plan_shows_what_is_recorded_of_it_and_what_is_not(make_arm, monkeypatch):
    monkeypatch.setattr(status, "read", lambda name: SimpleNamespace(groups={"a": make_arm("a", [0.9, 0.8])}))
    plan = Plan("toys", tuple((SimpleNamespace(name=name), seed) for name in "ab" for seed in range(3)))
    assert [row[1] for row in status.recorded(plan).rows] == ["0 of 3", "0 of 3"]
    monkeypatch.setattr(status, "begun", lambda name: True)
    assert status.recorded(plan).rows == (
        ("a", "2 of 3", "85.0% (80.0 to 90.0%)", "0.2", "32-true, AVX2"),
        ("b", "0 of 3", "", "", ""),
    )


def test_versions_are_those_installed():
    assert dict(status.versions().rows)["torch"] == version("torch")
