"""Runs that take hours are made once and recorded; pages show them through ``hw3.studies.shown``.

A record holds a run's configuration, its history, its logits and the losses of its first steps, and no weights.
Whatever a page says is computed from the logits and the labels. How a record is doubted: ``hw3.studies.replay``.
"""

import io
import json
import lzma
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hw3.files import DataError, project, report, sha256, whole
from hw3.store import digest, meaning, versions
from hw3.studies.parallel import Wanted, run_all
from hw3.studies.run import Experiment, Result, entry
from hw3.studies.steps import cpu, first_losses
from hw3.train.device import fabric
from hw3.train.metrics import score

TWO_BYTES = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lp": 1, "pb": 1}]  # numbers of 16 bits take 5 % less so
ROUNDING = 4e-3  # nats: what steps of 1/128 may move a mean loss
Look = Callable[[Experiment, Result], Tensor]


@dataclass(frozen=True)
class Plan:
    """What is recorded under ``name``, in this order: an interrupted plan has whole pairs, since the runs stand seed by
    seed. ``looks``: for an experiment's name, what else is kept of each of its runs. Runs named in ``untraced`` keep no
    first losses, since even those would take a build too long. ``beside(folder)`` writes what belongs to no single run.
    """

    name: str
    runs: tuple[Wanted, ...]
    looks: Mapping[str, Mapping[str, Look]] = field(default_factory=dict)
    untraced: tuple[str, ...] = ()
    beside: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Recorded(Result):
    """A run that was recorded; ``logits`` are those of the test images, as ``compact`` kept them.

    ``losses``: of its first steps, in its own precision; ``trace``: of the same in float32 on one thread. ``code``,
    ``versions``: what the code meant that made it, and the versions of the packages.
    """

    losses: tuple[float, ...] = ()
    trace: tuple[float, ...] = ()
    code: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> dict[str, Tensor]:
        return read_arrays(self.folder / f"{file_name(self.name, self.seed)}.npz.xz")

    @property
    def logits(self) -> Tensor:
        return self.look("test")

    def look(self, name: str) -> Tensor:
        """Other logits that were kept, (N, classes)."""
        return self.arrays[name].float()

    @property
    def weights(self) -> dict[str, Tensor]:
        raise DataError(f"the weights of {self.name}, seed {self.seed}, were not recorded; hw3 replay makes them again")

    @property
    def histograms(self) -> list[dict[str, Any]]:
        return []


@dataclass(frozen=True)
class Record:
    """What is recorded under one name: its runs by experiment, sorted by seed."""

    name: str
    folder: Path
    groups: dict[str, list[Recorded]]

    @cached_property
    def labels(self) -> dict[str, Tensor]:
        """Of the parts that choose ("validation") and test ("test"), (N,) each."""
        return _labels(self.folder, next(iter(self.groups.values()))[0].what["split"]["digest"])

    @property
    def targets(self) -> Tensor:
        return self.labels["test"]

    def arms(self, *names: str) -> list[list[Recorded]]:
        """The runs of each experiment, of the seeds that all of them have.

        Raises:
            DataError: one is not recorded.
        """
        for name in names:
            if name not in self.groups:
                raise DataError(f"{name} is not recorded in {self.folder}; there are {', '.join(self.groups)}")
        shared = set.intersection(*({r.seed for r in self.groups[name]} for name in names))
        return [[r for r in self.groups[name] if r.seed in shared] for name in names]


def begun(name: str) -> bool:
    """Is any run recorded under ``name``?"""
    return any(folder_of(name).glob("*-seed*.json"))


def has(name: str, *experiments: str, runs: int = 2) -> bool:
    """Are as many ``runs`` or more of each of the ``experiments`` recorded?"""
    return all(len(list(folder_of(name).glob(f"{file_name(e)}-seed*.json"))) >= runs for e in experiments)


def validation_logits(result: Result) -> Tensor:
    """Of the images that choose, (N, classes), from the best epoch, recorded or from the run store."""
    if isinstance(result, Recorded):
        return result.look("validation")
    return torch.load(result.folder / "best.pt", map_location="cpu", weights_only=True)["validation"]


