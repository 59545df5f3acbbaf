"""The form in which every data set is held, uint8 tensors in memory, and how it is split."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from hw3.files import DataError
from hw3.theory.sizes import checked_seed


@dataclass(frozen=True)
class Source:
    """Where a data set came from. ``kind`` is folder, cache, kaggle, official, fashion-mnist or digits."""

    kind: str
    description: str
    stand_in: bool = False


@dataclass(frozen=True)
class ImageSet:
    """Labelled images.

    ``images``: uint8 (N, C, H, W), kept channels-last in memory; ``labels``: int64 (N,), indices into
    ``class_names``; ``files``: what each image is called; ``test_from``: the index at which an official test part
    starts, None where there is none.
    """

    name: str
    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    source: Source
    test_from: int | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over pixels, labels and class names: over what is learned from, not the files that it came in."""
        shape = json.dumps([self.shape, len(self), self.class_names])
        checksum = hashlib.sha256(shape.encode())
        for tensor in (self.images.permute(0, 2, 3, 1), self.labels):
            checksum.update(tensor.contiguous().numpy().data)
        return checksum.hexdigest()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        return f"{self.name}: {len(self)} images, {' x '.join(map(str, self.shape))}, from {self.source.description}"


def channels_last(array: np.ndarray) -> Tensor:
    """(N, H, W, C) uint8 as a (N, C, H, W) tensor over the same memory."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def content_ids(images: Tensor) -> np.ndarray:
    """For each image the index of the first image with exactly the same pixels; duplicates share one."""
    first: dict[bytes, int] = {}
    rows = images.permute(0, 2, 3, 1).contiguous().numpy()
    ids = [first.setdefault(hashlib.blake2b(row.tobytes()).digest(), index) for index, row in enumerate(rows)]
    return np.array(ids)


@dataclass(frozen=True)
class Split:
    """Indices (int64, ascending) of the three parts.

    Raises:
        ValueError: an image is in two of them.
    """

    train: Tensor
    validation: Tensor
    test: Tensor

    def __post_init__(self) -> None:
        each = torch.cat([part.unique() for part in (self.train, self.validation, self.test)])
        images, parts = each.unique(return_counts=True)
        if (parts > 1).any():
            raise ValueError(f"image {images[parts > 1][0].item()} is in two parts; each trains, chooses or tests")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over which image trains, chooses and tests."""
        parts = [part.tolist() for part in (self.train, self.validation, self.test)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def split(
    data: ImageSet, test: float = 0.3, validation: float = 0.1, seed: int = 0, groups: np.ndarray | None = None
) -> Split:
    """Divide ``data``; ``test`` and ``validation`` are shares of the whole, the rest trains.

    Each class keeps its share in every part. What belongs together goes to the same part, by default images with the
    same pixels: a copy of a training image in the test part would be an answer seen before. ``groups`` (N,) says
    otherwise which images do, by an equal number.

    Raises:
        ValueError: shares that leave a part empty, or labels or groups that are not one for each image.
        DataError: a class has too few different images to be in every part; the message names it.
    """
    if not (test > 0 and validation > 0 and test + validation < 1):
        raise ValueError(f"test={test}, validation={validation}: both must be positive and leave some to train on")
    if not len(data.images):
        raise DataError(f"{data.name} has no images to divide")
    together = content_ids(data.images) if groups is None else groups
    for name, values in (("labels", data.labels), ("groups", together)):
        if len(values) != len(data.images):
            raise ValueError(f"there are {len(data.images)} images and {len(values)} {name}; each image needs one")
    _, first, group, copies = np.unique(together, return_index=True, return_inverse=True, return_counts=True)
    labels = data.labels.numpy()
    classes = np.unique(labels)
    sizes = np.array([copies[labels[first] == label].sum() for label in classes])
    part = np.zeros(len(first), np.int64)  # of each group: 0 trains, 1 validates, 2 tests
    generator = torch.Generator().manual_seed(checked_seed(seed))
    for label, *places in zip(classes, _shares(sizes, validation), _shares(sizes, test), strict=True):
        members = np.flatnonzero(labels[first] == label)
        members = members[torch.randperm(len(members), generator=generator).numpy()]
        for number, room in ((2, places[1]), (1, places[0])):
            for member in members:
                if part[member] == 0 and copies[member] <= room:
                    part[member] = number
                    room -= copies[member]
        if len(set(part[members])) < 3:
            enough = math.ceil(1 / min(test, validation, 1 - test - validation) - 1e-9)
            raise DataError(
                f"{data.name}: the class {data.class_names[label]} has too few different images ({len(members)}) to "
                f"be in each part with test={test} and validation={validation}; {enough} would do"
            )
    train, validated, tested = (torch.from_numpy(np.flatnonzero(part[group] == number)) for number in range(3))
    return Split(train, validated, tested)


def _shares(sizes: np.ndarray, share: float) -> np.ndarray:
    """``share`` of each size in whole numbers that add up to that share of all: largest remainders are rounded up."""
    exact = share * sizes
    whole = np.floor(exact).astype(np.int64)
    missing = round(share * sizes.sum()) - whole.sum()
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return whole
