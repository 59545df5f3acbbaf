"""What a build of the book ran on: profile, machine, data, runs, versions."""

import os
import platform
from importlib.metadata import version

from hw3.data import load
from hw3.data.sources import DATA_SETS
from hw3.lab.backbone import pretrained
from hw3.lab.experiments import experiments
from hw3.lab.parallel import run_all
from hw3.lab.profiles import profile
from hw3.lab.tables import Table, mean, spread, table
from hw3.learn.precision import processor

SHOWN = [
    "torch",
    "torchvision",
    "pytorch-lightning",
    "sympy",
    "numpy",
    "scikit-learn",
    "matplotlib",
    "tensorboard",
    "jupyter-book",
    "sphinx",
    "myst-nb",
    "jupyter-cache",
]


def build() -> Table:
    """Profile, seeds, Python, processor and cores."""
    chosen = profile()
    rows = [
        ("profile", chosen.name),
        ("seeds of a comparison", ", ".join(map(str, chosen.seeds))),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()}, {platform.machine()}"),
        ("processor", processor()),
        ("cores", os.cpu_count()),
    ]
    return table(("this build", "value"), rows)


def data() -> Table:
    """Each data set: how many images, from where, and the start of the SHA-256 over its manifest."""
    loaded = [load(name, source=profile().source, quiet=True) for name in DATA_SETS]
    rows = [(d.name, f"{len(d):,}", d.source.description, f"`{d.digest[:16]}`") for d in loaded]
    weights = pretrained(profile().name)[2]
    rows.append(("ResNet50 weights", "", weights.description, f"`{weights.digest[:16]}`"))
    return table(("data set", "images", "source", "digest"), rows)


def runs() -> Table:
    """Every experiment of the book in this profile."""
    rows = []
    for name, results in run_all(list(experiments(profile()))).items():
        accuracy = spread([r.test.accuracy for r in results])
        seconds = f"{mean([r.seconds for r in results]):.1f}"
        rows.append((name, len(results), accuracy, seconds, results[0].precision))
    return table(("experiment", "seeds", "test accuracy", "seconds a run", "precision"), rows)


def versions() -> Table:
    return table(("package", "version"), [(name, version(name)) for name in SHOWN])
