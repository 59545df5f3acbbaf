"""Images as uint8 tensors in memory, where they come from, and how they are split.

The names are handed on when they are asked for: ``import hw3.data`` alone does not load torch.
"""

import sys
from types import ModuleType
from typing import Any

__all__ = ["Batches", "DataError", "ImageSet", "Source", "Split", "load", "load_folder", "show", "split", "views"]


class _Room(ModuleType):
    """``hw3.data.load`` and ``hw3.data.views`` are the functions, also once the modules of these names are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"hw3.data has no {name!r}; it has {', '.join(__all__)}")
    from hw3.data.batches import Batches
    from hw3.data.images import ImageSet, Source, Split, split
    from hw3.data.load import load, load_folder
    from hw3.data.views import show, views
    from hw3.files import DataError

    handed = (Batches, DataError, ImageSet, Source, Split, load, load_folder, show, split, views)
    return dict(zip(__all__, handed, strict=True))[name]
