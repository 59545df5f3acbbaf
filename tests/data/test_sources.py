import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from hw3.data import DataError, load, shoes
from hw3.data.folder import CLASSES, decode


def make_folder(root, per_class=3):
    random = np.random.default_rng(0)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for index in range(per_class):
            pixels = random.integers(0, 256, (102, 136, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{name.lower()} ({index}).jpg")
    return root


@pytest.fixture
def photographs(tmp_path, clean_cache):
    return make_folder(tmp_path / "photographs")


def test_a_folder_is_read_in_the_order_of_its_classes(photographs, capsys):
    data = load("shoes", root=photographs)
    assert data.images.shape == (9, 3, 51, 68)
    assert data.images.dtype == torch.uint8
    assert data.images.is_contiguous(memory_format=torch.channels_last)
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert data.class_names == CLASSES
    assert "9 images" in capsys.readouterr().out
    for name, image in zip(data.files, data.images, strict=True):
        expected = np.asarray(Image.open(photographs / name)).astype(float)
        expected = expected.reshape(51, 2, 68, 2, 3).mean((1, 3))  # each 2 x 2 block averaged, by hand
        assert np.abs(image.permute(1, 2, 0).numpy() - expected).max() <= 1  # Pillow rounds twice


def test_an_archive_folder_inside_is_found(tmp_path, clean_cache):
    make_folder(tmp_path / "archive" / "Shoe vs Sandal vs Boot Dataset")
    assert len(load("shoes", root=tmp_path / "archive", quiet=True)) == 9


def truncate(path):
    path.write_bytes(path.read_bytes()[:400])


BREAKAGES = {
    "truncated": (lambda root: truncate(root / "Boot" / "boot (1).jpg"), r"boot \(1\).jpg is corrupt"),
    "empty file": (lambda root: (root / "Shoe" / "shoe (0).jpg").write_bytes(b""), r"shoe \(0\).jpg is corrupt"),
    "no image": (lambda root: (root / "Shoe" / "shoe (0).jpg").write_text("hello"), r"shoe \(0\).jpg is corrupt"),
    "grey": (lambda root: Image.new("L", (136, 102)).save(root / "Sandal" / "sandal (2).jpg"), "colour mode L"),
    "wrong class": (
        lambda root: shutil.move(root / "Boot" / "boot (0).jpg", root / "Shoe"),
        r"boot \(0\).jpg is named after the class Boot but lies in the folder Shoe",
    ),
    "outside": (lambda root: shutil.copy(root / "Boot" / "boot (0).jpg", root), r"boot \(0\).jpg is out of place"),
    "other file": (lambda root: (root / "Boot" / "notes.txt").write_text(""), "notes.txt is not a JPEG"),
    "empty class": (lambda root: [p.unlink() for p in (root / "Boot").iterdir()], "Boot is empty"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_broken_folder_is_refused_with_the_files_name(photographs, clean_cache, breakage):
    break_it, words = BREAKAGES[breakage]
    break_it(photographs)
    with pytest.raises(DataError, match=words):
        load("shoes", root=photographs)
    assert not list((clean_cache).glob("decoded/*.npy"))


def test_a_missing_class_in_hw3_data_is_not_passed_over(tmp_path, clean_cache, monkeypatch):
    make_folder(tmp_path / "data" / "shoes")
    shutil.rmtree(tmp_path / "data" / "shoes" / "Shoe")
    monkeypatch.setenv("HW3_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match="lacks the class folder Shoe"):
        load("shoes")


def test_hw3_data_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load("shoes")


def test_a_changed_image_is_decoded_anew(photographs):
    before = load("shoes", root=photographs, quiet=True)
    Image.new("RGB", (136, 102), "red").save(photographs / "Boot" / "boot (0).jpg")
    shoes.read.cache_clear()
    after = load("shoes", root=photographs, quiet=True)
    assert after.digest != before.digest
    assert not torch.equal(after.images[0], before.images[0])


def test_an_image_of_another_size_is_scaled(tmp_path):
    Image.new("RGB", (135, 102), "blue").save(tmp_path / "image.jpg")
    assert decode(tmp_path / "image.jpg", (51, 68)).shape == (51, 68, 3)


class TestKaggle:
    """kagglehub itself is replaced: this machine may have no internet. What is tested is what we do around it."""

    @pytest.fixture(autouse=True)
    def _reachable(self, clean_cache, monkeypatch):
        monkeypatch.delenv("HW3_DATA", raising=False)
        monkeypatch.setattr(shoes, "reachable", lambda url: True)
        shoes.read.cache_clear()
        yield
        shoes.read.cache_clear()

    def test_a_download_lands_in_the_cache(self, monkeypatch, clean_cache):
        import kagglehub

        def download(handle):
            import os

            return str(make_folder(clean_cache.__class__(os.environ["KAGGLEHUB_CACHE"]) / "files" / "dataset").parent)

        monkeypatch.setattr(kagglehub, "dataset_download", download)
        assert load("shoes", quiet=True).source.kind == "kaggle"
        shoes.read.cache_clear()
        assert load("shoes", quiet=True).source.kind == "cache"

    def test_a_download_that_breaks_is_an_error_and_leaves_nothing(self, monkeypatch, clean_cache):
        import kagglehub

        def download(handle):
            raise ConnectionResetError("connection reset")

        monkeypatch.setattr(kagglehub, "dataset_download", download)
        with pytest.raises(DataError, match=r"download of hasibal.*connection reset"):
            load("shoes", quiet=True)
        assert not (clean_cache / "shoes").exists()


def test_digits_are_always_there(clean_cache):
    data = load("shoes", source="digits", quiet=True)
    assert data.source.stand_in
    assert data.images.shape[1:] == (3, 51, 68)
    assert data.labels.unique().tolist() == [0, 1, 2]
    assert data.images[:, :, 0, 0].min() == 255  # white ground, as in the photographs


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"name": "hats"}, KeyError, "'hats'.*'shoes'"),
        ({"name": "shoes", "source": "web"}, ValueError, "'web'.*kaggle"),
        ({"name": "shoes", "root": ".", "source": "digits"}, ValueError, "read as a folder only"),
        ({"name": "shoes", "size": (51,)}, ValueError, r"\(51,\)"),
        ({"name": "shoes", "root": "/nowhere"}, DataError, "/nowhere holds no folders Boot"),
    ],
)
def test_bad_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        load(**arguments)
