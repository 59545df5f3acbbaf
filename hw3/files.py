"""This machine's folders; files that are written whole or not at all; locks, checksums, and one voice for progress."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock

STAND_INS = ("stand-ins", "standins")  # what HW3_DATA says where no data are wanted
NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


class DataError(RuntimeError):
    """Something about a file or a folder is wrong; the message names it and says what would do."""


def _named(variable: str, default: Path) -> Path:
    value = os.environ.get(variable)
    try:
        return (Path(value) if value else default).expanduser().resolve()
    except (RuntimeError, OSError) as error:
        raise DataError(f"{variable} is {value!r}, which names no folder ({error}); correct it or unset it") from error


def data_dir() -> Path | None:
    """``HW3_DATA``: data sets and weights that are already at hand, only ever read; None when not set, or when it says
    ``stand-ins``.

    Raises:
        DataError: the variable names a folder that is not there.
    """
    value = os.environ.get("HW3_DATA")
    if not value or value in STAND_INS:
        return None
    folder = _named("HW3_DATA", Path())
    if not folder.is_dir():
        advice = "name the folder that it lies in" if folder.is_file() else "correct it, unset it or say stand-ins"
        raise DataError(f"HW3_DATA is {value!r}, which is not a folder; {advice}")
    return folder


def cache_dir() -> Path:
    """``HW3_CACHE``: downloads, decoded images, features; by default ``hw3`` in the user's cache folder."""
    return _named("HW3_CACHE", Path(platformdirs.user_cache_dir("hw3")))


def runs_dir() -> Path:
    """``HW3_RUNS``: results, checkpoints, TensorBoard logs; by default ``runs`` in the project (or in the current
    folder, where hw3 is installed by itself)."""
    return _named("HW3_RUNS", project() / "runs")


def bench_file() -> Path:
    """Where ``hw3 bench`` writes its figures and the book reads them: ``_build/bench.json`` in the project."""
    return project() / "_build" / "bench.json"


def project() -> Path:
    """The folder of the book, or the current one where hw3 is installed by itself."""
    folder = Path(__file__).resolve().parent.parent
    return folder if (folder / "_toc.yml").exists() else Path.cwd()


def commit() -> str:
    """The project's commit; empty where it is in no repository."""
    if shutil.which("git") is None:
        return ""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project(), capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else ""


def report(line: str) -> None:
    """Say how long work is getting on: to the file that ``HW3_PROGRESS`` names (the book's build prints what comes
    there, since a cell's own output would land on the page), or to standard error."""
    target = os.environ.get("HW3_PROGRESS")
    if target:
        try:
            with Path(target).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise DataError(f"HW3_PROGRESS is {target}, which cannot be written: {error.strerror}") from error
    else:
        print(line, file=sys.stderr, flush=True)


def sha256(path: Path) -> str:
    """The checksum of a file's bytes.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def refused(path: Path, error: OSError) -> DataError:
    """Why ``path`` cannot be written, and which variable names another place."""
    inside = [name for name, place in _places().items() if path.resolve().is_relative_to(place)]
    advice = (
        f"free space there, or name another folder by {inside[0]}" if inside else "free space or correct its rights"
    )
    return DataError(f"{path} cannot be written: {error.strerror or error}; {advice}")


def explained(error: OSError) -> str:
    """What an error of the system says, in one line; of a full disk, or a place of ours that can be no folder, also
    where it is and which variable names another. Python does not always say which file it could not write: then every
    full place of ours is named."""
    if error.errno in NO_FOLDER and isinstance(error.filename, str):
        for name, place in (("HW3_RUNS", runs_dir()), ("HW3_CACHE", cache_dir())):
            if Path(error.filename).is_relative_to(place) and not os.path.isdir(place):
                return f"{place} cannot be a folder ({error.strerror}); name another one by {name}"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return str(error)
    if isinstance(error.filename, str):
        return str(refused(Path(error.filename), error))
    return "; ".join([error.strerror or str(error), *full()])


def full(least: int = 10**6) -> list[str]:
    """Which of our places are on a disk with fewer than ``least`` bytes left, in words."""
    sentences = []
    for name, place in _places().items():
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        left = shutil.disk_usage(there).free
        if left < least:
            sentences.append(f"{place} has {left} bytes left; free space there, or name another folder by {name}")
    return sentences


def _places() -> dict[str, Path]:
    temporary = Path(os.environ.get("TMPDIR") or tempfile.gettempdir()).resolve()  # a full one is passed over by Python
    return {"HW3_RUNS": runs_dir(), "HW3_CACHE": cache_dir(), "TMPDIR": temporary}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Work that writes under ``path``: a full disk or a missing right becomes a ``DataError`` that names the place.
    A missing right to a file elsewhere, which was perhaps only read, passes."""
    try:
        yield
    except OSError as error:
        named = Path(error.filename) if isinstance(error.filename, str) else path
        inside = named in path.parents or named.is_relative_to(path.parent)
        if error.errno in DISK_ERRORS and (inside or error.errno not in (errno.EACCES, errno.EPERM)):
            raise refused(path if inside else named, error) from error
        raise
    except RuntimeError as error:
        if "inline_container" in str(error) or "PytorchStreamWriter" in str(error):  # torch.save on a full disk
            raise refused(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` to write a file or a folder to; it becomes ``target`` only when the
    block ends without an error, and only when it is on the disk: neither a full disk nor a killed process nor a power
    cut leaves a part of it under the target's name.

    Raises:
        DataError: the place cannot be written, with the reason.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield scratch / target.name
            if target.is_dir():
                shutil.rmtree(target)
            settle(scratch / target.name)
            os.replace(scratch / target.name, target)
            settle(target.parent, deep=False)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def settle(path: Path, deep: bool = True) -> None:
    """Wait until the file or folder ``path`` is on the disk."""
    for part in [path, *path.rglob("*")] if deep and path.is_dir() else [path]:
        if part.is_file() or os.name == "posix":  # Windows cannot open a folder
            handle = os.open(part, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """A lock between processes, named after ``target``; it is freed when its holder dies.

    Raises:
        DataError: the lock cannot be written, with the reason.
    """
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(target.parent / f".{target.name}.lock")
        held.acquire()
    try:
        yield
    finally:
        held.release()
