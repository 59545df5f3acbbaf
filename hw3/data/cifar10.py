"""CIFAR-10 (Krizhevsky 2009) in its official binary version, which needs no pickle."""

import hashlib
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import torch

from hw3.data import standins
from hw3.data.files import DataError, manifest, produce
from hw3.data.images import ImageSet, Source, channels_last
from hw3.data.network import reachable
from hw3.paths import cache_dir, data_dir

ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # as published beside the archive
FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORDS = 10_000  # in each file
RECORD = 1 + 3 * 32 * 32  # a label, then the planes of red, green and blue, row by row


def decode(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One file: images (N, 32, 32, 3) uint8 and labels (N,) int64.

    Raises:
        DataError: the file is missing, has not its 10,000 records, or a label above 9.
    """
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) != RECORDS * RECORD:
        raise DataError(f"{path} has {len(raw)} bytes instead of {RECORDS * RECORD}: truncated, or another file")
    records = raw.reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(CLASSES):
        raise DataError(f"{path} has the label {labels.max()}; CIFAR-10's are 0 to 9")
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _from_folder(root: Path, source: Source) -> ImageSet:
    missing = [name for name in FILES if not (root / name).is_file()]
    if missing:
        raise DataError(f"{root} lacks {', '.join(missing)}; CIFAR-10's binary version has {', '.join(FILES)}")
    paths = [root / name for name in FILES]
    images, labels = zip(*(decode(path) for path in paths), strict=True)
    names = tuple(f"{path.name}:{i}" for path, part in zip(paths, labels, strict=True) for i in range(len(part)))
    digest = manifest(root, paths).digest
    together = torch.from_numpy(np.concatenate(labels))
    test_from = len(together) - len(labels[-1])
    pixels = channels_last(np.concatenate(images))
    return ImageSet("cifar10", pixels, together, CLASSES, names, digest, source, test_from)


def _download(target: Path) -> None:
    """Fetch the official archive, check it, and unpack the folder to ``target``."""
    packed = target.parent / "cifar-10-binary.tar.gz"
    try:
        torch.hub.download_url_to_file(ARCHIVE, str(packed))
        found = hashlib.md5(packed.read_bytes(), usedforsecurity=False).hexdigest()
        if found != ARCHIVE_MD5:
            raise DataError(f"{ARCHIVE} came with MD5 {found} instead of {ARCHIVE_MD5}: a broken download; try again")
        with tarfile.open(packed) as archive:
            archive.extractall(target.parent, filter="data")
        (target.parent / FOLDER).rename(target)
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"the download of {ARCHIVE} broke: {error}; try again") from error


@cache
def read(root: Path | None, kind: str | None) -> ImageSet:
    """CIFAR-10 from ``root`` or, in this order, ``$HW3_DATA``, the cache, the official archive, the stand-ins; ``kind``
    allows one. The official test part is the last 10,000 images."""
    data = data_dir()
    given = root or (data / FOLDER if data and (data / FOLDER).is_dir() else None)
    if given and kind in (None, "folder"):
        inside = given / FOLDER if (given / FOLDER).is_dir() else given
        return _from_folder(inside, Source("folder", "a local folder with the binary files of CIFAR-10"))
    target = cache_dir() / "cifar10"
    if target.exists() and kind in (None, "cache"):
        return _from_folder(target, Source("cache", "the official CIFAR-10 archive in the user's cache"))
    if kind in (None, "official") and reachable(ARCHIVE):
        return _from_folder(produce(target, _download), Source("official", "the official CIFAR-10 archive"))
    return standins.image_set("cifar10", kind, (32, 32), standins.CLOTHES, per_class=6000)
