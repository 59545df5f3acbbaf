"""One run, from its complete configuration to its kept result: trained once, tested, stored."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hw3.data.batches import Batches
from hw3.data.images import ImageSet, Split
from hw3.data.views import IMAGE, views
from hw3.files import runs_dir
from hw3.nets.build import build
from hw3.nets.count import by_kind, multiplications, parameters
from hw3.store import Entry, described
from hw3.theory.sizes import checked_seed, whole
from hw3.train.best import Best
from hw3.train.device import capability, fabric, precision_of, processor
from hw3.train.loop import LAST, Row, Task, fit
from hw3.train.losses import Classification
from hw3.train.metrics import Scores, score
from hw3.train.settings import Training, threads

RESULT = "result.json"
THREADS = 1  # of a training on a CPU: a result must not depend on the number of cores


class Teacher(Protocol):
    """What an experiment learns from beside its labels. ``what`` describes it completely; ``needs`` are the runs that
    it is made of; ``logits()`` are its own for each view of each training image, (views, images, classes), made or
    read only when they are asked for."""

    @property
    def what(self) -> dict[str, Any]: ...

    @property
    def needs(self) -> Sequence[tuple["Experiment", int]]: ...

    def logits(self) -> Tensor: ...


@dataclass(frozen=True)
class Experiment:
    """What is trained, on what, and how; with a seed it is a run.

    ``network(shape, classes)`` makes a module that maps standardized float images (N, C, H, W) to logits, or, without
    ``standardize``, uint8 images. Training images are shown in the views of ``shifts`` shifts (None: as they are);
    ``labels``: how many of them have one (None: all). ``histograms``: keep those of the weights of each epoch.

    Raises:
        ValueError: a name that could not be that of a folder, ``labels`` or ``shifts`` that are no positive integer, or
            a part of the split that is empty or names an image that ``data`` has not.
    """

    name: str
    data: ImageSet
    split: Split
    network: Callable[[tuple[int, int, int], int], nn.Module]
    training: Training
    task: Task = Classification()  # noqa: RUF009 - frozen
    shifts: int | None = None
    labels: int | None = None
    teacher: Teacher | None = None
    standardize: bool = True
    histograms: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w .+-]*(/\w[\w .+-]*)*", self.name):
            raise ValueError(
                f"the name is {self.name!r}; it must be words with slashes between them, as in 'mine/wide'"
            )
        for field in ("labels", "shifts"):
            if (value := getattr(self, field)) is not None:
                object.__setattr__(self, field, whole(field, value))
        for part in ("train", "validation", "test"):
            indices = getattr(self.split, part)
            if not len(indices) or indices.min() < 0 or indices.max() >= len(self.data):
                said = f"goes from {indices.min()} to {indices.max()}" if len(indices) else "is empty"
                raise ValueError(f"the {part} part of the split {said}; {self.data.name} has {len(self.data)} images")

    @property
    def what(self) -> dict[str, Any]:
        """All of it as plain values, data and parts by their digests."""
        plain = {name: described(getattr(self, name)) for name in ("network", "training", "task", "shifts", "labels")}
        sizes = {part: len(getattr(self.split, part)) for part in ("train", "validation", "test")}
        return {
            "data": {"name": self.data.name, "digest": self.data.digest},
            "split": sizes | {"digest": self.split.digest},
            **plain,
            "teacher": None if self.teacher is None else self.teacher.what,
            "standardize": self.standardize,
            "histograms": self.histograms,
        }

    @property
    def shown(self) -> Tensor:
        """Indices of the images that train: with a teacher all, else those that have a label."""
        return self.split.train if self.teacher is not None or self.labels is None else self.split.train[: self.labels]

    def model(self, seed: int) -> nn.Module:
        """The network with its first weights."""
        if self.standardize:
            classes = len(self.data.class_names)
            return build(self.network, self.data.images[self.split.train], classes, seed)
        torch.manual_seed(seed)
        return self.network(self.data.shape, len(self.data.class_names))

    def batches(self, seed: int, share: tuple[int, int] = (0, 1)) -> Batches:
        """As many steps an epoch as all training images make, however few have labels."""
        return Batches(
            self.data.images[self.shown],
            self.data.labels[self.shown],
            self.training.batch_size // share[1],
            seed,
            IMAGE if self.shifts is None else views(self.shifts),
            None if self.teacher is None else self.teacher.logits(),
            draws=len(self.split.train),
            share=share,
        )


@dataclass(frozen=True)
class Result:
    """One finished run: its complete configuration ``what``, what it cost, how its best epoch (by validation) scored.

    ``history``: a row of losses, accuracies and seconds for each epoch; ``seconds`` is the time spent training,
    scores of the other parts apart. ``capability``: what the processor could do (see ``hw3.train.device``).
    """

    name: str
    seed: int
    key: str
    what: dict[str, Any]
    data_source: str
    stand_in: bool
    class_names: tuple[str, ...]
    parameters: int
    parameters_by_kind: dict[str, int]
    multiplications: int
    processor: str
    capability: str
    seconds: float
    best_epoch: int
    validation: Scores
    test: Scores
    history: tuple[Row, ...]
    folder: Path

    @property
    def precision(self) -> str:
        return self.what["training"]["precision"]

    @property
    def epochs(self) -> int:
        return len(self.history)

    def curve(self, name: str) -> list[float]:
        """A column of the history by epoch, such as "loss/test"."""
        return [row[name] for row in self.history]

    @property
    def logits(self) -> Tensor:
        """Of the test images, in the split's order, (N, classes), from the best epoch."""
        return self._kept()["test"]

    @property
    def weights(self) -> dict[str, Tensor]:
        """The state_dict of the best epoch."""
        return self._kept()["weights"]

    @property
    def histograms(self) -> list[dict[str, Any]]:
        """Of the weights after each epoch: ``{name: (edges, counts)}``; empty where they were not kept."""
        return json.loads((self.folder / "histograms.json").read_text(encoding="utf-8"))

    def _kept(self) -> dict[str, Any]:
        return torch.load(self.folder / "best.pt", map_location="cpu", weights_only=True)


