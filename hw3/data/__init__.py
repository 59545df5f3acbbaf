"""Images as uint8 tensors in memory, where they come from, and how they are split.

``load`` and the names beside it import torch on first use; ``import hw3.data`` alone does not.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hw3.data.batches import EpochSampler, loader
    from hw3.data.files import DataError
    from hw3.data.images import ImageSet
    from hw3.data.parts import Split, split
    from hw3.data.sources import load

_HOMES = {
    "DataError": "files",
    "EpochSampler": "batches",
    "ImageSet": "images",
    "Split": "parts",
    "load": "sources",
    "loader": "batches",
    "split": "parts",
}
__all__ = ["DataError", "EpochSampler", "ImageSet", "Split", "load", "loader", "split"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hw3.data' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"hw3.data.{_HOMES[name]}"), name)
