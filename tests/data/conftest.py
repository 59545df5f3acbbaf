"""Each test of the data has a cache of its own and no data but what it makes."""

import os

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("HW3_CACHE", str(folder))
    monkeypatch.delenv("HW3_DATA", raising=False)
    monkeypatch.delenv("HW3_PROGRESS", raising=False)
    return folder


@pytest.fixture
def make_folder():
    """Writes photographs of noise, 136 x 102, into class folders."""

    def make(root, names=("Boot", "Sandal", "Shoe"), per_class=3, suffix=".jpg", size=(102, 136)):
        random = np.random.default_rng(0)
        for name in names:
            (root / name).mkdir(parents=True)
            for index in range(per_class):
                pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{name.lower()} ({index}){suffix}")
        return root

    return make


@pytest.fixture
def damage(cache):
    """Changes, cuts or empties a kept file, as a disk does: what is kept of it is read anew, as by another process."""

    def hurt(pattern, how):
        (path,) = cache.glob(pattern)
        raw = bytearray(path.read_bytes())
        if how == "one bit":
            raw[len(raw) // 2] ^= 1
        path.write_bytes({"one bit": raw, "cut short": raw[: len(raw) // 2], "emptied": b""}[how])
        record = next(parent / "entry.json" for parent in path.parents if (parent / "entry.json").exists())
        os.utime(record, ns=(1, 1))

    return hurt
