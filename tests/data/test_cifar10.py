import tarfile

import numpy as np
import pytest

from hw3.data import DataError, cifar10, load


@pytest.fixture
def official(tmp_path, monkeypatch, clean_cache):
    """A small copy of the official layout: 20 records a file."""
    monkeypatch.setattr(cifar10, "RECORDS", 20)
    monkeypatch.delenv("HW3_DATA", raising=False)
    cifar10.read.cache_clear()
    folder = tmp_path / cifar10.FOLDER
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in cifar10.FILES:
        records = random.integers(0, 256, (20, cifar10.RECORD), dtype=np.uint8)
        records[:, 0] = np.arange(20) % 10
        (folder / name).write_bytes(records.tobytes())
    yield folder
    cifar10.read.cache_clear()


def test_records_are_read_plane_by_plane(official):
    data = load("cifar10", root=official, quiet=True)
    assert data.images.shape == (120, 3, 32, 32)
    assert data.test_from == 100
    assert data.labels[:12].tolist() == [*range(10), 0, 1]
    raw = (official / "data_batch_2.bin").read_bytes()
    record = raw[3 * cifar10.RECORD : 4 * cifar10.RECORD]  # the fourth image of the second file
    channel, row, column = 2, 5, 7
    assert data.images[23, channel, row, column] == record[1 + channel * 1024 + row * 32 + column]
    assert data.files[23] == "data_batch_2.bin:3"


def test_hw3_data_is_looked_into(official, monkeypatch):
    monkeypatch.setenv("HW3_DATA", str(official.parent))
    assert load("cifar10", quiet=True).source.kind == "folder"


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda f: (f / "test_batch.bin").unlink(), "lacks test_batch.bin"),
        (lambda f: (f / "data_batch_1.bin").write_bytes(b"\x00" * 5000), "data_batch_1.bin has 5000 bytes instead of"),
        (lambda f: (f / "data_batch_3.bin").write_bytes(b"\xff" * 20 * 3073), "data_batch_3.bin has the label 255"),
    ],
)
def test_a_broken_file_is_named(official, break_it, words):
    break_it(official)
    with pytest.raises(DataError, match=words):
        load("cifar10", root=official)


class TestDownload:
    """The archive's server is replaced by a local file; what is tested is the checksum and the unpacking."""

    @pytest.fixture(autouse=True)
    def _archive(self, official, tmp_path, monkeypatch):
        archive = tmp_path / "archive.tar.gz"
        with tarfile.open(archive, "w:gz") as file:
            file.add(official, cifar10.FOLDER)
        monkeypatch.setattr(cifar10, "reachable", lambda url: True)
        monkeypatch.setattr(cifar10, "ARCHIVE", archive.as_uri())
        self.archive = archive

    def test_an_archive_with_the_right_checksum_lands_in_the_cache(self, monkeypatch, clean_cache):
        import hashlib

        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", hashlib.md5(self.archive.read_bytes()).hexdigest())
        assert load("cifar10", quiet=True).source.kind == "official"
        cifar10.read.cache_clear()
        assert load("cifar10", quiet=True).source.kind == "cache"

    def test_another_checksum_is_refused_and_leaves_nothing(self, clean_cache):
        with pytest.raises(DataError, match="came with MD5"):
            load("cifar10", quiet=True)
        assert not (clean_cache / "cifar10").exists()


def test_digits_stand_in_for_all_ten_classes(clean_cache):
    data = load("cifar10", source="digits", quiet=True)
    assert data.images.shape[1:] == (3, 32, 32)
    assert len(data.class_names) == 10
    assert data.source.stand_in


def test_a_size_is_refused():
    with pytest.raises(ValueError, match="for the shoes only"):
        load("cifar10", size=(64, 64))
