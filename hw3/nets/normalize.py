"""The first layer of every network here: uint8 pixels become standardized floats."""

import torch
from torch import Tensor, nn


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
    """Mean and standard deviation of each channel of uint8 images (N, C, H, W), in pixel units, exactly summed."""
    histograms = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)])
    values = torch.arange(256, dtype=torch.float64)
    weights = histograms / histograms.sum(1, keepdim=True).double()
    mean = weights @ values
    variance = weights @ values.square() - mean.square()
    return mean.float(), variance.clamp_min(1).sqrt().float()  # a constant channel is not divided by zero
