import json
import time

import pytest

from hw3.lab import bench, benches
from hw3.lab.bench import Pair, measure

NAMES = (
    "dropblock_speedup_fp32",
    "dropblock_speedup_bf16",
    "cnn_step_with_dropblock",
    "cnn_step_with_dropout",
    "loader_speedup",
    "engine_overhead",
    "precision_speedup",
    "probe_ten_epochs",
    "distill_step",
    "teacher_on_the_fly_step",
    "resnet18_speedup",
    "resnet18_of_peak",
)


def test_a_ratio_is_that_of_the_two_ways():
    """Sleeping, since its length is known; the bounds are wide because machines are busy."""
    figure = measure("name", Pair(lambda: time.sleep(0.06), lambda: time.sleep(0.02), "times", repeats=5))
    assert 2 < figure.ratio < 4
    assert figure.low <= figure.ratio <= figure.high
    assert figure.command == "hw3 bench name"


def test_the_file_keeps_earlier_figures(tmp_path, monkeypatch):
    from contextlib import nullcontext

    monkeypatch.setattr(bench, "bench_file", lambda: tmp_path / "_build" / "bench.json")
    quick = {name: lambda: nullcontext(Pair(lambda: None, lambda: None, "times", 3)) for name in ("one", "two")}
    monkeypatch.setattr(benches, "BENCHES", quick)
    bench.bench(["one"])
    bench.bench(["two"])
    written = json.loads((tmp_path / "_build" / "bench.json").read_text())
    assert set(written) == {"one", "two"}
    assert set(written["one"]) == {"ratio", "low", "high", "unit", "command"}
    with pytest.raises(KeyError, match=r"'three'.*one, two"):
        bench.bench(["three"])


def test_every_figure_is_there_and_both_of_its_ways_run(monkeypatch):
    monkeypatch.setenv("HW3_PROFILE", "smoke")
    assert tuple(benches.BENCHES) == NAMES
    slow = {"engine_overhead", "dropblock_speedup_bf16", "cnn_step_with_dropout"}  # much like others
    for name in (name for name in NAMES if name not in slow):
        with benches.BENCHES[name]() as pair:
            pair.numerator()
            pair.denominator()
