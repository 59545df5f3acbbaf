"""How much work the book does: ``smoke`` to see that everything runs, ``brief`` on slow processors, ``book`` by
default, ``recorded`` once in some hours, ``full``, on all images, in some days or with a GPU."""

import os
from dataclasses import dataclass, replace

from hw3.train.device import default_precision


@dataclass(frozen=True)
class Distillation:
    """The distillation study's size.

    ``images`` train (with their labels, or with the teacher's logits), ``validation`` choose, ``tests`` test;
    ``few`` are the numbers of labels of the study with few of them. Teachers see ``shifts`` shifts of each image, and
    its mirror image, at ``resolution`` pixels. Students train for ``epochs``; the fully tuned teacher for
    ``teacher_epochs``, at the peak rate ``teacher_rate``, its gradients no longer than ``teacher_clip``. The search
    trains for ``search_epochs`` in each setting of its grid, ``alphas`` times ``temperatures``, with each of
    ``search_seeds``. ``stem`` is how the student begins, ``other_stem`` what that is compared with (see
    ``hw3.nets.resnet.student``). What is recorded at this size is kept under the name ``record``.
    """

    images: int
    validation: int
    tests: int
    few: tuple[int, ...]
    shifts: int
    resolution: int
    epochs: int
    teacher_epochs: int
    search_epochs: int
    search_seeds: tuple[int, ...]
    alphas: tuple[float, ...] = (0.0, 0.5, 0.9)
    temperatures: tuple[float, ...] = (2.0, 4.0, 8.0)
    batch_size: int = 64
    learning_rate: float = 0.02
    teacher_rate: float = 0.003
    teacher_clip: float | None = 1.0
    stem: str = "imagenet"
    other_stem: str = "small"
    record: str = "distillation"


@dataclass(frozen=True)
class Profile:
    """``source`` restricts where images come from (None: the best that is at hand); ``epochs`` of the shoes' networks.

    Of linear tuning: ``probe_images`` to train and to test, ``sweep_images`` the same for the sweep over
    ``resolutions``, ``resolution`` of the answer, and how many images a network is pretrained on where no weights can
    be had. ``precision``: see ``hw3.train.device.default_precision``.
    """

    name: str
    source: str | None
    seeds: tuple[int, ...]
    epochs: int
    probe_images: tuple[int, int]
    sweep_images: tuple[int, int]
    resolutions: tuple[int, ...]
    resolution: int
    pretrain_images: int
    distillation: Distillation
    precision: str = "32-true"


PROFILES = {
    "smoke": Profile(
        name="smoke",
        source="digits",
        seeds=(0, 1, 2),
        epochs=2,
        probe_images=(400, 200),
        sweep_images=(200, 200),
        resolutions=(32, 64),
        resolution=64,
        pretrain_images=400,
        distillation=Distillation(
            images=256,
            validation=100,
            tests=200,
            few=(64, 128),
            shifts=2,
            resolution=32,
            epochs=1,
            teacher_epochs=1,
            search_epochs=1,
            search_seeds=(0, 1),
            alphas=(0.0, 0.9),
            temperatures=(4.0,),
        ),
    ),
    "brief": Profile(  # the book's live part, made smaller for processors without bf16 instructions
        name="brief",
        source=None,
        seeds=(0, 1, 2),
        epochs=2,
        probe_images=(2_000, 1_000),
        sweep_images=(500, 300),
        resolutions=(32, 64),
        resolution=64,
        pretrain_images=1_000,
        distillation=Distillation(
            images=800,
            validation=400,
            tests=1_000,
            few=(100, 300),
            shifts=2,
            resolution=32,
            epochs=2,
            teacher_epochs=1,
            search_epochs=1,
            search_seeds=(0, 1),
            temperatures=(2.0, 4.0),
        ),
    ),
    "book": Profile(
        name="book",
        source=None,
        seeds=(0, 1, 2),
        epochs=6,
        probe_images=(10_000, 2_000),
        sweep_images=(1_000, 500),
        resolutions=(32, 64, 96, 128),
        resolution=96,
        pretrain_images=3_000,
        distillation=Distillation(
            images=1_500,
            validation=500,
            tests=2_000,
            few=(150, 500),
            shifts=2,
            resolution=64,
            epochs=3,
            teacher_epochs=1,
            search_epochs=2,
            search_seeds=(0, 1, 2),
            temperatures=(2.0, 4.0),
        ),
    ),
    "recorded": Profile(  # what two cores without bf16 instructions record in some hours: see hw3.studies.record
        name="recorded",
        source=None,
        seeds=(0, 1, 2, 3, 4),
        epochs=6,
        probe_images=(12_500, 10_000),
        sweep_images=(1_000, 500),
        resolutions=(32, 64, 96, 128),
        resolution=96,
        pretrain_images=3_000,
        distillation=Distillation(
            images=10_000,
            validation=2_500,
            tests=10_000,
            few=(500, 2_000),
            shifts=2,
            resolution=96,
            epochs=8,
            teacher_epochs=2,
            search_epochs=4,
            search_seeds=(0, 1, 2),
            batch_size=128,
            learning_rate=0.1,
        ),
    ),
    "full": Profile(
        name="full",
        source=None,
        seeds=(0, 1, 2, 3, 4),
        epochs=20,
        probe_images=(50_000, 10_000),
        sweep_images=(50_000, 10_000),
        resolutions=(32, 64, 96, 128, 224),
        resolution=96,
        pretrain_images=25_000,
        distillation=Distillation(
            images=45_000,
            validation=5_000,
            tests=10_000,
            few=(500, 5_000),
            shifts=4,
            resolution=96,
            epochs=12,
            teacher_epochs=2,
            teacher_rate=0.01,
            teacher_clip=None,
            search_epochs=4,
            search_seeds=(0, 1, 2),
            alphas=(0.0, 0.5, 0.9, 1.0),
            temperatures=(1.0, 2.0, 4.0),
            batch_size=128,
            learning_rate=0.1,
            stem="small",
            other_stem="imagenet",
            record="distillation-full",
        ),
    ),
}


def profile(name: str | None = None) -> Profile:
    """The profile ``name``, or the one that ``HW3_PROFILE`` names, or ``book``, in this machine's precision.

    Raises:
        ValueError: there is no such profile.
    """
    wanted = name or os.environ.get("HW3_PROFILE") or "book"
    if wanted not in PROFILES:
        raise ValueError(f"the profile is {wanted!r}; it must be one of {', '.join(PROFILES)}")
    return replace(PROFILES[wanted], precision=default_precision())
