"""Where things are: three folders, each with an environment variable and a default."""

import os
from pathlib import Path

import platformdirs


def data_dir() -> Path | None:
    """``HW3_DATA``: data sets and weights that are already at hand, only ever read; None when not set.

    Raises:
        FileNotFoundError: the variable names a folder that is not there.
    """
    value = os.environ.get("HW3_DATA")
    if not value:
        return None
    folder = Path(value).expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"HW3_DATA is {value!r}, which is not a folder; correct it or unset it")
    return folder


def cache_dir() -> Path:
    """``HW3_CACHE``: downloads, decoded images, features; by default ``hw3`` in the user's cache folder."""
    return Path(os.environ.get("HW3_CACHE") or platformdirs.user_cache_dir("hw3")).expanduser().resolve()


def runs_dir() -> Path:
    """``HW3_RUNS``: results, checkpoints, TensorBoard logs; by default ``runs`` in the project (or in the current
    folder, where hw3 is installed by itself)."""
    value = os.environ.get("HW3_RUNS")
    return Path(value).expanduser().resolve() if value else _project() / "runs"


def bench_file() -> Path:
    """Where ``hw3 bench`` writes its figures and the book reads them: ``_build/bench.json`` in the project."""
    return _project() / "_build" / "bench.json"


def _project() -> Path:
    project = Path(__file__).resolve().parent.parent
    return project if (project / "_toc.yml").exists() else Path.cwd()
