"""Speed, always as a ratio: two ways of doing the same, timed in turn in one process, so that a slow moment of the
machine meets both."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from hw3.data.files import whole
from hw3.lab.progress import report
from hw3.paths import bench_file

Timed = Callable[[], object]


@dataclass(frozen=True)
class Figure:
    """``ratio``: the median over pairs; ``low`` and ``high``: the smallest and the largest pair."""

    ratio: float
    low: float
    high: float
    unit: str
    command: str


@dataclass(frozen=True)
class Pair:
    """What is compared: seconds of ``numerator()`` over seconds of ``denominator()``."""

    numerator: Timed
    denominator: Timed
    unit: str
    repeats: int = 7


def seconds(call: Timed) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(name: str, pair: Pair) -> Figure:
    """Both once to warm up, then ``repeats`` pairs; the order within a pair alternates."""
    pair.numerator()
    pair.denominator()
    ratios = []
    for repeat in range(pair.repeats):
        if repeat % 2:
            below, above = seconds(pair.denominator), seconds(pair.numerator)
        else:
            above, below = seconds(pair.numerator), seconds(pair.denominator)
        ratios.append(above / below)
    return Figure(median(ratios), min(ratios), max(ratios), pair.unit, f"hw3 bench {name}")


def bench(names: Sequence[str] = ()) -> dict[str, Figure]:
    """Measure the figures ``names`` (all by default), and add them to the book's file.

    Raises:
        KeyError: an unknown figure; the message lists those that exist.
    """
    from hw3.lab.benches import BENCHES  # what is measured imports everything that there is

    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        raise KeyError(f"no figure is called {unknown[0]!r}; there are {', '.join(BENCHES)}")
    for name in names or BENCHES:
        with BENCHES[name]() as pair:
            figure = measure(name, pair)
        report(f"{name}: {figure.ratio:.2f} ({figure.low:.2f} to {figure.high:.2f}) {figure.unit}")
        found = read() | {name: figure}
        with whole(bench_file()) as path:
            path.write_text(json.dumps({n: asdict(f) for n, f in found.items()}, indent=1))
    return read()


def read() -> dict[str, Figure]:
    """The figures measured so far on this machine; empty if there are none."""
    path = bench_file()
    return {name: Figure(**values) for name, values in json.loads(path.read_text()).items()} if path.exists() else {}
