"""Photographs in a folder, one sub-folder for each class: listed, checked, decoded once."""

import hashlib
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch
from PIL import Image, ImageOps

from hw3.data.images import ImageSet, Source, channels_last
from hw3.data.places import entries, reason, text
from hw3.files import DataError, cache_dir, report
from hw3.store import once

LARGEST = 50_000_000  # bytes of one file
ORIENTATION = 0x0112  # the EXIF tag that says how the camera was held


@dataclass(frozen=True)
class Accepted:
    """What an image file may be: formats as Pillow calls them, sides in pixels, the longer side by the shorter one."""

    formats: tuple[str, ...]
    sides: range
    ratio: float

    def __contains__(self, path: Path) -> bool:
        """Does the file's name say that it is an image of these formats?"""
        return Image.registered_extensions().get(path.suffix.lower()) in self.formats

    def __str__(self) -> str:
        return " or ".join(self.formats)


PHOTOGRAPHS = Accepted(("JPEG",), range(48, 4097), 3)
ANY = Accepted(("JPEG", "PNG"), range(8, 8193), 20)


def list_images(root: Path, names: tuple[str, ...] | None, accepted: Accepted) -> dict[str, list[Path]]:
    """The images of each class, sorted: those in the folders of ``root`` that are called as ``names``, whatever their
    letter case, or where that is None in all folders.

    Raises:
        DataError: a class is empty or there twice, a file in it is no image by its name, or an image lies in none.
    """
    known = {name.lower(): name for name in names} if names else None
    images: dict[str, list[Path]] = {}
    for entry in entries(root):
        name = text(PurePath(entry.name)) if known is None else known.get(entry.name.lower())
        if entry.is_symlink() and not entry.exists():
            raise DataError(f"{text(entry)} is a link that leads nowhere; mend it or move it away")
        inside = entries(entry) if entry.is_dir() else []
        if not entry.is_dir() or name is None:
            if any(path in accepted for path in (entry, *inside)):
                classes = f" {', '.join(names)}" if names else ""
                raise DataError(f"{text(entry)} is out of place; images belong into the folder of their class{classes}")
            continue
        if name in images:
            raise DataError(f"{text(entry)} is the class {name} again; leave one of the two folders in {text(root)}")
        if not inside:
            raise DataError(f"the class folder {text(entry)} is empty; it needs {accepted} images")
        strange = next((path for path in inside if path not in accepted), None)
        if strange and strange.is_dir():
            raise DataError(
                f"{text(entry)} holds the folder {text(PurePath(strange.name))}; name the folder whose folders are the "
                "classes, with images alone in them"
            )
        if strange:
            raise DataError(f"{text(strange)} is not a {accepted} file; move it away")
        images[name] = inside
    return {name: images[name] for name in names or images}


def _status(path: Path) -> os.stat_result:
    """Size and times of a file that can safely be opened.

    Raises:
        DataError: it is a pipe or a folder, a link to nothing, or larger than any photograph.
    """
    try:
        status = path.stat()
    except OSError as error:
        broken = "is a link that leads nowhere" if path.is_symlink() else "cannot be read"
        raise DataError(f"{text(path)} {broken} ({reason(error)}); mend it or move it away") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{text(path)} is no regular file; move it away")
    if status.st_size > LARGEST:
        raise DataError(f"{text(path)} has {status.st_size} bytes; a photograph has at most {LARGEST}")
    return status


def decode(path: Path, size: tuple[int, int], accepted: Accepted = PHOTOGRAPHS) -> np.ndarray:
    """One RGB image, uint8 (H, W, 3), upright, averaged down to ``size`` = (H, W).

    A JPEG holds no checksum: changed bytes may decode to other pixels. Then the image set has another digest, and with
    it every run another key; the page "This build" shows the digest.

    Raises:
        DataError: the file is corrupt, truncated, not RGB, or of another format or size than what is accepted.
    """
    _status(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=accepted.formats)
        with image:
            short, long = sorted(image.size)
            if short not in accepted.sides or long not in accepted.sides or long > accepted.ratio * short:
                raise DataError(
                    f"{text(path)} is {image.width} x {image.height} pixels; sides from {accepted.sides[0]} to "
                    f"{accepted.sides[-1]}, one at most {accepted.ratio:g} times the other, would do"
                )
            if image.mode != "RGB":
                raise DataError(f"{text(path)} has the colour mode {image.mode}; RGB is needed")
            upright = ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image
            return np.asarray(upright.resize((size[1], size[0]), Image.Resampling.BOX))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{text(path)} says that it has more pixels than any photograph; move it away") from error
    except DataError:
        raise
    except Exception as error:  # what a decoder says to bytes of any kind cannot be foreseen
        words = "cannot be identified" if isinstance(error, Image.UnidentifiedImageError) else reason(error)
        raise DataError(f"{text(path)} is corrupt, truncated or not a {accepted} file ({words})") from error


def read(
    name: str, root: Path, classes: dict[str, list[Path]], size: tuple[int, int], accepted: Accepted, source: Source
) -> ImageSet:
    """The images of ``classes`` as an image set. They are decoded once: the pixels are kept in the cache under the
    files' names, sizes and times of change."""
    paths = [path for part in classes.values() for path in part]
    names = [text(path.relative_to(root)) for path in paths]
    stamp = hashlib.sha256(f"{text(root)} {size} {accepted}".encode())
    for file, status in zip(names, map(_status, paths), strict=True):
        stamp.update(f"{file} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n".encode())

    def make(folder: Path) -> None:
        report(f"decoding {len(paths)} images of {name}")
        images = np.empty((len(paths), *size, 3), np.uint8)
        for index, path in enumerate(paths):
            images[index] = decode(path, size, accepted)
        np.save(folder / "pixels.npy", images)

    kept = once("decoded", {"files": stamp.hexdigest()}, make, root=cache_dir())
    pixels = channels_last(np.load(kept / "pixels.npy"))
    labels = torch.arange(len(classes)).repeat_interleave(torch.tensor([len(part) for part in classes.values()]))
    return ImageSet(name, pixels, labels, tuple(classes), tuple(names), source)
