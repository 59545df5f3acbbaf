"""The figures of ``hw3 bench`` about the distillation study."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet50

from hw3.data.views import view_loader, views
from hw3.lab.bench import Pair, seconds
from hw3.learn.distillation import Distillation
from hw3.learn.features import Prepared, forward
from hw3.learn.precision import Precision, fastest
from hw3.learn.probe import solve
from hw3.learn.settings import Training, optimizer_and_schedule
from hw3.learn.tasks import Task, classification
from hw3.nets import count
from hw3.nets.normalize import Normalize
from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone, student

CLASSES, RESOLUTION = 10, 64
Step = Callable[[tuple[Tensor, ...]], None]


def _images(number: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (number, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, CLASSES, (number,), generator=generator)


def _student(stem: str) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(Normalize(torch.full((3,), 127.0), torch.full((3,), 60.0)), student(CLASSES, stem)).train()


def _quickest(stem: str, batch_size: int) -> Precision:
    return fastest(partial(_student, stem), classification, _images(batch_size), f"bench {stem}")


def _step(model: nn.Module, task: Task, precision: Precision) -> Step:
    precision.place(model)
    optimizer, _ = optimizer_and_schedule(model, Training(epochs=1), 10**6)

    def step(batch: tuple[Tensor, ...]) -> None:
        with precision.autocast():
            loss = task(model, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _epoch(step: Step, batches: DataLoader) -> None:
    for batch in batches:
        step(batch)


@contextmanager
def _probe() -> Iterator[Pair]:
    """The backbone over 200 images once, with ten epochs of the last layer on its features behind it, and alone."""
    torch.manual_seed(0)
    backbone, (images, labels) = FrozenBackbone(resnet50()), _images(200)

    def once() -> Tensor:
        return forward(backbone, images, RESOLUTION, True, Precision())

    def with_ten_epochs() -> None:
        solve(once().float(), labels, CLASSES, l2=0.1, steps=10)

    yield Pair(with_ten_epochs, once, "times one pass over the images, for ten epochs of linear tuning", repeats=5)


@contextmanager
def _distilled() -> Iterator[Pair]:
    """Steps of the student with the teacher's kept answers, and without a teacher."""
    precision, (images, labels) = _quickest("imagenet", 64), _images(512)
    answers = torch.randn(4, len(images), CLASSES).half()
    taught, plain = (
        partial(
            _epoch,
            _step(_student("imagenet"), task, precision),
            view_loader(images, labels, views(2), 64, seed=0, answers=given),
        )
        for task, given in ((Distillation(0.9, 4.0), answers), (classification, None))
    )
    yield Pair(taught, plain, "times a step without a teacher, with its kept answers", repeats=15)


@contextmanager
def _on_the_fly() -> Iterator[Pair]:
    """Steps for which the teacher looks at each batch, and steps with its kept answers."""
    precision, (images, labels) = _quickest("imagenet", 64), _images(128)
    torch.manual_seed(0)
    teacher = precision.place(Prepared(resnet50(num_classes=CLASSES), RESOLUTION)).eval()
    answers = torch.randn(4, len(images), CLASSES).half()
    kept = view_loader(images, labels, views(2), 64, seed=0, answers=answers)
    alone = view_loader(images, labels, views(2), 64, seed=0)
    step = _step(_student("imagenet"), Distillation(0.9, 4.0), precision)

    def asking() -> None:
        for batch in alone:
            with torch.inference_mode(), precision.autocast():
                said = teacher(batch[0]).float()
            step((*batch, said.clone()))

    yield Pair(
        asking, partial(_epoch, step, kept), "times a step with kept answers, when the teacher runs beside it", 5
    )


class _Pictures(Dataset):
    """CIFAR-10 as the usual recipe has it: PIL images, augmented one by one."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = [transforms.functional.to_pil_image(image) for image in images]
        self.labels = labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


@contextmanager
def _usual() -> Iterator[Pair]:
    """Training a ResNet18 with the CIFAR stem: float32, PIL images and two workers, and the book's way."""
    (images, labels), size = _images(512), 32  # enough that the start of the workers matters little
    usual = DataLoader(_Pictures(images, labels), size, shuffle=True, num_workers=2, drop_last=True)
    ours = view_loader(images, labels, views(2), size, seed=0)
    before = _step(student(CLASSES, "cifar").train(), classification, Precision())
    after = _step(_student("cifar"), classification, _quickest("cifar", size))
    told = "times faster, training a ResNet18 (CIFAR stem), than float32 with torchvision's transforms and 2 workers"
    yield Pair(partial(_epoch, before, usual), partial(_epoch, after, ours), told, repeats=3)


@contextmanager
def _of_peak() -> Iterator[Pair]:
    """As many multiplications in matrix products as a training step of a ResNet18 (CIFAR stem) makes, and the step."""
    size, side = 32, 2048
    batch, precision = _images(size), _quickest("cifar", size)
    batch = (batch[0].contiguous(memory_format=torch.channels_last), batch[1])
    model = _student("cifar")
    step = partial(_step(model, classification, precision), batch)
    # Forward, and backward by the weights and by the inputs: three times the forward multiplications.
    products = round(3 * size * count.multiplications(model, (3, 32, 32)) / side**3)
    matrices = [torch.randn(side, side).to(dtype) for dtype in (torch.float32, torch.bfloat16)]
    quick = min(matrices, key=lambda m: min(seconds(lambda: m @ m) for _ in range(3)))

    def peak() -> None:
        for _ in range(products):
            quick @ quick

    kind = "bf16" if quick.dtype == torch.bfloat16 else "fp32"
    yield Pair(
        peak, step, f"of this machine's {kind} matrix-product speed, training a ResNet18 (CIFAR stem)", repeats=5
    )


DISTILLATION: dict[str, Callable[[], AbstractContextManager[Pair]]] = {
    "probe_ten_epochs": _probe,
    "distill_step": _distilled,
    "teacher_on_the_fly_step": _on_the_fly,
    "resnet18_speedup": _usual,
    "resnet18_of_peak": _of_peak,
}
