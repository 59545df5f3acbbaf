"""Speed, always as a ratio: two ways of doing the same, timed in turn in one process, so that a slow moment of the
machine meets both."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from hw3.files import bench_file, project, report
from hw3.store import versions
from hw3.train.device import capability, processor

Timed = Callable[[], object]
STEADY = 0.1  # the interquartile range of a figure's ratios, over their median
SECONDS = 12.0  # at most, for the pairs of one figure: all of them in some four minutes


@dataclass(frozen=True)
class Pair:
    """What is compared: seconds of ``numerator()`` over seconds of ``denominator()``."""

    numerator: Timed
    denominator: Timed
    unit: str


@dataclass(frozen=True)
class Figure:
    """``ratio``: the median over ``pairs``; ``low``, ``high``: its quartiles; ``steady``: are they within 10 % of it?
    ``machine``: what it was measured on."""

    ratio: float
    low: float
    high: float
    steady: bool
    pairs: int
    unit: str
    machine: str


Bench = Callable[[], AbstractContextManager[Pair]]


def seconds(call: Timed) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(pair: Pair, limit: float = SECONDS) -> Figure:
    """Both once to warm up, then pairs in turn, five or more, until their ratios agree or the time is over; the order
    within a pair alternates."""
    pair.numerator()
    pair.denominator()
    ratios: list[float] = []
    start = time.perf_counter()
    while len(ratios) < 5 or (_spread(ratios) > STEADY and time.perf_counter() - start < limit and len(ratios) < 100):
        if len(ratios) % 2:
            below, above = seconds(pair.denominator), seconds(pair.numerator)
        else:
            above, below = seconds(pair.numerator), seconds(pair.denominator)
        ratios.append(above / below)
    low, _, high = quantiles(ratios, n=4)
    machine = f"{processor()}, {capability()}, torch {versions()['torch']}"
    return Figure(median(ratios), low, high, _spread(ratios) <= STEADY, len(ratios), pair.unit, machine)


def _spread(ratios: Sequence[float]) -> float:
    low, middle, high = quantiles(ratios, n=4)
    return (high - low) / middle


def shown() -> tuple[dict[str, Figure], bool]:
    """The figures that the book shows, and whether this build's own machine measured them, or they came with the book
    from another one."""
    own = read()
    return (own, True) if own else (read(project() / "book" / "recorded" / "bench.json"), False)


def read(path: Path | None = None) -> dict[str, Figure]:
    """The figures in ``path``, by default those measured so far on this machine; empty if there are none, or they are
    of another version."""
    path = path or bench_file()
    if not path.exists():
        return {}
    try:
        return {name: Figure(**row) for name, row in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError):
        report(f"{path} is damaged or of another version; the figures are measured anew")
        return {}
