"""CIFAR-10 in every form in which it is handed on; a small copy of the official files stands for them."""

import hashlib
import os
import pickle
import tarfile

import numpy as np
import pytest

from hw3.data import cifar10
from hw3.files import DataError


@pytest.fixture
def official(tmp_path, monkeypatch):
    """The binary version with 20 records a file, and its checksums in the place of the official ones."""
    monkeypatch.setattr(cifar10, "RECORDS", 20)
    folder = tmp_path / "data" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in cifar10.CHECKSUMS:
        records = random.integers(0, 256, (20, cifar10.RECORD), dtype=np.uint8)
        records[:, 0] = np.arange(20) % 10
        (folder / f"{name}.bin").write_bytes(records.tobytes())
        monkeypatch.setitem(cifar10.CHECKSUMS, name, hashlib.sha256(records.tobytes()).hexdigest())
    (folder / "batches.meta.txt").write_text("airplane\n")
    monkeypatch.setenv("HW3_DATA", str(tmp_path / "data"))
    return folder


def pickled(binary, dump=None, protocol=2, key=str, labels=list, keep=False):
    """The Python version of the binary files, in a folder beside them; the binary ones are removed."""
    folder = binary.with_name("cifar-10-batches-py")
    folder.mkdir()
    for path in sorted(binary.glob("*.bin")):
        records = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, cifar10.RECORD)
        batch = {"data": records[:, 1:].copy(), "labels": labels(records[:, 0].tolist()), "batch_label": "of 5"}
        batch = {key(name): value for name, value in batch.items()}
        (folder / path.stem).write_bytes(dump(records) if dump else pickle.dumps(batch, protocol))
        if not keep:
            path.unlink()
    (folder / "batches.meta").write_bytes(b"")
    return folder


def of_2009(records):
    """A batch as Python 2 and its numpy pickled it: text and bytes alike, modules under their old names."""
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K%cM\x00\x0c\x86"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
    pixels = records[:, 1:].tobytes()
    labels = b"".join(b"K%c" % label for label in records[:, 0].tolist())
    return (
        b"\x80\x02}(U\x04data" + array % len(records) + dtype + len(pixels).to_bytes(4, "little") + pixels + b"tb"
        b"U\x06labels](" + labels + b"eu."
    )


def packed(folder, name):
    with tarfile.open(folder.parent / name, "w:gz") as archive:
        archive.add(folder, folder.name)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def directly(folder):
    for path in folder.iterdir():
        path.rename(folder.parent / path.name)
    folder.rmdir()


def capitals(folder):
    for path in folder.iterdir():
        path.rename(path.with_name(path.name.upper()))


LAYOUTS = {
    "binary": lambda folder: None,
    "binary, deep": lambda folder: os.renames(folder, folder.parent / "cifar10" / "raw" / folder.name),
    "binary files directly": directly,
    "binary archive": lambda folder: packed(folder, "cifar-10-binary.tar.gz"),
    "pickles": pickled,
    "pickles of 2009": lambda folder: pickled(folder, dump=of_2009),
    "pickles of Python 3": lambda folder: pickled(folder, protocol=5, labels=np.array),
    "pickles with bytes as keys": lambda folder: pickled(folder, key=str.encode),
    "pickles directly": lambda folder: directly(pickled(folder)),
    "archive of pickles": lambda folder: packed(pickled(folder), "cifar-10-python.tar.gz"),
    "binary in capitals": capitals,
    "pickles in capitals": lambda folder: capitals(pickled(folder)),
    "both": lambda folder: pickled(folder, keep=True),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_hw3_data_is_read_in_every_layout_to_the_same_images(official, layout):
    before = cifar10.read(official, None)
    LAYOUTS[layout](official)
    data = cifar10.read(None, None)
    assert data.source.kind == "folder"
    assert data.digest == before.digest
    assert data.files == before.files


def test_records_are_read_plane_by_plane(official):
    data = cifar10.read(official, None)
    assert data.images.shape == (120, 3, 32, 32)
    assert data.test_from == 100
    assert data.labels[:12].tolist() == [*range(10), 0, 1]
    raw = (official / "data_batch_2.bin").read_bytes()
    record = raw[3 * cifar10.RECORD : 4 * cifar10.RECORD]  # the fourth image of the second file
    channel, row, column = 2, 5, 7
    assert data.images[23, channel, row, column] == record[1 + channel * 1024 + row * 32 + column]
    assert data.files[23] == "data_batch_2:3"
    assert data.class_names[6] == "frog"


def test_the_official_checksums_are_those_of_the_official_files():
    """Over 10,000 records each; the first starts with a frog, as everybody's."""
    assert cifar10.RECORDS * cifar10.RECORD == 30_730_000
    assert len(set(cifar10.CHECKSUMS.values())) == 6
    assert cifar10.CHECKSUMS["test_batch"].startswith("8e2eb146ae34")


def zeros(path):
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2))


