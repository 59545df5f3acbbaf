"""CIFAR-10 (Krizhevsky 2009), from its official binary version or from the Python one, whose pickles run nothing."""

import hashlib
import pickle
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hw3.data import standins
from hw3.data.download import archive, official
from hw3.data.images import ImageSet, Source, channels_last
from hw3.data.places import entries, locate, reason, text
from hw3.files import DataError, data_dir

ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # as published beside the archive
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORDS = 10_000  # in each file
RECORD = 1 + 3 * 32 * 32  # a label, then the planes of red, green and blue, row by row
CHECKSUMS = {  # SHA-256 over the records of the official files; those of both versions are the same
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
BINARY, PYTHON = tuple(f"{name}.bin" for name in CHECKSUMS), tuple(CHECKSUMS)
WANTED = "cifar-10-batches-bin, cifar-10-batches-py, or the archive of one of them, here or below"
HARMLESS = {  # all that a pickled array names
    *(("numpy._core.multiarray", name) for name in ("_reconstruct", "scalar")),
    *(("numpy._core.numeric", "_frombuffer"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")),
}


class _Arrays(pickle.Unpickler):
    """Reads pickles of plain values and arrays; whatever else they name is not looked up, so nothing is executed."""

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")  # its name when the official files were made
        if (module, name) not in HARMLESS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no array needs")
        return super().find_class(module, name)


def _records(path: Path) -> np.ndarray:
    """The records of one file of either version, uint8 (10000, 3073)."""
    with path.open("rb") as file:
        if path.suffix:
            return np.fromfile(file, np.uint8).reshape(-1, RECORD)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how numpy was pickled by Python 2 is no concern of a reader's
            batch = _Arrays(file, encoding="latin1").load()
    batch = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
    pixels, labels = np.asarray(batch["data"]), np.asarray(batch["labels"])
    if pixels.dtype != np.uint8 or labels.dtype.kind not in "iu":
        raise ValueError(f"pixels are {pixels.dtype} and labels {labels.dtype} instead of uint8 and integers")
    return np.hstack([labels.reshape(-1, 1).astype(np.uint8), pixels.reshape(len(labels), -1)])


def decode(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One file of the binary version, or one without a suffix of the Python version: images (N, 32, 32, 3) uint8 and
    labels (N,) int64.

    Raises:
        DataError: the file cannot be read, or does not hold what the official one does.
    """
    size = RECORDS * RECORD
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > 2 * size + 10_000:
            raise DataError(f"{text(path)} is no file of CIFAR-10 ({status.st_size} bytes); {size} would do")
        if path.suffix and status.st_size != size:
            raise DataError(
                f"{text(path)} has {status.st_size} bytes instead of {size}: truncated, or another file; fetch it again"
            )
        records = _records(path)
    except OSError as error:
        raise DataError(f"{text(path)} cannot be read ({reason(error)})") from error
    except DataError:
        raise
    except Exception as error:  # what a pickle of any bytes raises cannot be foreseen
        raise DataError(f"{text(path)} is no batch of CIFAR-10's Python version ({reason(error)})") from error
    checksum = hashlib.sha256(records.tobytes()).hexdigest()
    official = CHECKSUMS[path.stem.lower()]
    if checksum != official:
        twin = next((name for name, known in CHECKSUMS.items() if known == checksum), None)
        raise DataError(
            f"{text(path)} is {f'a copy of {twin}' if twin else 'damaged'}: its images and labels are not those of the "
            f"official file (SHA-256 {checksum[:12]}... instead of {official[:12]}...); fetch it again"
        )
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype(np.int64)


def _from_folder(root: Path, source: Source) -> ImageSet:
    here = {path.name.lower(): path for path in entries(root)}
    paths = [here.get(name, root / name) for name in (BINARY if BINARY[0] in here else PYTHON)]
    images, labels = zip(*map(decode, paths), strict=True)
    names = tuple(
        f"{path.stem.lower()}:{i}" for path, part in zip(paths, labels, strict=True) for i in range(len(part))
    )
    together = torch.from_numpy(np.concatenate(labels))
    test_from = len(together) - len(labels[-1])
    return ImageSet("cifar10", channels_last(np.concatenate(images)), together, CLASSES, names, source, test_from)


def _fetch(target: Path) -> None:
    archive(ARCHIVE, ARCHIVE_MD5, target)


def read(root: Path | None, kind: str | None) -> ImageSet:
    """CIFAR-10 from ``root`` or, in this order, ``$HW3_DATA``, the cache, the official archive, the stand-ins; ``kind``
    allows one. The official test part is the last 10,000 images.

    What is named is read or refused: the others are asked only where no folder is named.
    """
    named = root or (data_dir() if kind in (None, "folder") else None)
    if named:
        place = locate(named, (BINARY, PYTHON), "images of CIFAR-10", WANTED)
        return _from_folder(place, Source("folder", "a local folder with the official files of CIFAR-10"))
    fetched = official("cifar10", "official", ARCHIVE, _fetch, kind)
    if fetched:
        place, how = fetched
        where = " in the user's cache" if how == "cache" else ""
        inside = locate(place, (BINARY,), "images of CIFAR-10", WANTED)
        return _from_folder(inside, Source(how, f"the official CIFAR-10 archive{where}"))
    return standins.image_set("cifar10", kind, (32, 32), standins.CLOTHES, per_class=6000)
