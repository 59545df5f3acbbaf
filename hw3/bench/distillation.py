"""The figures of ``hw3 bench`` about the distillation study."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet50

from hw3.bench.timing import Bench, Pair
from hw3.data.batches import Batches
from hw3.data.views import views
from hw3.nets import count
from hw3.nets.build import Normalize
from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone, student
from hw3.train.device import default_precision, fabric
from hw3.train.features import WholeNetwork, forward
from hw3.train.linear import solve
from hw3.train.loop import Task, predict
from hw3.train.losses import Classification, Distillation
from hw3.train.settings import Training, optimizer_and_schedule, threads

CLASSES, RESOLUTION, SHAPE = 10, 64, (3, 32, 32)
Step = Callable[[tuple[Tensor, ...]], None]


def _images(number: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (number, *SHAPE), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, CLASSES, (number,), generator=generator)


def _student(stem: str) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(Normalize(torch.full((3,), 127.0), torch.full((3,), 60.0)), student(SHAPE, CLASSES, stem))
    return model.to(memory_format=torch.channels_last).train()


def _step(model: nn.Module, task: Task, precision: str) -> Step:
    optimizer, _ = optimizer_and_schedule(model, Training(epochs=1), 10**6)

    def step(batch: tuple[Tensor, ...]) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = task(model, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _epoch(step: Step, batches: Any) -> None:
    for batch in batches.epoch(0) if isinstance(batches, Batches) else batches:
        step(batch)


@contextmanager
def _probe() -> Iterator[Pair]:
    """The backbone over 200 images once, with ten epochs of the last layer on its features behind it, and alone."""
    torch.manual_seed(0)
    backbone, (images, labels), device = FrozenBackbone(resnet50()), _images(200), fabric(default_precision())

    def once() -> Tensor:
        return forward(device, backbone, images, RESOLUTION, normalize=True)

    def with_ten_epochs() -> None:
        solve(once().float(), labels, CLASSES, l2=0.1, steps=10)

    yield Pair(with_ten_epochs, once, "times one pass over the images, for ten epochs of linear tuning")


@contextmanager
def _distilled() -> Iterator[Pair]:
    """Steps of the student with the teacher's kept logits, and without a teacher."""
    precision, (images, labels) = default_precision(), _images(256)
    logits = torch.randn(4, len(images), CLASSES).half()
    taught, plain = (
        partial(
            _epoch,
            _step(_student("imagenet"), task, precision),
            Batches(images, labels, 64, 0, views(2), teacher_logits=kept),
        )
        for task, kept in ((Distillation(0.9, 4.0), logits), (Classification(), None))
    )
    with threads(1):  # as the book's runs train
        yield Pair(taught, plain, "times a step without a teacher, with its kept logits")


@contextmanager
def _on_the_fly() -> Iterator[Pair]:
    """Steps for which the teacher looks at each batch, and steps with its kept logits."""
    precision, (images, labels) = default_precision(), _images(128)
    torch.manual_seed(0)
    teacher, device = WholeNetwork(resnet50(num_classes=CLASSES), RESOLUTION), fabric(precision)
    logits = torch.randn(4, len(images), CLASSES).half()
    kept = Batches(images, labels, 64, 0, views(2), teacher_logits=logits)
    alone = Batches(images, labels, 64, 0, views(2))
    step = _step(_student("imagenet"), Distillation(0.9, 4.0), precision)

    def asking() -> None:
        for batch in alone.epoch(0):
            step((*batch, predict(device, teacher, batch[0])))

    unit = "times a step with kept logits, when the teacher runs beside it"
    yield Pair(asking, partial(_epoch, step, kept), unit)


class _Pictures(Dataset):
    """CIFAR-10 as the usual recipe has it: PIL images, augmented one by one."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = [transforms.functional.to_pil_image(image) for image in images]
        self.labels = labels.tolist()
        crop, mirror = transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()
        normalize = transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)
        self.transform = transforms.Compose([crop, mirror, transforms.ToTensor(), normalize])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


@contextmanager
def _usual() -> Iterator[Pair]:
    """Training a ResNet18 with the CIFAR stem: float32, PIL images and two workers, and the book's way."""
    (images, labels), size = _images(256), 32
    usual = DataLoader(_Pictures(images, labels), size, shuffle=True, num_workers=2, drop_last=True)
    ours = Batches(images, labels, size, 0, views(2))
    before = _step(student(SHAPE, CLASSES, "cifar").train(), Classification(), "32-true")
    after = _step(_student("cifar"), Classification(), default_precision())
    unit = "times faster, training a ResNet18 (CIFAR stem), than float32 with torchvision's transforms and 2 workers"
    yield Pair(partial(_epoch, before, usual), partial(_epoch, after, ours), unit)


@contextmanager
def _of_peak() -> Iterator[Pair]:
    """As many multiplications in matrix products as a training step of a ResNet18 (CIFAR stem) makes, and the step."""
    size, side, precision = 32, 2048, default_precision()
    images, labels = _images(size)
    batch = (images.contiguous(memory_format=torch.channels_last), labels)
    model = _student("cifar")
    step = partial(_step(model, Classification(), precision), batch)
    # Forward, and backward by the weights and by the inputs: three times the forward multiplications.
    products = round(3 * size * count.multiplications(model, SHAPE) / side**3)
    matrix = torch.randn(side, side).to(torch.bfloat16 if precision == "bf16-mixed" else torch.float32)

    def peak() -> None:
        for _ in range(products):
            matrix @ matrix

    unit = f"of this machine's matrix-product speed in {precision}, training a ResNet18 (CIFAR stem)"
    yield Pair(peak, step, unit)


BENCHES: dict[str, Bench] = {
    "probe_ten_epochs": _probe,
    "distill_step": _distilled,
    "teacher_on_the_fly_step": _on_the_fly,
    "resnet18_speedup": _usual,
    "resnet18_of_peak": _of_peak,
}
