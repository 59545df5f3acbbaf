"""The form in which every data set is held: uint8 tensors in memory."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


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
    ``class_names``; ``files``: what each image is called; ``digest``: SHA-256 over the manifest it was read from;
    ``test_from``: the index at which an official test part starts, None where there is none.
    """

    name: str
    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    digest: str
    source: Source
    test_from: int | None = None

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
