"""Images as uint8 tensors in memory, where they come from, and how they are split.

``load`` and the names beside it import torch on first use; ``import hw3.data`` alone does not.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOMES = {
    "Batches": "hw3.data.batches",
    "DataError": "hw3.files",
    "ImageSet": "hw3.data.images",
    "Source": "hw3.data.images",
    "Split": "hw3.data.images",
    "load": "hw3.data.load",
    "load_folder": "hw3.data.load",
    "show": "hw3.data.views",
    "split": "hw3.data.images",
    "views": "hw3.data.views",
}
__all__ = sorted(_HOMES)


class _Room(ModuleType):
    """``hw3.data.load`` and ``hw3.data.views`` are the functions, also once the modules of these names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hw3.data' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