def entry(experiment: Experiment, seed: int, processes: int = 1) -> Entry:
    """Where the run is kept. Asking trains nothing.

    On CPUs batch norm sees the share of each process: another result, under another key.
    """
    what = experiment.what | {"seed": seed}
    if processes > 1 and not torch.cuda.is_available():
        what["processes"] = processes
    code = (experiment.network, experiment.task, _train_and_test)
    return Entry(experiment.name, what, code, runs_dir(), f"seed{seed}")


def stored(experiment: Experiment, seed: int) -> Result | None:
    """The result, if it is there and unchanged."""
    place = entry(experiment, seed)
    folder = place.stored()
    return None if folder is None else read(folder)


def run(experiment: Experiment, seed: int, device: Fabric | None = None, progress: bool = False) -> Result:
    """The result of ``experiment`` with ``seed``: from the store if it is there, else by training, which goes on where
    a killed run stopped. A second process that asks for the same run waits and then reads it.

    ``device`` may stand for several processes that share each batch (see ``hw3.train.device.fabric``); each calls
    this, and the first one tests and stores. They need one run store.

    Raises:
        ValueError: a device of another precision, or a batch that cannot be divided among the processes.
        RuntimeError: the processes were given different runs.
    """
    device = device or fabric(experiment.training.precision)
    if precision_of(device) != experiment.training.precision:
        wanted = experiment.training.precision
        raise ValueError(f"the device computes in {precision_of(device)} and {experiment.name} asks for {wanted}")
    if experiment.training.batch_size % device.world_size:
        size = experiment.training.batch_size
        raise ValueError(f"a batch of {size} cannot be divided among {device.world_size} devices")
    seed = checked_seed(seed)
    place = entry(experiment, seed, device.world_size)
    if device.world_size > 1:
        _agree(device, f"{place.kind}/{place.folder.name}")
    make = partial(_train_and_test, experiment, seed, device, progress)
    if device.is_global_zero:
        kept = place.stored()
        device.broadcast(kept is not None)
        folder = kept or place.made(make)
        device.barrier()
    else:
        if not device.broadcast(False):
            make(place.unfinished)
        device.barrier()
        folder = place.folder
    return read(folder)


def _agree(device: Fabric, name: str) -> None:
    """Two networks of one shape could be averaged without a complaint."""
    names: list[Any] = [None] * device.world_size
    torch.distributed.all_gather_object(names, name)
    if len(set(names)) > 1:
        raise RuntimeError(f"the processes would train different runs together ({', '.join(names)}); start again")


def _train_and_test(experiment: Experiment, seed: int, device: Fabric, progress: bool, folder: Path) -> None:
    data, parts = experiment.data, experiment.split
    with threads(THREADS):
        model = experiment.model(seed).to(memory_format=torch.channels_last)
        if torch.cuda.is_available() and device.world_size > 1:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        validation, test = ((data.images[part], data.labels[part]) for part in (parts.validation, parts.test))
        best = Best(device, validation, test, folder / "tensorboard", experiment.histograms)
        batches = experiment.batches(seed, (device.global_rank, device.world_size))
        history = fit(device, model, experiment.task, batches, experiment.training, seed, folder, best, progress)
    if not device.is_global_zero:
        return
    best.board.write(history, best.histograms)  # where all was trained by a killed process, its files may be torn
    best.board.close()
    torch.save(best.state, folder / "best.pt")
    (folder / "histograms.json").write_text(json.dumps(best.histograms), encoding="utf-8")
    result = {
        "name": experiment.name,
        "seed": seed,
        "what": experiment.what,
        "data_source": data.source.description,
        "stand_in": data.source.stand_in,
        "class_names": data.class_names,
        "parameters": parameters(model),
        "parameters_by_kind": by_kind(model),
        "multiplications": multiplications(model.cpu(), data.shape),
        "processor": processor(),
        "capability": capability(),
        "seconds": sum(row["seconds"] for row in history),
        "best_epoch": best.state["epoch"],
        "validation": asdict(score(best.state["validation"], validation[1])),
        "test": asdict(score(best.state["test"], test[1])),
        "history": history,
    }
    (folder / RESULT).write_text(json.dumps(result, indent=1), encoding="utf-8")
    (folder / LAST).unlink(missing_ok=True)


def read(folder: Path) -> Result:
    """The result in a finished run's folder."""
    record = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    for part in ("validation", "test"):
        record[part] = Scores(**{name: tuples(value) for name, value in record[part].items()})
    for name in ("class_names", "history"):
        record[name] = tuple(record[name])
    return Result(**record, key=folder.name.rpartition("-")[2], folder=folder)


def tuples(value: Any) -> Any:
    """JSON has lists only: tuples again, at every depth."""
    return tuple(tuples(v) for v in value) if isinstance(value, list) else value
