"""Features of a frozen network, computed once and kept on disk: after that, training the last layer is cheap."""

import hashlib
import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from hw3.data.files import produce
from hw3.learn.precision import Precision, fastest
from hw3.learn.settings import threads
from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone
from hw3.paths import cache_dir

BLOCK = 500  # images whose features are kept in one file


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


class Prepared(nn.Module):
    """A network behind ``prepare``: uint8 (N, 3, H, W) in, whatever ``body`` makes of them out."""

    def __init__(self, body: nn.Module, resolution: int) -> None:
        super().__init__()
        self.body, self.resolution = body, resolution

    def forward(self, images: Tensor) -> Tensor:
        return self.body(prepare(images, self.resolution, normalize=True))


class WholeNetwork(Prepared):
    """The same to be trained as a whole, but for the means and variances of its batch-norm layers: they stay those of
    the pretraining. Statistics of small batches differ from them so much that the network would first have to
    recover."""

    def train(self, mode: bool = True) -> "WholeNetwork":
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self


def _predict(model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    return {"loss": model(batch[0])}


def extract(
    backbone: FrozenBackbone,
    images: Tensor,
    key: str,
    resolution: int,
    normalize: bool = True,
    precision: Precision | None = None,
    progress: Callable[[str], None] | None = None,
    batch_size: int = 100,
) -> np.ndarray:
    """Features (N, D), float16, of uint8 ``images`` (N, 3, H, W), from the cache, where they are made if not there.

    They are kept in blocks of 500 images, each under the digest of its own pixels, ``key`` (which names the weights),
    resolution, normalization, the torch version and the code: more images later cost only the new ones. Blocks
    are memory-mapped. ``precision`` is by default what is fastest on this machine; ``progress`` is told how far the
    work is.
    """
    if precision is None:
        probe = (prepare(images[:20], resolution, normalize),)
        with threads(1):  # whoever asks, with however many threads, gets the same features
            precision = fastest(lambda: backbone, _predict, probe, type(backbone).__name__, train=False)
    code = inspect.getsource(prepare) + inspect.getsource(forward) + inspect.getsource(type(backbone))
    settings = f"{key} {resolution} {normalize} {precision} {torch.__version__} {torchvision.__version__} {code}"
    blocks = []
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        name = hashlib.sha256(settings.encode() + block.permute(0, 2, 3, 1).contiguous().numpy().tobytes()).hexdigest()
        target = cache_dir() / "features" / f"{name[:32]}.npy"
        if progress and not target.exists():
            progress(f"features at {resolution} px: {start} of {len(images)} images")
        make = partial(_write, partial(forward, backbone, block, resolution, normalize, precision, batch_size))
        blocks.append(np.load(produce(target, make), mmap_mode="r"))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


@torch.inference_mode()
def forward(
    backbone: FrozenBackbone,
    images: Tensor,
    resolution: int,
    normalize: bool,
    precision: Precision,
    batch_size: int = 100,
) -> Tensor:
    """Features (N, D), float16, of uint8 ``images`` (N, 3, H, W), computed now."""
    precision.place(backbone)
    parts = []
    for batch in images.split(batch_size):
        with precision.autocast():
            parts.append(backbone(prepare(batch, resolution, normalize)).half())
    return torch.cat(parts)


def _write(found: Callable[[], Tensor], path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, found().numpy())
