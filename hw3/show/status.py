"""What a build of the book ran on: profile, machine, data, runs, versions."""

import os
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from statistics import mean

from hw3.data.images import ImageSet
from hw3.nets.weights import Weights
from hw3.show.tables import Table, spread, table
from hw3.store import PACKAGES
from hw3.studies.profiles import Profile
from hw3.studies.record import Plan, begun, read
from hw3.studies.run import Result
from hw3.train.device import capability, processor

SHOWN = (*PACKAGES, "sympy", "matplotlib", "tensorboard", "jupyter-book", "sphinx", "myst-nb", "jupyter-cache")


def build(profile: Profile) -> Table:
    """Profile, seeds, precision, Python, processor and cores."""
    rows = [
        ("profile", profile.name),
        ("seeds of a comparison", ", ".join(map(str, profile.seeds))),
        ("precision", profile.precision),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()}, {platform.machine()}"),
        ("processor", f"{processor()} ({capability()})"),
        ("cores", os.cpu_count()),
    ]
    return table(("this build", "value"), rows)


def data(sets: Sequence[ImageSet], weights: Weights) -> Table:
    """Each data set: how many images, from where, and the start of its digest; and the pretrained weights."""
    rows = [(d.name, f"{len(d):,}", d.source.description, f"`{d.digest[:16]}`") for d in sets]
    rows.append(("ResNet50 weights", "", weights.description, f"`{weights.digest[:16]}`"))
    return table(("data set", "images", "source", "digest"), rows)


def runs(groups: dict[str, list[Result]]) -> Table:
    """Every experiment: seeds, test accuracy, how long a run trained."""
    rows = (
        (
            name,
            len(results),
            spread([r.test.accuracy for r in results]),
            f"{mean(r.seconds for r in results):.1f}",
            results[0].precision,
        )
        for name, results in groups.items()
    )
    return table(("experiment", "seeds", "test accuracy", "seconds a run", "precision"), rows)


def recorded(plan: Plan) -> Table:
    """Every experiment of a plan: how many of its runs are recorded, what they scored, and on what they ran."""
    kept = read(plan.name).groups if begun(plan.name) else {}
    planned = Counter(experiment.name for experiment, _ in plan.runs)
    rows = []
    for name, wanted in planned.items():
        runs = kept.get(name, [])
        scores = (
            (spread([r.test.accuracy for r in runs]), f"{mean(r.seconds for r in runs) / 60:.1f}") if runs else ("", "")
        )
        machines = sorted({f"{r.precision}, {r.capability}" for r in runs})
        rows.append((name, f"{len(runs)} of {wanted}", *scores, "; ".join(machines)))
    return table(("experiment", "runs", "test accuracy", "minutes a run", "computed in"), rows)


def versions() -> Table:
    return table(("package", "version"), [(name, version(name)) for name in SHOWN])
