"""Networks as plain torch modules, their counts, and their sizes for a given budget.

A network is a function of a shape (C, H, W) and a number of classes. The names are handed on when they are asked for:
``import hw3.nets`` alone does not load torch. What is called as its module is (``build``, ``cnn``, ``mlp``) is imported
from there: ``from hw3.nets.cnn import cnn``.
"""

from typing import Any

__all__ = [
    "DropBlock",
    "FrozenBackbone",
    "Normalize",
    "from_layers",
    "imagenet_weights",
    "multiplications",
    "parameters",
    "sized_cnn",
    "sized_mlp",
    "student",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"hw3.nets has no {name!r}; it has {', '.join(__all__)}")
    from hw3.nets import build, cnn, count, dropblock, layers, mlp, resnet, weights

    rooms = (build, cnn, count, dropblock, layers, mlp, resnet, weights)
    return next(getattr(room, name) for room in rooms if hasattr(room, name))
