"""Networks by name, sized for a budget."""

from typing import Any

from torch import nn

from hw3.nets.mlp import mlp
from hw3.nets.sizing import mlp_widths


def _mlp(input_shape: tuple[int, int, int], classes: int, budget: int, **options: Any) -> nn.Module:
    channels, height, width = input_shape
    return mlp(input_shape, classes, mlp_widths(budget, channels * height * width, classes), **options)


MODELS = {"mlp": _mlp}


def build(name: str, input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """The network ``name`` for float images (C, H, W) and ``classes`` logits; ``options`` are its own.

    Raises:
        KeyError: there is no such network.
    """
    if name not in MODELS:
        raise KeyError(f"no network is called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name](input_shape, classes, **options)
