"""Features of a frozen network, computed once and kept on disk: after that, training the last layer is cheap."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hw3.data.files import produce
from hw3.learn.precision import Precision
from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone
from hw3.paths import cache_dir


def prepare(images: Tensor, resolution: int, normalize: bool) -> Tensor:
    """uint8 (N, 3, H, W) as the network wants it: float from 0 to 1, scaled to ``resolution`` square, and standardized
    with ImageNet's mean and deviation if ``normalize``."""
    pixels = images.float() / 255
    if pixels.shape[-1] != resolution:
        pixels = F.interpolate(
            pixels, (resolution, resolution), mode="bilinear", antialias=resolution < images.shape[-1]
        )
    if normalize:
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        pixels = (pixels - mean) / std
    return pixels.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def extract(
    backbone: FrozenBackbone,
    images: Tensor,
    key: str,
    resolution: int,
    normalize: bool = True,
    precision: Precision = Precision(bf16=True, channels_last=True),  # noqa: B008 - frozen
    progress: Callable[[str], None] | None = None,
    batch_size: int = 100,
) -> np.ndarray:
    """Features (N, D), float16, memory-mapped from the cache, where they are made if they are not there.

    ``key`` names the images and the weights (their digests); resolution, normalization, precision, the torch version
    and this file's code are added to it. ``progress`` is told how far the work is.
    """
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    everything = f"{key} {len(images)} {resolution} {normalize} {precision} {torch.__version__} {code}"
    target = cache_dir() / "features" / f"{hashlib.sha256(everything.encode()).hexdigest()[:24]}.npy"

    def make(path: Path) -> None:
        precision.place(backbone)
        with path.open("wb") as file:
            for start in range(0, len(images), batch_size):
                with precision.autocast():
                    found = backbone(prepare(images[start : start + batch_size], resolution, normalize))
                if start == 0:
                    shape = (len(images), found.shape[1])
                    np.lib.format.write_array_header_2_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})
                file.write(found.half().numpy().tobytes())
                if progress and start % 2000 == 0:
                    progress(f"features at {resolution} px: {start} of {len(images)} images")

    return np.load(produce(target, make), mmap_mode="r")
