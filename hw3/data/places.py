"""Where, in a folder that somebody names, a data set lies: however deep and spelled, unpacked or in an archive."""

import os
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath

from hw3.files import DISK_ERRORS, DataError, cache_dir, report, sha256
from hw3.store import once

DEPTH = 4  # folders below the one that is named
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
LARGEST = 4 * 2**30  # bytes that an archive may unpack to
LEFT_BEHIND = (  # by operating systems and file servers, beside whatever starts with a dot
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "#recycle", "$recycle.bin"),
    *("system volume information", "lost+found", "@recycle", "#snapshot", "network trash folder", "temporary items"),
    *("thumbs.db:encryptable", "picasa.ini"),
)
Mark = tuple[str, ...]  # names by which a data set is known, folders with a slash; letter case does not matter


def text(path: PurePath) -> str:
    """A path to show and to keep: the same on every system, and printable whatever bytes its names hold."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def reason(error: Exception) -> str:
    """What an exception says, in one printable line."""
    words = (isinstance(error, OSError) and error.strerror) or " ".join(str(error).split()) or type(error).__name__
    return words.encode("utf-8", "backslashreplace").decode()


def left_behind(name: str) -> bool:
    return name.startswith(".") or name.lower() in LEFT_BEHIND


def entries(folder: Path) -> list[Path]:
    """What lies in ``folder``, sorted by name, without what systems leave behind.

    Raises:
        DataError: it is no folder, or cannot be read.
    """
    try:
        return sorted((e for e in folder.iterdir() if not left_behind(e.name)), key=lambda e: os.fsencode(e.name))
    except OSError as error:
        raise DataError(f"{text(folder)} cannot be read as a folder: {reason(error)}") from error


def _folders(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """``root`` and the folders below it with their entries, the nearest first, each once however links lead to it."""
    level, seen = [root], set()
    for depth in range(DEPTH + 1):
        below = []
        for folder in level:
            real = os.path.realpath(folder)
            if real not in seen and (depth == 0 or os.access(folder, os.R_OK | os.X_OK)):
                seen.add(real)
                inside = entries(folder)
                yield folder, inside
                below += [entry for entry in inside if entry.is_dir()]
        level = below


def _candidates(root: Path) -> Iterator[tuple[Path, set[str]]]:
    """Folders, then archives, at or below ``root``, with the names of what they hold."""
    archives = [root] if root.is_file() else []
    for folder, inside in [] if archives else _folders(root):
        yield folder, {f"{entry.name}/" if entry.is_dir() else entry.name for entry in inside}
        archives += [entry for entry in inside if entry.name.lower().endswith(ARCHIVES) and entry.is_file()]
    for archive in archives:
        paths = [PurePosixPath(name) for name in _listed(archive)]
        yield archive, {path.name for path in paths} | {f"{folder}/" for path in paths for folder in path.parts[:-1]}


def locate(root: Path, marks: Sequence[Mark], what: str, wanted: str) -> Path:
    """The folder in which all the names of one of ``marks`` lie: ``root``, the nearest below it, or what an archive
    there unpacks to.

    Raises:
        DataError: there is none, with what is there and what is ``wanted``; or one that lacks some of the names.
    """
    partly: list[tuple[int, str]] = []
    for place, names in _candidates(root):
        lower = {name.lower() for name in names}
        for mark in marks:
            lacking = [name for name in mark if name.lower() not in lower]
            if not lacking:
                return place if place.is_dir() else locate(unpacked(place), marks, what, wanted)
            if len(lacking) < len(mark):
                partly.append((len(lacking), f"{text(place)} lacks {', '.join(lacking)}"))
    there = min(partly)[1] if partly else f"{text(root)} holds no {what}; it holds {_contents(root)}"
    raise DataError(f"{there}: {wanted} would do, and HW3_DATA=stand-ins does without")


def _contents(root: Path) -> str:
    """What a reader sees in ``root``, in a few words."""
    if root.is_file():
        return f"{root.stat().st_size} bytes"
    kinds = [(e, "/" if e.is_dir() else "" if e.exists() else " (a broken link)") for e in entries(root)]
    shown = [text(PurePath(entry.name)) + kind for entry, kind in kinds[:8]]
    return ", ".join(shown + [f"and {len(kinds) - 8} more"] * (len(kinds) > 8)) or "nothing"


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    """An archive; a library's many words for one that is cut, changed or none become ours."""
    try:
        with zipfile.ZipFile(archive) if archive.suffix.lower() == ".zip" else tarfile.open(archive) as packed:
            yield packed
    except Exception as error:
        if isinstance(error, DataError) or (isinstance(error, OSError) and error.errno in DISK_ERRORS):
            raise
        raise DataError(f"{text(archive)} cannot be unpacked ({reason(error)}); fetch it again") from error


def _listed(archive: Path) -> list[str]:
    """The names in ``archive``, those of folders with a slash or without.

    Raises:
        DataError: it is broken, or would unpack to more than any of our data sets.
    """
    names, size = [], 0
    with _opened(archive) as packed:
        for member in packed.infolist() if isinstance(packed, zipfile.ZipFile) else packed:
            names.append(member.filename if isinstance(member, zipfile.ZipInfo) else member.name)
            size += member.file_size if isinstance(member, zipfile.ZipInfo) else member.size
            if size > LARGEST:
                raise DataError(f"{text(archive)} would unpack to over {LARGEST >> 30} GB; no data set here does")
    return names


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of ``archive`` (zip, tar, tar.gz) to ``folder``, and nothing anywhere else.

    Raises:
        DataError: the archive is broken or far too large, or names a file outside of itself.
    """
    _listed(archive)
    with _opened(archive) as packed:
        if isinstance(packed, zipfile.ZipFile):
            packed.extractall(folder)
        else:
            packed.extractall(folder, filter="data")


def unpacked(archive: Path) -> Path:
    """A folder of the cache with what ``archive`` holds."""

    def make(folder: Path) -> None:
        report(f"unpacking {text(archive)} into the cache")
        unpack(archive, folder)

    return once("unpacked", {"archive": sha256(archive)}, make, root=cache_dir())
