"""The shoe photographs, from the first source that has them."""

import os
import shutil
from functools import cache
from pathlib import Path

import torch

from hw3.data import folder, standins
from hw3.data.files import DataError, lock, whole
from hw3.data.images import ImageSet, Source, channels_last
from hw3.data.network import reachable
from hw3.paths import cache_dir, data_dir

KAGGLE = "hasibalmuzdadid/shoe-vs-sandal-vs-boot-dataset-15k-images"
SIZE = (51, 68)  # half of the photographs' 102 x 136 pixels


def _from_folder(root: Path, size: tuple[int, int], source: Source) -> ImageSet:
    images, paths, checksums = folder.read(root, size)
    labels = torch.tensor([folder.CLASSES.index(path.parent.name) for path in paths])
    names = tuple(str(path.relative_to(root)) for path in paths)
    return ImageSet("shoes", channels_last(images), labels, folder.CLASSES, names, checksums.digest, source)


def _given_folder(root: Path | None) -> Path | None:
    if root is not None:
        found = folder.find(root)
        if found is None:
            raise DataError(f"{root} holds no folders {', '.join(folder.CLASSES)}; a class may be missing")
        return found
    data = data_dir()
    if data is None:
        return None
    found = folder.find(data / "shoes")
    if found is None:
        _refuse_incomplete(data / "shoes")
    return found


def folder_of_photographs() -> Path | None:
    """Where the assignment's photographs lie on this machine, in ``$HW3_DATA`` or the cache; None if nowhere."""
    return _given_folder(None) or folder.find(cache_dir() / "shoes")


def _refuse_incomplete(root: Path) -> None:
    """An empty or absent folder is no source; one with some of the classes is a mistake to be told."""
    for place in (root, *root.glob("*"), *root.glob("*/*")):
        missing = [name for name in folder.CLASSES if not (place / name).is_dir()]
        if len(missing) < len(folder.CLASSES):
            raise DataError(f"{place} lacks the class folder {', '.join(missing)}")


def _download(target: Path) -> None:
    """Fetch Kaggle's archive and move its class folders to ``target``, whole or not at all.

    Raises:
        DataError: the download broke off or is not the expected data set.
    """
    with whole(target) as part:
        os.environ["KAGGLEHUB_CACHE"] = str(part.parent / "kagglehub")
        import kagglehub

        try:
            fetched = Path(kagglehub.dataset_download(KAGGLE))
        except Exception as error:
            raise DataError(f"the download of {KAGGLE} from Kaggle broke: {error}; try again") from error
        found = folder.find(fetched)
        if found is None:
            raise DataError(f"Kaggle's archive {KAGGLE} does not hold {', '.join(folder.CLASSES)}")
        shutil.move(found, part)


def _kaggle() -> Path | None:
    target = cache_dir() / "shoes"
    with lock(target):
        if not target.exists():
            if not reachable("https://www.kaggle.com"):
                return None
            _download(target)
    return target


@cache
def read(root: Path | None, size: tuple[int, int], kind: str | None) -> ImageSet:
    """The shoes from ``root`` or, in this order, ``$HW3_DATA``, the cache, Kaggle, stand-ins; ``kind`` allows one."""
    given = _given_folder(root) if kind in (None, "folder") else None
    if given:
        return _from_folder(given, size, Source("folder", "a local folder with the assignment's photographs"))
    cached = folder.find(cache_dir() / "shoes") if kind in (None, "cache") else None
    if cached:
        return _from_folder(cached, size, Source("cache", "Kaggle's photographs in the user's cache"))
    downloaded = _kaggle() if kind in (None, "kaggle") else None
    if downloaded:
        return _from_folder(downloaded, size, Source("kaggle", "Kaggle's photographs, downloaded"))
    return standins.image_set("shoes", kind, size, standins.FOOTWEAR, per_class=5000)