def flipped(path):
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda f: (f / "test_batch.bin").unlink(), "cifar-10-batches-bin lacks test_batch.bin"),
        (lambda f: (f / "data_batch_1.bin").write_bytes(bytes(5000)), "data_batch_1.bin has 5000 bytes instead of"),
        (lambda f: (f / "data_batch_1.bin").write_bytes(b""), "data_batch_1.bin has 0 bytes instead of"),
        (lambda f: (f / "data_batch_3.bin").write_bytes(b"\xff" * 20 * 3073), "data_batch_3.bin is damaged"),
        (lambda f: zeros(f / "data_batch_4.bin"), "data_batch_4.bin is damaged: its images and labels are not those"),
        (lambda f: flipped(f / "test_batch.bin"), "test_batch.bin is damaged"),
        (
            lambda f: (f / "data_batch_3.bin").write_bytes((f / "data_batch_1.bin").read_bytes()),
            "data_batch_3.bin is a copy of data_batch_1",
        ),
        (
            lambda f: [(f / "data_batch_3.bin").unlink(), os.mkfifo(f / "data_batch_3.bin")],
            "data_batch_3.bin is no file of CIFAR-10",
        ),
    ],
)
def test_a_broken_file_is_named(official, break_it, words):
    break_it(official)
    for root in (official, None):
        with pytest.raises(DataError, match=words):
            cifar10.read(root, None)


class Dangerous:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps(Dangerous()), r"it names posix.system"),
        (pickle.dumps({"data": Dangerous(), "labels": []}), r"it names posix.system"),
        (pickle.dumps([1, 2]), "is no batch"),
        (pickle.dumps({"data": np.zeros((20, 3072), np.int8), "labels": [0] * 20}), "pixels are int8"),
        (pickle.dumps({"data": np.zeros((20, 3072), np.uint8)}), "labels"),
        (pickle.dumps({"data": np.zeros((20, 3000), np.uint8), "labels": [0] * 20}), "is damaged"),
        (b"", "is no batch"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is no batch"),
    ],
)
def test_a_pickle_executes_nothing_and_is_named(official, tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    path = pickled(official) / "data_batch_2"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path}.*{words}") as raised:
        cifar10.read(None, None)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "executed").exists()


def test_a_huge_pickle_is_refused_unread(official):
    path = pickled(official) / "data_batch_2"
    with path.open("r+b") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(DataError, match="data_batch_2 is no file of CIFAR-10"):
        cifar10.read(None, None)


@pytest.mark.parametrize("there", [[], ["shoes"]])
def test_a_folder_without_cifar10_is_no_reason_for_stand_ins(tmp_path, monkeypatch, there):
    for name in there:
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HW3_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"holds no images of CIFAR-10; it holds .*cifar-10-batches-py.*HW3_DATA="):
        cifar10.read(None, None)


class TestDownload:
    """The archive's server is replaced by a local file; what is tested is the checksum and the unpacking."""

    @pytest.fixture(autouse=True)
    def _archive(self, official, tmp_path, monkeypatch):
        self.archive = tmp_path / "cifar-10-binary.tar.gz"
        with tarfile.open(self.archive, "w:gz") as file:
            file.add(official, official.name)
        monkeypatch.delenv("HW3_DATA")
        monkeypatch.setattr("hw3.data.download.reachable", lambda url: True)
        monkeypatch.setattr(cifar10, "ARCHIVE", self.archive.as_uri())
        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", hashlib.md5(self.archive.read_bytes()).hexdigest())

    def test_an_archive_with_the_right_checksum_lands_in_the_cache(self):
        first = cifar10.read(None, None)
        assert first.source.kind == "official"
        self.archive.unlink()
        again = cifar10.read(None, None)
        assert again.source.kind == "cache"
        assert again.digest == first.digest

    @pytest.mark.parametrize("how", ["one bit", "cut short", "emptied"])
    def test_a_damaged_download_is_fetched_again(self, damage, capfd, how):
        before = cifar10.read(None, None).digest
        damage("downloads/*/cifar-10-batches-bin/data_batch_2.bin", how)
        assert cifar10.read(None, None).digest == before
        assert "data_batch_2.bin was changed); it is fetched again" in capfd.readouterr().err

    def test_another_checksum_is_refused_and_leaves_nothing(self, cache, monkeypatch):
        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", "0" * 32)
        for _ in range(2):
            with pytest.raises(DataError, match=r"came with MD5 .* instead of 0000"):
                cifar10.read(None, None)
        assert not list(cache.glob("downloads/[!.]*"))


def test_digits_stand_in_for_all_ten_classes():
    data = cifar10.read(None, "digits")
    assert data.images.shape[1:] == (3, 32, 32)
    assert len(data.class_names) == 10
    assert data.source.stand_in
