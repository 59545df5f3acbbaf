"""The shoe photographs as a folder of JPEGs, one sub-folder for each class."""

import hashlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from hw3.data.files import DataError, Manifest, manifest, produce
from hw3.paths import cache_dir

CLASSES = ("Boot", "Sandal", "Shoe")


def find(root: Path) -> Path | None:
    """``root`` or a folder up to two levels below it that holds the three class folders; None if there is none."""
    for candidates in ([root], root.glob("*"), root.glob("*/*")):
        for path in candidates:
            if all((path / name).is_dir() for name in CLASSES):
                return path
    return None


def list_images(root: Path) -> list[Path]:
    """All images, sorted within sorted classes.

    Raises:
        DataError: a missing or empty class, a file that lies outside the class folders, is no JPEG, or bears the
            name of another class.
    """
    paths: list[Path] = []
    for entry in sorted(root.iterdir()):
        if entry.name not in CLASSES and not entry.name.startswith("."):
            raise DataError(f"{entry} is out of place; {root} may hold only the folders {', '.join(CLASSES)}")
    for name in CLASSES:
        folder = root / name
        if not folder.is_dir():
            raise DataError(f"the class folder {folder} is missing")
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        if not files:
            raise DataError(f"the class folder {folder} is empty; it needs JPEG images")
        for path in files:
            if path.suffix.lower() not in (".jpg", ".jpeg"):
                raise DataError(f"{path} is not a JPEG file; move it away")
            label = path.stem.split(" ")[0].capitalize()
            if label in CLASSES and label != name:
                raise DataError(f"{path} is named after the class {label} but lies in the folder {name}")
        paths += files
    return paths


def decode(path: Path, size: tuple[int, int]) -> np.ndarray:
    """One RGB image, uint8 (H, W, 3), averaged down to ``size`` = (H, W).

    Raises:
        DataError: the file is corrupt, truncated or not RGB.
    """
    height, width = size
    try:
        with Image.open(path) as image:
            if image.mode != "RGB":
                raise DataError(f"{path} has the colour mode {image.mode}; RGB is needed")
            return np.asarray(image.resize((width, height), Image.Resampling.BOX))
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise DataError(f"{path} is corrupt or truncated: {error}") from error


def read(root: Path, size: tuple[int, int]) -> tuple[np.ndarray, list[Path], Manifest]:
    """All images as uint8 (N, H, W, 3), their paths and their manifest. Decoding happens once; the result is cached
    under what it depends on: the manifest's digest, the size, this file's code and Pillow's version."""
    paths = list_images(root)
    checksums = manifest(root, paths)
    depends = f"{checksums.digest} {size} {PIL.__version__} {Path(__file__).read_text()}"
    target = cache_dir() / "decoded" / f"shoes-{hashlib.sha256(depends.encode()).hexdigest()[:24]}.npy"

    def make(part: Path) -> None:
        images = np.empty((len(paths), *size, 3), np.uint8)
        for index, path in enumerate(tqdm(paths, desc="decoding", unit="image", mininterval=1)):
            images[index] = decode(path, size)
        with part.open("wb") as file:
            np.save(file, images)

    return np.load(produce(target, make)), paths, checksums
