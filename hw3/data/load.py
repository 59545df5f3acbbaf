"""``load``: a data set by its name, from the first place that has it; ``load_folder``: any folder of classes."""

from collections.abc import Sequence
from operator import index
from pathlib import Path, PurePath

from hw3.data import cifar10, shoes
from hw3.data.folder import ANY, list_images, read
from hw3.data.images import ImageSet, Source
from hw3.data.places import text
from hw3.files import DataError

DATA_SETS = ("shoes", "cifar10")
SOURCES = ("folder", "cache", "kaggle", "official", "fashion-mnist", "digits")


def load(
    name: str,
    root: str | Path | None = None,
    source: str | None = None,
    size: tuple[int, int] | None = None,
    quiet: bool = False,
) -> ImageSet:
    """The data set ``name``, "shoes" or "cifar10", in memory, and a printed line that says where it came from.

    Args:
        root: a folder with the data at or below it, or an archive with them. Without it ``$HW3_DATA`` is read where it
            is set; else the user's cache, the download (Kaggle; the official archive), Fashion-MNIST and scikit-learn's
            digits are tried in this order, and of them only the last two where ``HW3_DATA=stand-ins``.
        source: one of ``SOURCES``, to allow that one only.
        size: (height, width) in pixels to which the shoes are averaged down, by default (51, 68). CIFAR-10's images
            are 32 x 32, always.
        quiet: leave the printed line out.

    Raises:
        KeyError, ValueError: an unknown name, source or size.
        DataError: a folder that is named and lacks the data set, or images that are there but broken; the message names
            the folder or file, and what would do.
    """
    if name not in DATA_SETS:
        raise KeyError(f"no data set is called {name!r}; there are {', '.join(map(repr, DATA_SETS))}")
    if source is not None and source not in SOURCES:
        raise ValueError(f"source is {source!r}; it must be one of {', '.join(SOURCES)}")
    if size is not None and name == "cifar10":
        raise ValueError(f"size is {size!r}; CIFAR-10's images are 32 x 32, a size is for the shoes only")
    if root is not None and source not in (None, "folder"):
        raise ValueError(f"root is {str(root)!r} and source is {source!r}; a root is read as a folder only")
    folder = _folder(root) if root is not None else None
    if name == "shoes":
        data = shoes.read(folder, shoes.SIZE if size is None else _checked(size), source)
    else:
        data = cifar10.read(folder, source)
    if not quiet:
        print(data)
    return data


def load_folder(root: str | Path, size: tuple[int, int], name: str | None = None) -> ImageSet:
    """The RGB images, JPEG or PNG, of any folder that holds one folder for each class, all scaled to ``size`` = (H, W).

    The folders' names in their order are the class names; ``name`` is by default that of ``root``.

    Raises:
        ValueError: a size below 8 pixels, or an empty name of a folder.
        DataError: fewer than two classes, an empty one, or a file that is no image; the message names it.
    """
    size = _checked(size)
    folder = _folder(root)
    classes = list_images(folder, None, ANY)
    if len(classes) < 2:
        raise DataError(
            f"{text(folder)} holds {len(classes)} folders; at least two, each with a class's images, would do"
        )
    called = text(PurePath(folder.name))
    return read(name or called, folder, classes, size, ANY, Source("folder", f"the folder {called}"))


def _folder(root: str | Path) -> Path:
    if not str(root).strip():
        raise ValueError(f"the folder is {root!r}; give its path, '.' for the one where you are")
    try:
        return Path(root).expanduser().absolute()
    except RuntimeError as error:  # ~somebody
        raise ValueError(f"the folder is {str(root)!r}; no such user is known here") from error


def _checked(size: Sequence[int]) -> tuple[int, int]:
    """(height, width) as plain numbers."""
    try:
        height, width = map(index, size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 8:
        raise ValueError(f"size is {size!r}; give (height, width), whole numbers of at least 8 pixels")
    return height, width
