"""Files on disk: errors that name them, checksums, and writes that happen whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from filelock import FileLock

from hw3.paths import cache_dir

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


class DataError(RuntimeError):
    """Something about a data set is wrong; the message names the file or folder and what would do."""


@dataclass(frozen=True)
class Manifest:
    """What a data set consists of: SHA-256 by relative path, and one SHA-256 over all of it."""

    files: dict[str, str]

    @property
    def digest(self) -> str:
        lines = "".join(f"{sha}  {name}\n" for name, sha in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


def sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def manifest(root: Path, paths: list[Path]) -> Manifest:
    """Checksums of ``paths`` under ``root``. They are remembered in the cache under the files' names, sizes and
    modification times, so that an unchanged data set is hashed once."""
    stamp = hashlib.sha256(str(root).encode())
    for path in paths:
        status = path.stat()
        stamp.update(f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}\n".encode())
    memo = cache_dir() / "manifests" / f"{stamp.hexdigest()[:32]}.json"

    def make(target: Path) -> None:
        checksums = {str(path.relative_to(root)): sha256(path) for path in paths}
        target.write_text(json.dumps(checksums))

    return Manifest(json.loads(produce(memo, make).read_text()))


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` to write a file or a folder to; it becomes ``target`` only when the
    block ends without an error. A full disk or a killed process leaves nothing under the target's name.

    Raises:
        DataError: the place cannot be written, with the reason.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise DataError(
            f"{target.parent} cannot be written: {error.strerror}; free space or set HW3_CACHE or HW3_RUNS"
        ) from error
    try:
        yield scratch / target.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(scratch / target.name, target)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        raise DataError(
            f"{target} cannot be written: {error.strerror}; free space or set HW3_CACHE or HW3_RUNS"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def produce(target: Path, make: Callable[[Path], None]) -> Path:
    """``target``, made by ``make(path)`` if it is not there yet. Two processes that ask at once make it once."""
    if not target.exists():
        with lock(target):
            if not target.exists():
                with whole(target) as path:
                    make(path)
    return target


def lock(target: Path) -> FileLock:
    """A lock between processes, named after ``target``; it is freed when its holder dies."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent} cannot be written: {error.strerror}") from error
    return FileLock(target.parent / f".{target.name}.lock")