def compact(logits: Tensor) -> Tensor:
    """Logits (N, classes) minus the largest of their row, in steps of 1/128, as float16: every probability within 1 %
    of what it was, the same class named, and half as many bytes as the logits themselves when compressed."""
    top = F.one_hot(logits.argmax(1), logits.shape[1]).bool()
    below = (logits.float() - logits.float().amax(1, keepdim=True)).mul(128).round().clamp_max(-1) / 128
    return below.masked_fill(top, 0.0).half()


def write_arrays(path: Path, arrays: Mapping[str, Tensor]) -> None:
    """Write tensors to an .npz.xz file."""
    with whole(path) as scratch, lzma.open(scratch, "wb", filters=TWO_BYTES) as file:
        np.savez(file, **{name: tensor.numpy() for name, tensor in arrays.items()})  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, Tensor]:
    """The tensors in an .npz.xz file.

    Raises:
        DataError: it is no such file.
    """
    try:
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except (OSError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} holds no arrays: {error}") from error


def folder_of(name: str) -> Path:
    """Where the record is: ``book/recorded/name`` in the project."""
    return project() / "book" / "recorded" / name


def file_name(name: str, seed: int | None = None) -> str:
    """How the files of an experiment begin, and with a ``seed`` those of a run."""
    return name.rpartition("/")[2] + ("" if seed is None else f"-seed{seed}")


def record(plan: Plan, jobs: int | None = None) -> None:
    """Make what is missing, seed by seed, and write each run when it is done. Runs go through the run store, so that a
    killed recording goes on where it was."""
    folder = folder_of(plan.name)
    if plan.beside:
        plan.beside(folder)
    missing = [(e, seed) for e, seed, state in status(plan) if state != "recorded"]
    at_once, done = jobs or os.cpu_count() or 1, 0
    for seed, same_seed in groupby(missing, key=lambda wanted: wanted[1]):
        group = [experiment for experiment, _ in same_seed]
        for some in (group[start : start + at_once] for start in range(0, len(group), at_once)):
            for name, (result,) in run_all(some, [seed], jobs).items():
                write(plan, next(e for e in some if e.name == name), result, folder)
                done += 1
                report(f"recorded {name}, seed {seed} ({done} of {len(missing)})")


def status(plan: Plan) -> list[tuple[Experiment, int, str]]:
    """For each run of the plan: "recorded", "missing", "stale" (it was recorded with another configuration), or what is
    damaged. Trains nothing."""
    folder = folder_of(plan.name)
    return [(experiment, seed, _state(folder, experiment, seed)) for experiment, seed in plan.runs]


def _state(folder: Path, experiment: Experiment, seed: int) -> str:
    if not (folder / f"{file_name(experiment.name, seed)}.json").exists():
        return "missing"
    try:
        kept = read_run(folder, experiment.name, seed)
    except DataError as error:
        return f"damaged: {error}"
    needs = experiment.teacher.needs if experiment.teacher else ()
    stale = not is_of(kept, experiment) or any(_state(folder, e, s) == "stale" for e, s in needs)
    return "stale" if stale else "recorded"


def is_of(one: Recorded, experiment: Experiment) -> bool:
    """Was ``one`` recorded with the configuration of ``experiment``? The keys under which its teacher is kept do not
    count: they also hold the code and the versions that made it."""
    return _lasting(one.what) == _lasting(json.loads(json.dumps(experiment.what)))


def _lasting(what: dict[str, Any]) -> dict[str, Any]:
    lasting = {name: value for name, value in what.items() if name not in ("key", "run")}
    return {name: _lasting(value) if isinstance(value, dict) else value for name, value in lasting.items()}


