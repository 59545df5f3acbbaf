"""Networks by name; the MLP and the CNN are sized for a budget of parameters."""

from collections.abc import Callable
from typing import Any

from torch import nn

from hw3.nets.cnn import cnn
from hw3.nets.mlp import mlp
from hw3.nets.resnet import student
from hw3.nets.sizing import cnn_widths, mlp_widths


def _mlp(input_shape: tuple[int, int, int], classes: int, budget: int, **options: Any) -> nn.Module:
    channels, height, width = input_shape
    return mlp(input_shape, classes, mlp_widths(budget, channels * height * width, classes), **options)


def _cnn(input_shape: tuple[int, int, int], classes: int, budget: int, **options: Any) -> nn.Module:
    return cnn(input_shape[0], classes, cnn_widths(budget, input_shape[0], classes), **options)


def _resnet18(input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    return student(classes, **options)


MODELS: dict[str, Callable[..., nn.Module]] = {"mlp": _mlp, "cnn": _cnn, "resnet18": _resnet18}


def build(name: str, input_shape: tuple[int, int, int], classes: int, **options: Any) -> nn.Module:
    """The network ``name`` for float images (C, H, W) and ``classes`` logits; ``options`` are its own.

    Raises:
        KeyError: there is no such network.
    """
    if name not in MODELS:
        raise KeyError(f"no network is called {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name](input_shape, classes, **options)
