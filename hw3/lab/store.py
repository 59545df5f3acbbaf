"""Where runs are kept: one folder each, under a key of everything that could change the result."""

import hashlib
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hw3.data.files import sha256, whole
from hw3.lab.experiments import Experiment
from hw3.lab.profiles import Profile
from hw3.learn.metrics import Scores
from hw3.paths import runs_dir

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "numpy", "scikit-learn", "pillow", "tensorboard", "optuna")
LIBRARY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Result:
    """One finished run: what it was (``settings``: its whole configuration), what it cost, how it scored on the test
    part. ``curves`` maps a TensorBoard tag to its values by epoch; ``seconds`` is the time spent training, evaluation
    of the test part apart."""

    name: str
    seed: int
    profile: str
    key: str
    settings: dict[str, Any]
    data_source: str
    stand_in: bool
    class_names: tuple[str, ...]
    parameters: int
    parameters_by_kind: dict[str, int]
    multiplications: int
    precision: str
    processor: str
    seconds: float
    best_epoch: int
    validation_accuracy: float
    test: Scores
    curves: dict[str, list[float]]
    versions: dict[str, str]
    folder: Path

    @property
    def epochs(self) -> int:
        return len(self.curves["loss/train"])

    @property
    def logits(self) -> Tensor:
        """Of the test images, in the split's order, (N, classes), from the best epoch."""
        return torch.load(self.folder / "test_logits.pt", weights_only=True)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The state_dict of the best epoch."""
        return torch.load(self.folder / "best.pt", weights_only=True)


RUNNER = ("run.py", "material.py", "networks.py", "curves.py", "alike.py")
OF_A_STUDY = {"shoes": RUNNER, "cifar10": (*RUNNER, "study.py", "teachers.py", "search.py", "backbone.py")}


@cache
def code_digest(data: str) -> str:
    """SHA-256 over the sources that a run's result depends on: data, nets, learn, the runner, the curves that it reads
    its best epoch from, and what else a run on ``data`` uses."""
    paths = [path for part in ("data", "nets", "learn") for path in sorted((LIBRARY / part).glob("*.py"))]
    paths += [LIBRARY / "lab" / name for name in OF_A_STUDY[data]]
    text = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(text).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute, without their build tags."""
    packages = {name: version(name).split("+")[0] for name in PACKAGES}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **packages}


def digest(data: str, everything: dict[str, Any]) -> str:
    """A name for what was computed from ``everything``, with the code that runs on ``data`` and the versions."""
    named = {**everything, "code": code_digest(data), "versions": versions()}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


def key(experiment: Experiment, seed: int, profile: Profile, data_digest: str) -> str:
    """The name of a run's result: it changes with configuration, seed, profile, code, data and versions."""
    everything = {"experiment": asdict(experiment), "seed": seed, "profile": profile.name, "data": data_digest}
    return digest(experiment.data, everything)


def folder_of(name: str, seed: int, run_key: str) -> Path:
    return runs_dir() / name / f"seed{seed}-{run_key}"


def save(folder: Path, result: dict[str, Any], files: list[str]) -> None:
    """Write ``result.json``, which makes the run complete, with checksums of the run's other ``files``."""
    record = {**result, "files": {name: sha256(folder / name) for name in files}}
    record["checksum"] = _checksum(record)
    with whole(folder / "result.json") as path:
        path.write_text(json.dumps(record, indent=1))


def read(folder: Path) -> Result | None:
    """The result in ``folder``; None if it is unfinished or damaged (then it says so)."""
    try:
        record = json.loads((folder / "result.json").read_text())
        if record.pop("checksum") != _checksum(record):
            raise ValueError("result.json was edited")
        changed = [name for name, checksum in record.pop("files").items() if sha256(folder / name) != checksum]
        if changed:
            raise ValueError(f"{', '.join(changed)} changed after the run")
        scores = {k: tuples(v) for k, v in record.pop("test").items()}
        names = tuple(record.pop("class_names"))
        return Result(**record, test=Scores(**scores), class_names=names, folder=folder)
    except FileNotFoundError:
        return None
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        print(f"{folder} is damaged and will be made again: {error}")
    return None


def wait(folder: Path, seconds: float = 3600) -> Result | None:
    """The result in ``folder`` as soon as another process has stored it; None after ``seconds``."""
    end = time.monotonic() + seconds
    while not (folder / "result.json").exists() and time.monotonic() < end:
        time.sleep(0.5)
    return read(folder)


def _checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def tuples(value: Any) -> Any:
    """JSON has lists only: tuples again, at every depth."""
    return tuple(tuples(v) for v in value) if isinstance(value, list) else value


def all_results() -> Iterator[Result]:
    """Every finished run in the store, by name, seed and key."""
    for path in sorted(runs_dir().glob("*/*/seed*/result.json")):
        result = read(path.parent)
        if result:
            yield result
