"""From a network and its training images to a model: uint8 images in, logits out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hw3.theory.sizes import checked_seed


class Normalize(nn.Module):
    """(pixel - mean) / std for each channel; uint8 (N, C, H, W) in, float32 of the same shape and layout out.

    ``mean`` and ``std`` are in pixel units, 0 to 255. They are buffers: stored with the weights, never trained.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", -(mean / std).view(1, -1, 1, 1).float())
        self.register_buffer("scale", (1 / std).view(1, -1, 1, 1).float())

    def forward(self, images: Tensor) -> Tensor:
        return torch.addcmul(self.shift, images.to(self.scale.dtype), self.scale)


def pixel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of uint8 images (N, C, H, W), in pixel units, exactly summed.

    Raises:
        ValueError: other images, or none.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or images.numel() == 0:
        raise ValueError(
            f"the images are {images.dtype} of {tuple(images.shape)}; give one or more, uint8 (N, C, H, W)"
        )
    histograms = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)])
    values = torch.arange(256, dtype=torch.float64)
    weights = histograms / histograms.sum(1, keepdim=True).double()
    mean = weights @ values
    variance = weights @ values.square() - mean.square()
    return mean.float(), variance.clamp_min(1).sqrt().float()  # a constant channel is not divided by zero


def build(
    network: Callable[[tuple[int, int, int], int], nn.Module], images: Tensor, classes: int, seed: int
) -> nn.Sequential:
    """``network(shape, classes)`` with weights drawn from ``seed``, behind the standardization of its training
    ``images``, uint8 (N, C, H, W). Options of a network are set by ``functools.partial``."""
    mean, std = pixel_statistics(images)
    channels, height, width = images.shape[1:]
    torch.manual_seed(checked_seed(seed))
    return nn.Sequential(Normalize(mean, std), network((channels, height, width), classes))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[nn.Module]:
    """``module`` in evaluation mode; afterwards each of its parts is in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        yield module.eval()
    finally:
        for part, training in modes:
            part.training = training
