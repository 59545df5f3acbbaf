"""The photographs of shoes in every layout in which they are handed on, and what is no such layout."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from hw3.data import shoes
from hw3.files import DataError

KAGGLES = "Shoe vs Sandal vs Boot Dataset"


def load(root=None, kind=None):
    return shoes.read(root, shoes.SIZE, kind)


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.jpg")):
            archive.write(file, file.relative_to(folder))
    shutil.rmtree(folder)


LAYOUTS = {
    "shoes": lambda data, make: make(data / "shoes"),
    "lower case": lambda data, make: make(data / "shoes", ("boot", "sandal", "shoe")),
    "directly": lambda data, make: make(data),
    "directly, beside others": lambda data, make: [make(data), (data / "weights").mkdir(), (data / "x.zip").touch()],
    "Kaggle's folder": lambda data, make: make(data / KAGGLES),
    "Kaggle's folder in another": lambda data, make: make(data / "shoes" / "archive" / KAGGLES),
    "Kaggle's archive": lambda data, make: zipped(make(data / "x" / KAGGLES).parent, data / "archive.zip"),
    "Kaggle's archive in shoes": lambda data, make: [
        (data / "shoes").mkdir(),
        zipped(make(data / "x" / KAGGLES).parent, data / "shoes" / "archive.zip"),
    ],
    "an archive of its own": lambda data, make: zipped(make(data / "x"), data / "shoes.zip"),
    "a Mac's": lambda data, make: [make(data / "shoes"), make(data / "__MACOSX" / "shoes"), make(data / "._shoes")],
    "a link": lambda data, make: [make(data / ".there"), (data / "shoes").symlink_to(data / ".there")],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hw3_data_is_read_in_every_layout(tmp_path, make_folder, monkeypatch, layout):
    data = tmp_path / "data"
    data.mkdir()
    LAYOUTS[layout](data, make_folder)
    monkeypatch.setenv("HW3_DATA", str(data))
    images = load()
    assert images.source.kind == "folder"
    assert images.class_names == ("Boot", "Sandal", "Shoe")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert all((shoes.find(data) / name).is_file() for name in images.files)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (lambda data, make: None, "data holds no photographs of shoes; it holds nothing.*stand-ins"),
        (lambda data, make: (data / "cifar-10-batches-bin").mkdir(), "it holds cifar-10-batches-bin/"),
        (lambda data, make: make(data / "shoes", ("Boots", "Sandals")), "no photographs of shoes; it holds shoes/"),
        (lambda data, make: make(data / "shoes", ("boot", "Sandal")), "shoes lacks Shoe/: the folders Boot, Sandal"),
        (lambda data, make: (data / "shoes").symlink_to("shoes"), r"shoes \(a broken link\)"),
        (lambda data, make: (data / "shoes").symlink_to("gone"), r"shoes \(a broken link\)"),
        (lambda data, make: (data / "archive.zip").write_bytes(b"PK"), "archive.zip cannot be unpacked"),
        (lambda data, make: [make(data, ("Boot", "Sandal")), os.mkfifo(data / "Shoe")], "lacks Shoe/"),
    ],
)
def test_what_hw3_data_names_is_never_passed_over(tmp_path, make_folder, monkeypatch, layout, words):
    data = tmp_path / "data"
    data.mkdir()
    layout(data, make_folder)
    monkeypatch.setenv("HW3_DATA", str(data))
    for _ in range(2):
        with pytest.raises(DataError, match=words):
            load()


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (
            lambda root: shutil.move(root / "Boot" / "boot (0).jpg", root / "Shoe"),
            r"boot \(0\).jpg is named after the class Boot but lies in that of Shoe",
        ),
        (lambda root: shutil.copy(root / "Boot" / "boot (0).jpg", root), r"boot \(0\).jpg is out of place"),
        (lambda root: shutil.copytree(root / "Boot", root / "Slipper"), "Slipper is out of place"),
        (lambda root: os.mkfifo(root / "Boot" / "boot (9).jpg"), r"boot \(9\).jpg is no regular file"),
        (lambda root: Image.new("RGB", (136, 102)).save(root / "Boot" / "x.png"), "x.png is not a JPEG file"),
        (
            lambda root: Image.new("RGB", (136, 102)).save(root / "Boot" / "boot (9).jpg", "PNG"),
            r"boot \(9\).jpg is corrupt, truncated or not a JPEG",
        ),
    ],
)
def test_a_broken_folder_is_refused_with_the_files_name(tmp_path, make_folder, break_it, words):
    break_it(make_folder(tmp_path))
    with pytest.raises(DataError, match=words):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_a_root_that_is_no_folder_is_named(tmp_path, kind):
    if kind == "a file":
        (tmp_path / "root").write_text("x")
    with pytest.raises(DataError, match=f"^{tmp_path}/root cannot be"):
        load(tmp_path / "root")


class TestKaggle:
    """kagglehub itself is replaced: this machine may have no internet. What is tested is what we do around it."""

    @pytest.fixture(autouse=True)
    def _reachable(self, monkeypatch):
        monkeypatch.setattr("hw3.data.download.reachable", lambda url: True)

    def test_a_download_lands_in_the_cache_and_is_not_asked_for_again(self, monkeypatch, make_folder, cache):
        import kagglehub

        monkeypatch.setattr(
            kagglehub,
            "dataset_download",
            lambda handle: str(make_folder(Path(os.environ["KAGGLEHUB_CACHE"]) / "files" / KAGGLES).parent),
        )
        first = load()
        assert first.source.kind == "kaggle"
        assert "KAGGLEHUB_CACHE" not in os.environ
        monkeypatch.delattr(kagglehub, "dataset_download")
        assert load().source.kind == "cache"
        assert load(kind="cache").digest == load(kind="kaggle").digest == first.digest

    def test_stand_ins_that_are_asked_for_are_used_beside_a_download(self, monkeypatch, make_folder):
        self.test_a_download_lands_in_the_cache_and_is_not_asked_for_again(
            monkeypatch, make_folder, Path(os.environ["HW3_CACHE"])
        )
        monkeypatch.setattr("hw3.data.standins.reachable", lambda url: False)
        monkeypatch.setattr(shutil, "which", lambda name: None)
        monkeypatch.setenv("HW3_DATA", "stand-ins")
        assert load().source.kind == "digits"

    @pytest.mark.parametrize("how", ["one bit", "cut short", "emptied"])
    def test_a_damaged_download_is_fetched_again(self, monkeypatch, make_folder, damage, capfd, how):
        import kagglehub

        def download(handle):
            return str(make_folder(Path(os.environ["KAGGLEHUB_CACHE"]) / "files"))

        monkeypatch.setattr(kagglehub, "dataset_download", download)
        before = load().digest
        damage("downloads/*/Boot/boot (1).jpg", how)
        assert load().digest == before
        assert "boot (1).jpg was changed); it is fetched again" in capfd.readouterr().err

    def test_a_download_that_breaks_is_an_error_and_leaves_nothing(self, monkeypatch, cache):
        import kagglehub

        def download(handle):
            raise ConnectionResetError("connection reset")

        monkeypatch.setattr(kagglehub, "dataset_download", download)
        for _ in range(2):
            with pytest.raises(DataError, match=r"download of hasibal.*connection reset"):
                load()
        assert not list(cache.glob("downloads/[!.]*"))

    def test_another_archive_is_refused(self, monkeypatch, make_folder, cache):
        import kagglehub

        monkeypatch.setattr(
            kagglehub,
            "dataset_download",
            lambda handle: str(make_folder(Path(os.environ["KAGGLEHUB_CACHE"]) / "files", ("Hat", "Coat"))),
        )
        with pytest.raises(DataError, match="holds no photographs of shoes; it holds Coat/, Hat/"):
            load()
        assert not list(cache.glob("downloads/[!.]*"))


def test_of_two_copies_neither_is_taken_in_silence(tmp_path, make_folder):
    make_folder(tmp_path / "test")
    make_folder(tmp_path / "train")
    with pytest.raises(DataError, match=r"test and .*train both hold photographs of shoes; name one"):
        shoes.find(tmp_path)
    assert shoes.find(tmp_path / "train") == tmp_path / "train"
