"""Features of a frozen network, computed once and kept: after that, training the last layer is cheap."""

import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from hw3.files import cache_dir, report
from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone
from hw3.nets.weights import load_resnet50
from hw3.store import once
from hw3.train.device import precision_of
from hw3.train.linear import Linear

BLOCK = 500  # images whose features are kept in one entry


def prepare(images: Tensor, resolution: int, normalize: bool) -> Tensor:
    """uint8 (N, 3, H, W) as the network wants it: float from 0 to 1, scaled to ``resolution`` square, and standardized
    with ImageNet's mean and deviation if ``normalize``."""
    pixels = images.float() / 255
    if pixels.shape[-1] != resolution:
        pixels = F.interpolate(
            pixels, (resolution, resolution), mode="bilinear", antialias=resolution < images.shape[-1]
        )
    if normalize:
        mean, std = (torch.tensor(v, device=pixels.device).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        pixels = (pixels - mean) / std
    return pixels.contiguous(memory_format=torch.channels_last)


class WholeNetwork(nn.Module):
    """A pretrained network behind ``prepare``, to be trained as a whole: uint8 (N, 3, H, W) in, logits out.

    The means and variances of its batch-norm layers stay those of the pretraining. Statistics of small batches differ
    from them so much that the network would first have to recover.
    """

    def __init__(self, body: nn.Module, resolution: int) -> None:
        super().__init__()
        self.body, self.resolution = body, resolution

    def forward(self, images: Tensor) -> Tensor:
        return self.body(prepare(images, self.resolution, normalize=True))

    def train(self, mode: bool = True) -> "WholeNetwork":
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self


class Kept(Protocol):
    """Weights in a file, or what makes one when its path is asked for."""

    @property
    def path(self) -> Path: ...


class Head(Protocol):
    """A solved last layer, or what makes one when it is asked for."""

    def solution(self) -> Linear: ...


def whole_network(
    shape: tuple[int, int, int], classes: int, weights: Kept, resolution: int, head: Head
) -> WholeNetwork:
    """The pretrained ResNet50, every layer trainable; uint8 images in, logits out. Its last layer starts as ``head``,
    the solution of linear tuning."""
    body, layer = load_resnet50(weights.path), head.solution()
    body.fc = nn.Linear(body.fc.in_features, classes)
    with torch.no_grad():
        body.fc.weight.copy_(layer.weight)
        body.fc.bias.copy_(layer.bias)
    return WholeNetwork(body, resolution)


def extract(
    fabric: Fabric, backbone: FrozenBackbone, images: Tensor, weights: str, resolution: int, normalize: bool = True
) -> Tensor:
    """Features (N, D), float32, of uint8 ``images`` (N, 3, H, W), rounded to 16 bits, from the cache, where they are
    made if they are not there.

    They are kept in blocks of 500 images, each under the content of its own pixels, ``weights`` (their digest),
    resolution, normalization and precision: more images later cost only the new ones.
    """
    blocks = []
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]

        def make(folder: Path, block: Tensor = block, start: int = start) -> None:
            report(f"features at {resolution} px: {start} of {len(images)} images")
            np.save(folder / "features.npy", forward(fabric, backbone, block, resolution, normalize).numpy())

        what = {
            "images": hashlib.sha256(block.permute(0, 2, 3, 1).contiguous().numpy().data).hexdigest(),
            "weights": weights,
            "resolution": resolution,
            "normalize": normalize,
            "precision": precision_of(fabric),
        }
        blocks.append(np.load(once("features", what, make, root=cache_dir()) / "features.npy"))
    return torch.from_numpy(np.concatenate(blocks)).float()


@torch.inference_mode()
def forward(
    fabric: Fabric, backbone: FrozenBackbone, images: Tensor, resolution: int, normalize: bool, batch_size: int = 100
) -> Tensor:
    """Features (N, D), float16, on the CPU, of uint8 ``images`` (N, 3, H, W), computed now."""
    network = fabric.to_device(backbone).to(memory_format=torch.channels_last)
    parts = []
    for batch in images.split(batch_size):
        with fabric.autocast():
            parts.append(network(prepare(fabric.to_device(batch), resolution, normalize)).half().cpu())
    return torch.cat(parts)
