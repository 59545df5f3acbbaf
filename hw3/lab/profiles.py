"""How much work the book does: ``smoke`` to see that everything runs, ``book`` by default, ``full`` with patience."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Distilling:
    """The distillation study's size.

    ``images`` train (with their labels, or with the teacher's answers), ``validation`` choose, ``tests`` test;
    ``few`` are the numbers of labels of the study with few of them. Teachers see ``shifts`` shifts of each image, and
    its mirror image, at ``resolution`` pixels. Students train for ``epochs``; the fully tuned teacher for
    ``teacher_epochs``. The search makes ``trials`` runs of ``search_epochs``. ``stem`` is how the student begins,
    ``other_stem`` what that is compared with (see ``hw3.nets.resnet.student``).
    """

    images: int
    validation: int
    tests: int
    few: tuple[int, ...]
    shifts: int
    resolution: int
    epochs: int
    teacher_epochs: int
    trials: int
    search_epochs: int
    stem: str = "imagenet"
    other_stem: str = "small"


@dataclass(frozen=True)
class Profile:
    """``source`` restricts where images come from (None: the best that is at hand); ``epochs`` of the shoes' networks.

    Of linear tuning: ``probe_images`` to train and to test, ``sweep_images`` the same for the sweep over
    ``resolutions``, and how many images a network is pretrained on where no weights can be had.
    """

    name: str
    source: str | None
    seeds: tuple[int, ...]
    epochs: int
    probe_images: tuple[int, int]
    sweep_images: tuple[int, int]
    resolutions: tuple[int, ...]
    pretrain_images: int
    distilling: Distilling


PROFILES = {
    "smoke": Profile(
        name="smoke",
        source="digits",
        seeds=(0, 1, 2),
        epochs=2,
        probe_images=(400, 200),
        sweep_images=(200, 200),
        resolutions=(32, 64),
        pretrain_images=400,
        distilling=Distilling(256, 100, 200, (64, 128), 2, 32, 1, 1, 2, 2),
    ),
    "book": Profile(
        name="book",
        source=None,
        seeds=(0, 1, 2),
        epochs=6,
        probe_images=(10_000, 2_000),
        sweep_images=(1_000, 500),
        resolutions=(32, 64, 96, 128),
        pretrain_images=3_000,
        distilling=Distilling(1_500, 500, 2_000, (150, 500), 2, 64, 3, 1, 8, 2),
    ),
    "full": Profile(
        name="full",
        source=None,
        seeds=(0, 1, 2, 3, 4),
        epochs=20,
        probe_images=(50_000, 10_000),
        sweep_images=(50_000, 10_000),
        resolutions=(32, 64, 96, 128, 224),
        pretrain_images=25_000,
        distilling=Distilling(45_000, 5_000, 10_000, (500, 5_000), 25, 224, 200, 10, 60, 20, "cifar", "imagenet"),
    ),
}


def profile(name: str | None = None) -> Profile:
    """The profile ``name``, or the one that ``HW3_PROFILE`` names, or ``book``.

    Raises:
        ValueError: there is no such profile.
    """
    chosen = name or os.environ.get("HW3_PROFILE") or "book"
    if chosen not in PROFILES:
        raise ValueError(f"the profile is {chosen!r}; it must be one of {', '.join(PROFILES)}")
    return PROFILES[chosen]
