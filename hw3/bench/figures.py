"""Every figure of ``hw3 bench`` by its name, and the file in which the book reads them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches

from hw3.bench import distillation, shoes
from hw3.bench.timing import Figure, measure, read
from hw3.files import bench_file, report, whole

BENCHES = shoes.BENCHES | distillation.BENCHES


def bench(names: Sequence[str] = ()) -> dict[str, Figure]:
    """Measure the figures ``names`` (all by default), and add them to the book's file.

    Raises:
        KeyError: an unknown figure; the message lists those that exist.
    """
    for name in names:
        if name not in BENCHES:
            near = get_close_matches(name, BENCHES, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise KeyError(f"no figure is called {name!r}{hint}; there are {', '.join(BENCHES)}")
    for name in names or BENCHES:
        with BENCHES[name]() as pair:
            figure = measure(pair)
        steady = "" if figure.steady else ", not steady"
        report(f"{name}: {figure.ratio:.2f} ({figure.low:.2f} to {figure.high:.2f}{steady}) {figure.unit}")
        figures = read() | {name: figure}
        with whole(bench_file()) as path:
            path.write_text(json.dumps({n: asdict(f) for n, f in figures.items()}, indent=1), encoding="utf-8")
    return read()
