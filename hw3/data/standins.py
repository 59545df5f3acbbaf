"""What the book runs on where the real photographs cannot be had: smaller sets that need no account."""

import gzip
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F

from hw3.data.files import DataError, produce
from hw3.data.network import reachable
from hw3.paths import cache_dir

PACKAGE = "dataset-fashion-mnist"
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FOOTWEAR = {9: "Ankle boot", 5: "Sandal", 7: "Sneaker"}  # in the order of Boot, Sandal, Shoe


def _from_debian(raw: Path) -> None:
    """Unpack Debian's package, without root, and put its four files where torchvision looks for them."""
    installed = Path("/usr/share/datasets/fashion-mnist")
    with TemporaryDirectory() as scratch:
        if not installed.is_dir():
            commands = (["apt-get", "download", PACKAGE], ["sh", "-c", "dpkg -x *.deb ."])
            for command in commands:
                subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=300)
            installed = Path(scratch) / installed.relative_to("/")
        raw.mkdir(parents=True)
        for name in IDX_FILES:
            with gzip.open(installed / f"{name}.gz") as packed, (raw / name).open("wb") as plain:
                shutil.copyfileobj(packed, plain)


def _fetch(target: Path) -> None:
    from torchvision.datasets import FashionMNIST

    mirror = FashionMNIST.mirrors[0]
    if reachable(mirror):
        FashionMNIST(str(target), download=True)
    elif shutil.which("apt-get") and shutil.which("dpkg"):
        _from_debian(target / "FashionMNIST" / "raw")
    else:
        raise ConnectionError(f"{mirror} cannot be reached and there is no apt to ask instead")


def fashion_mnist() -> tuple[torch.Tensor, torch.Tensor]:
    """Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747), training part: uint8 (60000, 28, 28) and int64 labels.

    Raises:
        ConnectionError, OSError, subprocess.SubprocessError: neither torchvision nor Debian's package can be had.
    """
    from torchvision.datasets import FashionMNIST

    root = produce(cache_dir() / "fashion-mnist", _fetch)
    try:
        data = FashionMNIST(str(root))
    except (ValueError, RuntimeError) as error:
        raise DataError(f"{root} is damaged: {error}; delete it and it will be fetched again") from error
    return data.data, data.targets


def _to_rgb(grey: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """uint8 (N, h, w), dark background, as uint8 (N, H, W, 3) on white, scaled to fit and centred in ``size``."""
    height, width = size
    scale = min(height / grey.shape[1], width / grey.shape[2])
    inner = (round(grey.shape[1] * scale), round(grey.shape[2] * scale))
    result = np.full((len(grey), height, width, 3), 255, np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    for start in range(0, len(grey), 1000):  # in parts, to keep the float copies small
        part = grey[start : start + 1000, None].float()
        scaled = F.interpolate(part, inner, mode="bilinear", antialias=False).round().to(torch.uint8)[:, 0]
        result[start : start + 1000, top : top + inner[0], left : left + inner[1]] = 255 - scaled[..., None].numpy()
    return result


def footwear(size: tuple[int, int], per_class: int = 5000) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """The three footwear classes of Fashion-MNIST at ``size`` = (H, W): images (N, H, W, 3), labels, class names."""
    images, targets = fashion_mnist()
    chosen = torch.cat([torch.nonzero(targets == digit)[:per_class, 0] for digit in FOOTWEAR])
    labels = np.repeat(np.arange(len(FOOTWEAR)), per_class)
    return _to_rgb(images[chosen], size), labels, tuple(FOOTWEAR.values())


def digits(size: tuple[int, int], classes: int = 3) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """scikit-learn's 8x8 digits below ``classes`` at ``size``: always there, no download."""
    from sklearn.datasets import load_digits

    data = load_digits()
    chosen = np.flatnonzero(data.target < classes)
    grey = torch.from_numpy((data.images[chosen] * (255 / 16)).round().astype(np.uint8))
    return _to_rgb(grey, size), data.target[chosen], tuple(f"digit {d}" for d in range(classes))
