"""Ratios by a clock that the test holds: nothing here depends on how busy the machine is."""

import json
from dataclasses import asdict, replace
from itertools import cycle

import pytest

from hw3.bench import timing
from hw3.bench.timing import Pair, measure, read


@pytest.fixture
def clock(monkeypatch):
    """``clock.takes(name, lengths)`` is work that takes these seconds, one after the other, again and again."""

    class Clock:
        now, calls = 0.0, ()

        def takes(self, name, *lengths):
            endless = cycle(lengths)

            def work():
                self.now += next(endless)
                self.calls += (name,)

            return work

    made = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: made.now)
    return made


def test_a_ratio_is_that_of_the_two_ways_and_each_goes_first_in_turn(clock):
    figure = measure(Pair(clock.takes("a", 6.0), clock.takes("b", 2.0), "times"))
    assert (figure.ratio, figure.low, figure.high, figure.steady, figure.pairs) == (3.0, 3.0, 3.0, True, 5)
    assert "".join(clock.calls) == "ab" + "abbaabbaab"  # to warm up, then five pairs
    assert figure.unit == "times"


def test_a_median_is_not_moved_by_one_slow_moment(clock):
    figure = measure(Pair(clock.takes("a", 2.0, 2.0, 2.0, 40.0, 2.0, 2.0, 2.0), clock.takes("b", 1.0), "times"))
    assert figure.ratio == 2.0


def test_it_goes_on_until_the_quartiles_agree(clock):
    figure = measure(Pair(clock.takes("a", 0.1, 0.1, 0.3, 0.3, *[0.1] * 60), clock.takes("b", 0.1), "times"))
    assert figure.steady
    assert 5 < figure.pairs < 100
    assert (figure.high - figure.low) / figure.ratio <= 0.1


def test_it_says_that_a_figure_is_not_steady(clock):
    figure = measure(Pair(clock.takes("a", 1.0, 3.0), clock.takes("b", 1.0), "times"), limit=30)
    assert not figure.steady
    assert 5 < figure.pairs < 20
    assert figure.low < figure.ratio < figure.high or figure.low < figure.high
    endless = measure(Pair(clock.takes("a", 1.0, 3.0), clock.takes("b", 1.0), "times"), limit=10**9)
    assert endless.pairs == 100


def test_a_figure_tells_the_machine_and_the_versions(clock):
    figure = measure(Pair(clock.takes("a", 1.0), clock.takes("b", 1.0), "times"))
    assert timing.processor() in figure.machine
    assert timing.capability() in figure.machine
    assert f"torch {timing.versions()['torch']}" in figure.machine


def test_a_book_without_own_figures_shows_those_that_came_with_it(tmp_path, monkeypatch, clock):
    monkeypatch.setattr(timing, "project", lambda: tmp_path)
    monkeypatch.setattr(timing, "bench_file", lambda: tmp_path / "bench.json")
    assert timing.shown() == ({}, False)
    figure = measure(Pair(clock.takes("a", 1.0), clock.takes("b", 1.0), "times"))
    shipped = tmp_path / "book" / "recorded" / "bench.json"
    shipped.parent.mkdir(parents=True)
    shipped.write_text(json.dumps({"loader_speedup": asdict(figure)}))
    assert timing.shown() == ({"loader_speedup": figure}, False)
    (tmp_path / "bench.json").write_text(json.dumps({"loader_speedup": asdict(replace(figure, ratio=3.0))}))
    assert timing.shown() == ({"loader_speedup": replace(figure, ratio=3.0)}, True)


def test_a_file_that_cannot_be_read_is_named_and_passed_over(tmp_path, monkeypatch, capsys):
    path = tmp_path / "bench.json"
    monkeypatch.setattr(timing, "bench_file", lambda: path)
    assert read() == {}
    old = json.dumps({"loader_speedup": {"ratio": 2}})
    for text in (b"", b"{", b"[1]", b"\xff\xfe", old.encode()):
        path.write_bytes(text)
        assert read() == {}
        assert str(path) in capsys.readouterr().err
