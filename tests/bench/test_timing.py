import time

from hw3.bench.timing import Pair, measure, read


def test_a_ratio_is_that_of_the_two_ways():
    """Sleeping, since its length is known; the bounds are wide because machines are busy."""
    figure = measure(Pair(lambda: time.sleep(0.06), lambda: time.sleep(0.02), "times"), limit=1)
    assert 2 < figure.ratio < 4
    assert figure.low <= figure.ratio <= figure.high
    assert figure.pairs >= 5
    assert figure.machine


def test_it_says_that_a_figure_is_not_steady():
    lengths = iter([0.001, 0.03] * 1000)
    figure = measure(Pair(lambda: time.sleep(next(lengths)), lambda: time.sleep(0.005), "times"), limit=0.5)
    assert not figure.steady
    assert figure.pairs > 5


def test_a_file_that_cannot_be_read_is_named_and_passed_over(tmp_path, monkeypatch, capsys):
    from hw3.bench import timing

    path = tmp_path / "bench.json"
    monkeypatch.setattr(timing, "bench_file", lambda: path)
    assert read() == {}
    for text in ("", "{", '{"loader_speedup": {"ratio": 2}}'):
        path.write_text(text)
        assert read() == {}
        assert str(path) in capsys.readouterr().err