def write(plan: Plan, experiment: Experiment, result: Result, folder: Path) -> None:
    """Record a finished run."""
    data, parts, seed = experiment.data, experiment.split, result.seed
    traced = experiment.name not in plan.untraced
    device = fabric(experiment.training.precision)
    losses, answers = first_losses(experiment, seed, device) if traced else ([], [])
    same = device.device.type == "cpu" and experiment.training.precision == "32-true"
    trace = losses if same or not traced else first_losses(experiment, seed, cpu(), answers)[0]
    arrays = {"validation": validation_logits(result), "test": result.logits}
    arrays |= {name: look(experiment, result) for name, look in plan.looks.get(experiment.name, {}).items()}
    arrays = {name: compact(logits) for name, logits in arrays.items()}
    if answers and seed == next(s for e, s in plan.runs if e.name == experiment.name):  # one seed can be replayed alone
        arrays["answers"] = torch.stack(answers).half()
    stem = file_name(experiment.name, seed)
    labels = {"validation": data.labels[parts.validation], "test": data.labels[parts.test]}
    write_arrays(
        folder / f"labels-{parts.digest[:12]}.npz.xz", {part: values.byte() for part, values in labels.items()}
    )
    write_arrays(folder / f"{stem}.npz.xz", arrays)
    values = {name: value for name, value in asdict(result).items() if name not in ("folder", "validation", "test")}
    values |= {"losses": losses, "trace": trace, "code": meaning(entry(experiment, seed).code), "versions": versions()}
    values |= {"arrays": sha256(folder / f"{stem}.npz.xz")}
    with whole(folder / f"{stem}.json") as path:
        path.write_text(json.dumps(values | {"checksum": digest(values)}, indent=1) + "\n", encoding="utf-8")


def read_run(folder: Path, name: str, seed: int) -> Recorded:
    """A recorded run, its scores computed from its logits and the labels beside it.

    Raises:
        DataError: a file was changed, or the history says something else than the logits.
    """
    path = folder / f"{file_name(name, seed)}.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        checksum = values.pop("checksum")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no record of a run: {error}") from error
    if checksum != digest(values):
        raise DataError(f"{path} was changed after it was recorded")
    beside = path.with_suffix(".npz.xz")
    if sha256(beside) != values.pop("arrays"):
        raise DataError(f"{beside} is not what was recorded")
    labels, logits = _labels(folder, values["what"]["split"]["digest"]), read_arrays(beside)
    scores = {part: score(logits[part].float(), labels[part]) for part in ("validation", "test")}
    best = values["history"][values["best_epoch"] - 1]
    for part, now in scores.items():
        moved = abs(best[f"loss/{part}"] - now.loss), abs(best[f"accuracy/{part}"] - now.accuracy)
        if not (moved[0] <= ROUNDING and moved[1] <= 1e-9):
            raise DataError(
                f"{path}: the history says {best[f'accuracy/{part}']:.4f} for the {part} part, the logits and labels "
                f"{now.accuracy:.4f}; one of them was changed"
            )
    for listed in ("class_names", "history", "losses", "trace"):
        values[listed] = tuple(values[listed])
    return Recorded(**values | scores | {"folder": folder})


def _labels(folder: Path, parts: str) -> dict[str, Tensor]:
    return {part: labels.long() for part, labels in read_arrays(folder / f"labels-{parts[:12]}.npz.xz").items()}


def read(name: str, *experiments: str) -> Record:
    """The record ``name``, or of it only the named ``experiments``, every file that is read checked.

    Raises:
        DataError: there is none, or a file of it was changed.
    """
    folder, groups = folder_of(name), dict[str, list[Recorded]]()
    wanted = [file_name(e) for e in experiments]
    for path in sorted(folder.glob("*-seed*.json")):
        stem, _, seed = path.stem.rpartition("-seed")
        if not wanted or stem in wanted:
            one = read_run(folder, stem, int(seed))
            groups.setdefault(one.name, []).append(one)
    if not groups:
        raise DataError(f"nothing is recorded in {folder}; hw3 record makes it")
    for runs in groups.values():
        runs.sort(key=lambda r: r.seed)
    return Record(name, folder, groups)


def recorded_precision(name: str) -> str | None:
    """The precision of the runs that are recorded, which all later ones must share; None if there are none."""
    for path in sorted(folder_of(name).glob("*-seed*.json")):
        return json.loads(path.read_text(encoding="utf-8"))["what"]["training"]["precision"]
    return None
