"""The photographs of shoes, from the first place that has them."""

from pathlib import Path

from hw3.data import folder, standins
from hw3.data.download import kaggle, official
from hw3.data.images import ImageSet, Source
from hw3.data.places import entries, locate, text
from hw3.files import DataError, data_dir

KAGGLE = "hasibalmuzdadid/shoe-vs-sandal-vs-boot-dataset-15k-images"
SERVER = "https://www.kaggle.com"
CLASSES = ("Boot", "Sandal", "Shoe")
SIZE = (51, 68)  # half of the photographs' 102 x 136 pixels
MARKS = (tuple(f"{name}/" for name in CLASSES),)
WANTED = f"the folders {', '.join(CLASSES)}, or Kaggle's archive.zip, here or below"


def find(root: Path) -> Path:
    """The folder at or below ``root`` (or in an archive there) that holds the three classes.

    Raises:
        DataError: there is none, or it lacks a class; or another folder beside it holds them too.
    """
    found = locate(root, MARKS, "photographs of shoes", WANTED)
    beside = entries(found.parent) if found != root and found.is_relative_to(root) else []
    for other in beside:
        inside = {entry.name.lower() for entry in entries(other) if entry.is_dir()} if other.is_dir() else set()
        if other != found and inside.issuperset(name.lower() for name in CLASSES):
            raise DataError(f"{text(found)} and {text(other)} both hold photographs of shoes; name one of them")
    return found


def _from_folder(root: Path, size: tuple[int, int], source: Source) -> ImageSet:
    classes = folder.list_images(root, CLASSES, folder.PHOTOGRAPHS)
    for name, paths in classes.items():
        for path in paths:
            label = path.stem.split(" ")[0].capitalize()
            if label in CLASSES and label != name:
                raise DataError(f"{text(path)} is named after the class {label} but lies in that of {name}")
    return folder.read("shoes", root, classes, size, folder.PHOTOGRAPHS, source)


def _fetch(target: Path) -> None:
    kaggle(KAGGLE, target)
    find(target)  # refuses what is not the data set


def read(root: Path | None, size: tuple[int, int], kind: str | None) -> ImageSet:
    """The shoes from ``root`` or, in this order, ``$HW3_DATA``, the cache, Kaggle, stand-ins; ``kind`` allows one.

    What is named is read or refused: the others are asked only where no folder is named.
    """
    named = root or (data_dir() if kind in (None, "folder") else None)
    if named:
        return _from_folder(find(named), size, Source("folder", "a local folder with the assignment's photographs"))
    fetched = official("shoes", "kaggle", SERVER, _fetch, kind)
    if fetched:
        place, how = fetched
        words = {"cache": "Kaggle's photographs in the user's cache", "kaggle": "Kaggle's photographs, downloaded"}
        return _from_folder(find(place), size, Source(how, words[how]))
    return standins.image_set("shoes", kind, size, standins.FOOTWEAR, per_class=5000)
