"""What the book runs on where the real photographs cannot be had: smaller sets that need no account."""

import gzip
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F

from hw3.data.download import fetched, reachable
from hw3.data.images import ImageSet, Source, channels_last
from hw3.files import DataError, report

PACKAGE = "dataset-fashion-mnist"
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FOOTWEAR = {9: "Ankle boot", 5: "Sandal", 7: "Sneaker"}  # in the order of Boot, Sandal, Shoe
CLOTHES = dict(
    enumerate(("T-shirt", "Trousers", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"))
)
Made = tuple[np.ndarray, np.ndarray, tuple[str, ...]]  # images (N, H, W, 3), labels, class names


def _from_debian(raw: Path) -> None:
    """Unpack Debian's package, without root, and put its four files where torchvision looks for them."""
    installed = Path("/usr/share/datasets/fashion-mnist")
    with TemporaryDirectory() as scratch:
        if not installed.is_dir():
            commands = (["apt-get", "download", PACKAGE], ["sh", "-c", "dpkg -x *.deb ."])
            for command in commands:
                subprocess.run(command, cwd=scratch, check=True, capture_output=True, timeout=300)
            installed = Path(scratch) / installed.relative_to("/")
        raw.mkdir(parents=True, exist_ok=True)
        for name in IDX_FILES:
            with gzip.open(installed / f"{name}.gz") as packed, (raw / name).open("wb") as plain:
                shutil.copyfileobj(packed, plain)


def _fetch(target: Path) -> None:
    from torchvision.datasets import FashionMNIST

    mirror = FashionMNIST.mirrors[0]
    if reachable(mirror):
        try:
            FashionMNIST(str(target), download=True)
        except (RuntimeError, OSError) as error:
            raise ConnectionError(f"the download from {mirror} broke: {error}") from error
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

    data = FashionMNIST(str(fetched("fashion-mnist", _fetch)))
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


def _labelled(size: tuple[int, int], wanted: dict[int, str], per_class: int) -> Made:
    """``per_class`` images of each wanted class of Fashion-MNIST at ``size`` = (H, W)."""
    images, targets = fashion_mnist()
    shown = torch.cat([torch.nonzero(targets == digit)[:per_class, 0] for digit in wanted])
    labels = np.repeat(np.arange(len(wanted)), per_class)
    return _to_rgb(images[shown], size), labels, tuple(wanted.values())


def _digits(size: tuple[int, int], classes: int) -> Made:
    """scikit-learn's 8x8 digits below ``classes`` at ``size``: always there, no download."""
    from sklearn.datasets import load_digits

    data = load_digits()
    shown = np.flatnonzero(data.target < classes)
    grey = torch.from_numpy((data.images[shown] * (255 / 16)).round().astype(np.uint8))
    return _to_rgb(grey, size), data.target[shown], tuple(f"digit {d}" for d in range(classes))


def image_set(name: str, kind: str | None, size: tuple[int, int], wanted: dict[int, str], per_class: int) -> ImageSet:
    """A stand-in for the data set ``name`` at ``size`` = (H, W): the ``wanted`` classes of Fashion-MNIST, or as many of
    scikit-learn's digits. ``kind`` allows one of the two only.

    Raises:
        DataError: ``kind`` is neither, or cannot be had.
    """
    made: Made | None = None
    described = "Fashion-MNIST" if len(wanted) == 10 else f"Fashion-MNIST's classes {', '.join(wanted.values())}"
    if kind in (None, "fashion-mnist"):
        try:
            made = _labelled(size, wanted, per_class)
        except (ConnectionError, subprocess.SubprocessError, OSError) as error:
            report(f"Fashion-MNIST cannot be had: {error}")
    if made is None and kind in (None, "digits"):
        kind, described = "digits", f"scikit-learn's handwritten digits 0 to {len(wanted) - 1}"
        made = _digits(size, len(wanted))
    if made is None:
        raise DataError(f"the source {kind!r} has no {name} here; set HW3_DATA or leave the source out to try all")
    images, labels, class_names = made
    names = tuple(f"{class_names[label]} {index}" for index, label in enumerate(labels))
    source = Source(kind or "fashion-mnist", described, stand_in=True)
    return ImageSet(name, channels_last(images), torch.from_numpy(labels), class_names, names, source)
