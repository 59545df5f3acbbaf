"""Networks as plain torch modules, their counts, and their sizes for a given budget.

A network is a function of a shape (C, H, W) and a number of classes. The names here load torch on first use. What is
called as its module is (``build``, ``cnn``, ``mlp``) is imported from there: ``from hw3.nets.cnn import cnn``.
"""

from typing import Any

_ROOM = {
    "build": "Normalize evaluating pixel_statistics",
    "cnn": "sized_cnn",
    "count": "by_kind multiplications parameters",
    "dropblock": "DropBlock",
    "layers": "from_layers",
    "mlp": "sized_mlp",
    "resnet": "FrozenBackbone student",
    "sizing": "cnn_widths mlp_widths",
    "weights": "Weights imagenet_weights load_resnet50",
}
_HOMES = {name: home for home, names in _ROOM.items() for name in names.split()}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hw3.nets' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"hw3.nets.{_HOMES[name]}"), name)
