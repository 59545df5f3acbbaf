"""``load(name)``: a data set in memory, from the first source that has it."""

from pathlib import Path

from hw3.data import cifar10, shoes
from hw3.data.images import ImageSet

DATA_SETS = ("shoes", "cifar10")
SOURCES = ("folder", "cache", "kaggle", "official", "fashion-mnist", "digits")


def load(
    name: str,
    root: str | Path | None = None,
    source: str | None = None,
    size: tuple[int, int] | None = None,
    quiet: bool = False,
) -> ImageSet:
    """The data set ``name``, "shoes" or "cifar10", in memory, and a printed line that says where it came from. Loading
    the same again in one process gives the same object; treat its tensors as read-only.

    Args:
        root: a folder with the data (the three class folders, or CIFAR-10's binary files); without it, the folder of
            that name in ``$HW3_DATA``, the user's cache, the download (Kaggle; the official archive), Fashion-MNIST and
            scikit-learn's digits are tried in this order.
        source: one of ``SOURCES``, to allow that one only.
        size: (height, width) in pixels to which the shoes are averaged down, by default (51, 68). CIFAR-10's images
            are 32 x 32, always.
        quiet: leave the printed line out.

    Raises:
        KeyError, ValueError: an unknown name, source or size.
        DataError: images that are there but broken; the message names the file.
    """
    if name not in DATA_SETS:
        raise KeyError(f"no data set is called {name!r}; there are {', '.join(map(repr, DATA_SETS))}")
    if source is not None and source not in SOURCES:
        raise ValueError(f"source is {source!r}; it must be one of {', '.join(SOURCES)}")
    if size is not None and (name == "cifar10" or len(size) != 2 or min(size) < 8):
        raise ValueError(f"size is {size!r}; give (height, width), at least 8 pixels each, for the shoes only")
    if root is not None and source not in (None, "folder"):
        raise ValueError(f"root is {str(root)!r} and source is {source!r}; a root is read as a folder only")
    folder = Path(root).expanduser() if root is not None else None
    if name == "shoes":
        data = shoes.read(folder, shoes.SIZE if size is None else (size[0], size[1]), source)
    else:
        data = cifar10.read(folder, source)
    if not quiet:
        print(data)
    return data
