"""The figures of ``hw3 bench`` about the networks for the photographs: the two ways that each compares.

Layers and steps are timed on one thread, as every run of the book trains; several wait for each other on a busy
machine.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import ops, transforms
from torchvision.datasets import ImageFolder

from hw3.bench.timing import Bench, Pair
from hw3.data.batches import Batches
from hw3.data.images import ImageSet
from hw3.data.load import load
from hw3.data.shoes import SIZE as SHOE_SIZE
from hw3.nets.build import Normalize
from hw3.nets.cnn import sized_cnn
from hw3.nets.dropblock import DropBlock
from hw3.studies.profiles import profile
from hw3.studies.shoes import CNN_BUDGET
from hw3.train.device import default_precision, fabric
from hw3.train.loop import fit
from hw3.train.losses import Classification
from hw3.train.settings import Training, optimizer_and_schedule, threads

SHAPE = (3, *SHOE_SIZE)
BATCH = 64
Step = Callable[[Tensor, Tensor], None]


def network(**options: Any) -> nn.Module:
    """The book's CNN, with the first weights of one seed."""
    torch.manual_seed(0)
    normalize = Normalize(torch.full((3,), 127.0), torch.full((3,), 60.0))
    model = nn.Sequential(normalize, sized_cnn(SHAPE, 3, budget=CNN_BUDGET, **options))
    return model.to(memory_format=torch.channels_last).train()


def bare_step(model: nn.Module, precision: str) -> Step:
    """A training step in torch alone: what one would write without this package."""
    optimizer, schedule = optimizer_and_schedule(model, Training(epochs=1), 10**6)

    def step(images: Tensor, targets: Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            logits = model(images)
        loss = nn.functional.cross_entropy(logits.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

    return step


def _photographs_at_random(count: int) -> tuple[Tensor, Tensor]:
    images = torch.randint(0, 256, (count, *SHOE_SIZE, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    return images, torch.randint(0, 3, (count,))


def _steps(precision: str, steps: int = 4, **options: Any) -> Callable[[], None]:
    step, (images, targets) = bare_step(network(**options), precision), _photographs_at_random(BATCH)

    def run() -> None:
        for _ in range(steps):
            step(images, targets)

    return run


def _there_and_back(layer: nn.Module, x: Tensor) -> Callable[[], None]:
    x = x.detach().requires_grad_()
    upstream = torch.ones_like(x)

    def run() -> None:
        layer(x).backward(upstream)
        x.grad = None

    return run


@contextmanager
def _dropblock(block_size: int) -> Iterator[Pair]:
    """Forward and backward at a rate of .1."""
    x = torch.randn(64, 16, *SHOE_SIZE)
    theirs = _there_and_back(ops.DropBlock2d(0.1, block_size), x)
    ours = _there_and_back(DropBlock(0.1, block_size, grow=False), x)
    with threads(1):
        yield Pair(theirs, ours, f"times faster than torchvision's DropBlock2d, blocks of {block_size} × {block_size}")


@contextmanager
def _regularizer(**options: Any) -> Iterator[Pair]:
    precision = default_precision()
    with threads(1):
        yield Pair(_steps(precision, **options), _steps(precision), "times the step without it")


@contextmanager
def _precision() -> Iterator[Pair]:
    slow, quick = _steps("32-true"), _steps(default_precision())
    with threads(1):
        yield Pair(slow, quick, f"times the step in fp32, over one in this machine's precision, {default_precision()}")


def _files(data: ImageSet, root: Path, some: Tensor) -> Path:
    """Some photographs as JPEG files of the original size, in class folders."""
    for index in some.tolist():
        target = root / data.class_names[data.labels[index]]
        target.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(data.images[index].permute(1, 2, 0).contiguous().numpy())
        picture.resize((136, 102)).save(target / f"{index}.jpg")
    return root


@contextmanager
def _loader() -> Iterator[Pair]:
    """An epoch of training the CNN on some 1,500 photographs: from memory, and from files as usual."""
    data = load("shoes", source=profile().source, quiet=True)
    some = torch.arange(0, len(data), max(1, len(data) // 1500))
    with tempfile.TemporaryDirectory() as scratch:
        usual = transforms.Compose([transforms.Resize(SHOE_SIZE), transforms.PILToTensor()])
        files = ImageFolder(str(_files(data, Path(scratch), some)), usual)
        from_files = DataLoader(files, BATCH, shuffle=True, num_workers=2, drop_last=True)
        from_memory = Batches(data.images[some], data.labels[some], BATCH, seed=0)
        step = bare_step(network(), default_precision())

        def epoch(batches: Any) -> None:
            for images, targets in batches:
                step(images, targets)

        unit = "times faster, a training epoch, than ImageFolder and DataLoader with 2 workers"
        yield Pair(lambda: epoch(from_files), lambda: epoch(from_memory.epoch(0)), unit)


@contextmanager
def _engine() -> Iterator[Pair]:
    """An epoch of the CNN by the book's loop, and the same steps in torch alone."""
    batches, precision = Batches(*_photographs_at_random(32 * BATCH), BATCH, seed=0), default_precision()
    device, model = fabric(precision), network()
    step = bare_step(network(), precision)

    def bare() -> None:
        for images, targets in batches.epoch(0):
            step(images, targets)

    loop = partial(fit, device, model, Classification(), batches, Training(epochs=1, precision=precision), 0)
    with threads(1):
        yield Pair(loop, bare, "times the time of a bare torch loop")


BENCHES: dict[str, Bench] = {
    "dropblock_speedup_7": partial(_dropblock, 7),
    "dropblock_speedup_3": partial(_dropblock, 3),
    "cnn_step_with_dropblock": partial(_regularizer, regularize="dropblock", rate=0.1, block_size=3),
    "cnn_step_with_dropout": partial(_regularizer, regularize="dropout", rate=0.1),
    "loader_speedup": _loader,
    "engine_overhead": _engine,
    "precision_speedup": _precision,
}
