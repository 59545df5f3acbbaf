"""Networks by name, sized for a budget."""

from typing import Any

from torch import nn

from hw3.nets.cnn import cnn
from hw3.nets.mlp import mlp
from hw3.nets.sizing import cnn_widths, mlp_widths


def _mlp(input_shape: tuple[int, int, int], classes: int, budget: int, **options: Any) -> nn.Module:
    channels, height, width = input_shape
    return mlp(input_shape, classes, mlp_widths(budget, channels * height * width, classes), **options)


def _cnn(input_shape: tuple[int, int, int], classes: int, budget: int, **options: Any) -> nn.Module:
    return cnn(input_shape[0], classes, cnn_widths(budget, input_shape[0], classes), **options)


MODELS = {"mlp": _mlp, "cnn": _cnn}


def build(name: str, input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """The network ``name`` for float images (C, H, W) and ``classes`` logits; ``options`` are its own.

    Raises:
        KeyError: there is no such network.
    """
    if name not in MODELS:
        raise KeyError(f"no network is called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name](input_shape, classes, **options)
