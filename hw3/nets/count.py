"""How many parameters a network has, how many multiplications one image costs, and where they sit."""

import math

import torch
from torch import nn

from hw3.nets.build import evaluating
from hw3.nets.sizing import image_shape

TRANSPOSED = nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d
KINDS = {"convolution": (nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED), "fully connected": (nn.Linear,)}


def parameters(module: nn.Module) -> int:
    """Trainable numbers, biases and batch-norm scales included; buffers and frozen ones are none."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def by_kind(module: nn.Module) -> dict[str, int]:
    """Trainable numbers by the kind of layer that owns them: convolution, fully connected, other."""
    counts = {"convolution": 0, "fully connected": 0, "other": 0}
    for layer in module.modules():
        kind = next((kind for kind, layers in KINDS.items() if isinstance(layer, layers)), "other")
        counts[kind] += sum(p.numel() for p in layer.parameters(recurse=False) if p.requires_grad)
    return counts


@torch.no_grad()
def multiplications(module: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Multiplications of all convolutions, transposed ones too, and linear layers for one image (C, H, W), those by
    zero padding included.

    Counted by hooks on one forward pass; the module's mode and buffers are left as they were.

    Raises:
        ValueError: ``input_shape`` is not three positive integers.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        # One product for each weight of the filter at each output; if transposed, at each input.
        places = inputs[0] if isinstance(layer, TRANSPOSED) else output
        total += math.prod(places.shape[1:]) * weight[0].numel()

    counted = tuple(layer for layers in KINDS.values() for layer in layers)
    layers = [layer for layer in module.modules() if isinstance(layer, counted)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with evaluating(module):
            module(torch.zeros(1, *image_shape(input_shape)))
    finally:
        for hook in hooks:
            hook.remove()
    return total
