import json
from contextlib import nullcontext

import pytest

from hw3.bench import figures, timing
from hw3.bench.timing import Pair


@pytest.fixture
def quick(tmp_path, monkeypatch):
    path = tmp_path / "_build" / "bench.json"
    for module in (figures, timing):
        monkeypatch.setattr(module, "bench_file", lambda: path)
    fast = {name: lambda: nullcontext(Pair(lambda: sum(range(99)), lambda: sum(range(99)), "times")) for name in "ab"}
    monkeypatch.setattr(figures, "BENCHES", fast)
    return path


def test_the_file_keeps_earlier_figures(quick):
    figures.bench(["a"])
    figures.bench(["b"])
    written = json.loads(quick.read_text())
    assert set(written) == {"a", "b"}
    assert {"ratio", "low", "high", "steady", "machine"} <= set(written["a"])


def test_an_unknown_figure_is_named_with_the_nearest():
    with pytest.raises(KeyError, match=r"'loader_speed'; did you mean loader_speedup\?; there are dropblock"):
        figures.bench(["loader_speed"])


@pytest.mark.parametrize("name", figures.BENCHES)
def test_both_ways_of_every_figure_run(name, monkeypatch):
    monkeypatch.setenv("HW3_PROFILE", "smoke")
    with figures.BENCHES[name]() as pair:
        pair.numerator()
        pair.denominator()
