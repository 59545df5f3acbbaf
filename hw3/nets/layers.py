"""The torch module behind a description in the assignment's notation (see ``hw3.theory.layers``)."""

from collections.abc import Iterable

from torch import nn

from hw3.theory.layers import Layer, as_layers, trace
from hw3.theory.sizes import whole


def from_layers(layers: Iterable[Layer], input_shape: tuple[int, int, int]) -> nn.Sequential:
    """Build the network for inputs of ``input_shape`` = (H, W, D); the module takes (N, D, H, W).

    Raises:
        hw3.theory.LayerError: a layer that does not fit.
        ValueError: a size that is no positive integer.
    """
    layers = as_layers(layers)
    inputs = tuple(whole("a size of input_shape", size) for size in input_shape)
    rows = trace(layers, inputs)
    shapes = [inputs, *(row.output_shape for row in rows)]
    modules: list[nn.Module] = []
    for layer, shape in zip(layers, shapes, strict=False):
        match layer.kind:
            case "conv":
                modules.append(nn.Conv2d(shape[2], layer.filters, layer.size, layer.stride, layer.padding))
            case "relu":
                modules.append(nn.ReLU())
            case "pool":
                modules.append(nn.MaxPool2d(layer.size, layer.stride, layer.padding))
            case "flatten":
                modules.append(nn.Flatten())
            case "fc":
                modules.append(nn.Linear(shape[0], layer.size))
    return nn.Sequential(*modules)
