"""Where a data set lies: found however deep, spelled or packed; what is not there is said, with what would do."""

import io
import os
import tarfile
import zipfile
from pathlib import Path, PurePath

import pytest

from hw3.data.places import entries, locate, text, unpack, unpacked
from hw3.files import DataError

MARKS = (("One/", "Two/"), ("a.bin", "b.bin"))


def find(root):
    return locate(root, MARKS, "pairs", "One and Two")


def fill(folder, *names):
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir(parents=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")
    return folder


def pack(path, names, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (["One/", "Two/"], "."),
        (["one/", "TWO/"], "."),
        (["x/y/z/One/", "x/y/z/Two/"], "x/y/z"),
        (["in/a.bin", "in/b.bin"], "in"),
        (["in/deep/One/", "in/deep/Two/", "near/a.bin", "near/b.bin"], "near"),
        (["__MACOSX/One/", "__MACOSX/Two/", "z/One/", "z/Two/"], "z"),
        ([".hidden/One/", ".hidden/Two/", "z/One/", "z/Two/"], "z"),
        (["One/One/", "One/Two/"], "One"),
    ],
)
def test_the_nearest_place_that_holds_all_is_found(tmp_path, names, place):
    assert find(fill(tmp_path, *names)) == tmp_path / place


@pytest.mark.parametrize("name", ["archive.zip", "pairs/Archive.ZIP", "pairs.tar.gz", "deep/er/pairs.tgz", "pairs.tar"])
@pytest.mark.parametrize("inside", ["", "folder/in folder/"])
def test_an_archive_is_unpacked_into_the_cache(tmp_path, cache, name, inside):
    path = tmp_path / name
    pack(path.with_name(path.name.lower()), [f"__MACOSX/{inside}One/._x", f"{inside}One/1", f"{inside}two/2"])
    path.with_name(path.name.lower()).rename(path)
    place = find(tmp_path)
    assert place.is_relative_to(cache)
    assert (place / "One" / "1").read_bytes() == b"x"
    assert find(path) == place  # the archive itself may be named
    assert os.listdir(tmp_path)  # what is named is only read


@pytest.mark.parametrize("how", ["one bit", "cut short", "emptied"])
def test_a_damaged_unpacked_file_is_named_and_unpacked_again(tmp_path, damage, capfd, how):
    path = pack(tmp_path / "archive.zip", ["One/1", "Two/2"], content=b"pixels")
    before = find(path)
    damage("unpacked/*/One/1", how)
    assert find(path) == before
    assert (before / "One" / "1").read_bytes() == b"pixels"
    assert "1 was changed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], r"holds no pairs; it holds nothing: One and Two would do, and HW3_DATA=stand-ins does without"),
        (["other/", "notes.txt"], r"holds no pairs; it holds notes.txt, other/"),
        ([f"{i:02}/" for i in range(20)], r"07/, and 12 more"),
        (["in/One/"], r"in lacks Two/"),
        (["in/b.bin"], r"in lacks a.bin"),
        (["One/", "Two"], r"lacks Two/"),  # a file is no folder
        (["1/2/3/4/5/One/", "1/2/3/4/5/Two/"], r"holds no pairs; it holds 1/"),
        ([".hidden/One/", ".hidden/Two/"], r"holds nothing"),
    ],
)
def test_what_is_there_and_what_would_do_is_said(tmp_path, names, words):
    with pytest.raises(DataError, match=words):
        find(fill(tmp_path, *names))


def test_an_archive_that_lacks_something_is_named(tmp_path):
    pack(tmp_path / "archive.zip", ["One/1"])
    with pytest.raises(DataError, match=r"archive.zip lacks Two/"):
        find(tmp_path)


def test_links_to_nowhere_and_in_circles_are_named_and_end(tmp_path):
    (tmp_path / "pairs").symlink_to("pairs")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "up").symlink_to(".")
    with pytest.raises(DataError, match=r"gone \(a broken link\), pairs \(a broken link\), up/"):
        find(tmp_path)
    with pytest.raises(DataError, match="pairs cannot be read as a folder"):
        find(tmp_path / "pairs")
    fill(tmp_path, "One/", "Two/")
    assert find(tmp_path / "up") == tmp_path / "up"


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_root_that_is_no_folder_is_named(tmp_path, kind):
    if kind == "file":
        (tmp_path / "root").write_text("x")
    with pytest.raises(DataError, match=rf"{tmp_path}/root cannot be (read as a folder|unpacked)"):
        find(tmp_path / "root")


@pytest.mark.parametrize("name", ["archive.zip", "archive.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not more", b"\x1f\x8b\x08 not more"])
def test_a_broken_archive_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} cannot be unpacked"):
        find(tmp_path)


@pytest.mark.parametrize("name", ["archive.zip", "archive.tar.gz"])
def test_an_archive_cut_short_is_named_and_nothing_of_it_is_kept(tmp_path, cache, name):
    path = pack(tmp_path / name, ["One/1", "Two/2"], content=os.urandom(100_000))
    path.write_bytes(path.read_bytes()[:150_000])
    for _ in range(2):
        with pytest.raises(DataError, match=rf"{name} cannot be unpacked .*fetch it again"):
            find(path)
    assert not list(cache.glob("unpacked/[!.]*"))


@pytest.mark.parametrize("name", ["archive.zip", "archive.tar"])
@pytest.mark.parametrize("inside", ["../outside", "/outside", "One/../../outside"])
def test_nothing_is_written_outside_of_the_folder(tmp_path, name, inside):
    path = pack(tmp_path / name, ["One/1", inside])
    target = tmp_path / "deep" / "target"
    try:
        unpack(path, target)
    except DataError as error:
        assert name in str(error)  # noqa: PT017
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "deep" / "outside").exists()
    assert not Path("/outside").exists()


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path):
    with tarfile.open(tmp_path / "bomb.tar", "w") as archive:
        member = tarfile.TarInfo("One/1")
        member.size = 5 * 2**30
        archive.addfile(member)  # the header alone
    with pytest.raises(DataError, match=r"bomb.tar would unpack to over 4 GB"):
        unpacked(tmp_path / "bomb.tar")


def test_what_systems_leave_behind_is_passed_over(tmp_path):
    left = ["__MACOSX/", "._a", ".DS_Store", "Thumbs.db", "desktop.ini", ".Spotlight-V100/", "@eaDir/", "Desktop.ini"]
    left += ["#recycle/", "@Recycle/", "#snapshot/", "Network Trash Folder/", "Temporary Items/", "Picasa.ini"]
    fill(tmp_path, *left, "a", "b/")
    assert [entry.name for entry in entries(tmp_path)] == ["a", "b"]


def test_names_of_any_bytes_are_printable(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    fill(odd, "One/")
    assert text(PurePath(odd.name)) == r"caf\xe9"
    with pytest.raises(DataError, match=r"caf\\xe9 lacks Two/") as raised:
        find(odd)
    str(raised.value).encode("utf-8")
