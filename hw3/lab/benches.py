"""The figures of ``hw3 bench``: for each name, the two ways that are compared."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import ops, transforms
from torchvision.datasets import ImageFolder

from hw3.data import ImageSet, load, loader
from hw3.data.shoes import SIZE as SHOE_SIZE
from hw3.lab.bench import Pair
from hw3.lab.distillation_benches import DISTILLATION
from hw3.lab.experiments import experiment
from hw3.lab.profiles import profile
from hw3.learn import engine, loop
from hw3.learn.precision import Precision
from hw3.learn.settings import Training, optimizer_and_schedule
from hw3.learn.tasks import classification
from hw3.nets.dropblock import DropBlock
from hw3.nets.models import build
from hw3.nets.normalize import Normalize

BF16 = Precision(bf16=True, channels_last=True)
PLAIN = Precision()
SHAPE = (3, *SHOE_SIZE)
BATCH = 64


def _network(precision: Precision, **changes: Any) -> nn.Module:
    config = experiment("shoes/cnn", profile())
    model = build(config.model, SHAPE, 3, **{**config.options, **changes})
    normalize = Normalize(torch.full((3,), 127.0), torch.full((3,), 60.0))
    return precision.place(nn.Sequential(normalize, model)).train()


def _step(precision: Precision, steps: int = 8, **changes: Any) -> Callable[[], None]:
    """Training steps of the book's CNN on one random batch."""
    model = _network(precision, **changes)
    images = precision.arrange(torch.randint(0, 256, (BATCH, *SHAPE), dtype=torch.uint8))
    targets = torch.randint(0, 3, (BATCH,))
    optimizer, _ = optimizer_and_schedule(model, Training(epochs=1), 10**6)

    def run() -> None:
        for _ in range(steps):
            with precision.autocast():
                loss = classification(model, (images, targets))["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def _there_and_back(layer: nn.Module, x: Tensor) -> Callable[[], None]:
    x = x.detach().requires_grad_()
    upstream = torch.ones_like(x)

    def run() -> None:
        layer(x).backward(upstream)
        x.grad = None

    return run


@contextmanager
def _dropblock(dtype: torch.dtype) -> Iterator[Pair]:
    """Forward and backward of the paper's 7 x 7 blocks at a rate of .1."""
    x = torch.randn(128, 16, *SHOE_SIZE).to(dtype)
    theirs = _there_and_back(ops.DropBlock2d(0.1, 7), x)
    yield Pair(theirs, _there_and_back(DropBlock(0.1, 7, grow=False), x), "times faster than torchvision's DropBlock2d")


@contextmanager
def _regularizer(**changes: Any) -> Iterator[Pair]:
    yield Pair(_step(BF16, **changes), _step(BF16), "times the step without it", repeats=21)


@contextmanager
def _precision() -> Iterator[Pair]:
    yield Pair(_step(PLAIN), _step(BF16), "times faster than fp32 in plain layout")


def _photographs(data: ImageSet, root: Path, count: int) -> Path:
    """``count`` photographs as files for ImageFolder: links to the real ones, or stand-ins saved as JPEG."""
    from hw3.data import folder, shoes

    given = shoes.folder_of_photographs()
    for index in range(0, len(data), max(1, len(data) // count)):
        target = root / data.class_names[data.labels[index]]
        target.mkdir(parents=True, exist_ok=True)
        if given and data.class_names == folder.CLASSES:
            (target / f"{index}.jpg").symlink_to(given / data.files[index])
        else:
            picture = Image.fromarray(data.images[index].permute(1, 2, 0).contiguous().numpy())
            picture.resize((136, 102)).save(target / f"{index}.jpg")
    return root


@contextmanager
def _loader() -> Iterator[Pair]:
    """One epoch of training the CNN on some 2,000 photographs: from memory, and from files as usual."""
    data = load("shoes", source=profile().source, quiet=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = _photographs(data, Path(scratch), 2000)
        usual = transforms.Compose([transforms.Resize(SHOE_SIZE), transforms.PILToTensor()])
        files = ImageFolder(str(root), usual)
        chosen = torch.arange(0, len(data), max(1, len(data) // 2000))
        from_files = DataLoader(files, BATCH, shuffle=True, num_workers=2, drop_last=True)
        from_memory = loader(data.images[chosen], data.labels[chosen], batch_size=BATCH, seed=0)
        model = _network(BF16)
        optimizer, _ = optimizer_and_schedule(model, Training(epochs=1), 10**6)

        def epoch(batches: DataLoader) -> None:
            for images, targets in batches:
                with BF16.autocast():
                    loss = classification(model, (images, targets))["loss"]
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        yield Pair(
            lambda: epoch(from_files),
            lambda: epoch(from_memory),
            "times faster, a training epoch, than ImageFolder and DataLoader with 2 workers",
            repeats=5,
        )


@contextmanager
def _engine() -> Iterator[Pair]:
    """Some epochs of the CNN by the Trainer (with its checkpoints and curves) and by the plain loop."""
    images = torch.randint(0, 256, (8192, *SHAPE), dtype=torch.uint8)
    targets = torch.randint(0, 3, (8192,))
    training = Training(epochs=2)

    def trainer() -> None:
        with tempfile.TemporaryDirectory() as scratch:
            batches = loader(images, targets, batch_size=BATCH, seed=0)
            few = loader(images[:8], targets[:8], batch_size=8)
            engine.fit(_network(BF16), classification, batches, few, training, 0, Path(scratch), BF16)

    def plain() -> None:
        batches = loader(images, targets, batch_size=BATCH, seed=0)
        loop.fit(_network(BF16), classification, batches, training, 0, BF16)

    yield Pair(trainer, plain, "times the plain loop's time", repeats=3)


BENCHES: dict[str, Callable[[], AbstractContextManager[Pair]]] = {
    "dropblock_speedup_fp32": lambda: _dropblock(torch.float32),
    "dropblock_speedup_bf16": lambda: _dropblock(torch.bfloat16),
    "cnn_step_with_dropblock": lambda: _regularizer(regularize="dropblock", rate=0.1, block_size=3),
    "cnn_step_with_dropout": lambda: _regularizer(regularize="dropout", rate=0.1),
    "loader_speedup": _loader,
    "engine_overhead": _engine,
    "precision_speedup": _precision,
    **DISTILLATION,
}
