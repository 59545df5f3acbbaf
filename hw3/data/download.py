"""What the internet has: is a server there, and the official files of a data set, fetched once into the cache."""

import contextlib
import hashlib
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from hw3.data.places import reason, unpack
from hw3.files import DISK_ERRORS, STAND_INS, DataError, cache_dir, report
from hw3.store import DamagedError, once, read, remove

REMEMBER_SECONDS = 600


def reachable(url: str, timeout: float = 5.0) -> bool:
    """Does the server of ``url`` answer (with anything)? Proxies of the environment are used. A server that did not
    answer is not asked again, by any process that shares the cache, for ten minutes."""
    silent = cache_dir() / "unreachable" / (urlsplit(url).hostname or "nowhere")
    with contextlib.suppress(OSError):  # below 0: the clock was set back
        if 0 <= time.time() - silent.stat().st_mtime < REMEMBER_SECONDS:
            return False
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        with contextlib.suppress(OSError):  # a cache that cannot be written remembers nothing
            silent.parent.mkdir(parents=True, exist_ok=True)
            silent.touch()
        return False
    return True


def kept(name: str) -> Path | None:
    """What was fetched as ``name`` before. It stays what it is when this package or its libraries change, so it is not
    looked for by a key; a damaged copy is named and removed."""
    for folder in sorted((cache_dir() / "downloads").glob(f"{name}-*")):
        try:
            if read(folder) is not None:
                return folder
        except DamagedError as error:
            report(f"{error}; it is fetched again")
            remove(folder)
    return None


def fetched(name: str, fetch: Callable[[Path], None]) -> Path:
    """The folder of the cache with what ``fetch(folder)`` brings, fetched once."""
    return kept(name) or once("downloads", {"name": name}, fetch, root=cache_dir(), label=name)


def official(
    name: str, source: str, url: str, fetch: Callable[[Path], None], kind: str | None
) -> tuple[Path, str] | None:
    """The official files of the data set ``name``, and how they came: "cache" or ``source``. ``kind`` allows one. None
    where they cannot be had, or ``HW3_DATA`` asks for stand-ins."""
    if kind is None and os.environ.get("HW3_DATA") in STAND_INS:
        return None
    folder = kept(name) if kind in (None, "cache") else None
    if folder:
        return folder, "cache"
    return (fetched(name, fetch), source) if kind in (None, source) and reachable(url) else None


def archive(url: str, md5: str, folder: Path) -> None:
    """Fetch the archive at ``url`` and unpack it to ``folder``.

    Raises:
        DataError: the download broke, or its MD5 is not the published one.
    """
    import torch

    packed = folder / Path(urlsplit(url).path).name
    try:
        torch.hub.download_url_to_file(url, str(packed), progress=False)
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise
        raise DataError(f"the download of {url} broke ({reason(error)}); try again") from error
    with packed.open("rb") as file:
        checksum = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if checksum != md5:
        packed.unlink()
        raise DataError(f"{url} came with MD5 {checksum} instead of {md5}: a broken download; try again")
    unpack(packed, folder)
    packed.unlink()


def kaggle(handle: str, folder: Path) -> None:
    """Fetch the data set ``handle`` of Kaggle to ``folder``.

    Raises:
        DataError: the download broke.
    """
    import kagglehub

    before = os.environ.get("KAGGLEHUB_CACHE")
    scratch = folder / ".kagglehub"
    os.environ["KAGGLEHUB_CACHE"] = str(scratch)
    try:
        shutil.copytree(kagglehub.dataset_download(handle), folder, dirs_exist_ok=True)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise DataError(f"the download of {handle} from Kaggle broke ({reason(error)}); try again") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        os.environ.pop("KAGGLEHUB_CACHE")
        if before is not None:
            os.environ["KAGGLEHUB_CACHE"] = before
