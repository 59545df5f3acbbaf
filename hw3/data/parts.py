"""Train, validation and test parts: seeded, stratified by class, exact duplicates on one side."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from hw3.data.images import ImageSet, content_ids


@dataclass(frozen=True)
class Split:
    """Indices (int64, ascending) of the three parts."""

    train: Tensor
    validation: Tensor
    test: Tensor


def split(data: ImageSet, test: float = 0.3, validation: float = 0.1, seed: int = 0) -> Split:
    """Divide ``data``; ``test`` and ``validation`` are shares of the whole, the rest trains.

    Each class keeps its share in every part. Images with the same pixels go to the same part: a copy of a training
    image in the test part would be an answer seen before.

    Raises:
        ValueError: shares that leave a part empty.
    """
    if not (0 < test < 1 and 0 < validation < 1 and test + validation < 1):
        raise ValueError(f"test={test}, validation={validation}: both must be positive and leave some to train on")
    ids = content_ids(data.images)
    unique = np.unique(ids)
    classes = data.labels.numpy()[unique]
    rest, tested = train_test_split(unique, test_size=test, stratify=classes, random_state=seed)
    trained, validated = train_test_split(
        rest, test_size=validation / (1 - test), stratify=data.labels.numpy()[rest], random_state=seed
    )
    trained, validated, tested = (np.flatnonzero(np.isin(ids, part)) for part in (trained, validated, tested))
    return Split(torch.from_numpy(trained), torch.from_numpy(validated), torch.from_numpy(tested))
