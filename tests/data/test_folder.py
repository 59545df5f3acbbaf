"""Folders of photographs: everything in them is read, or refused by its name."""

import os
import struct

import numpy as np
import pytest
from PIL import Image

from hw3.data.folder import ANY, PHOTOGRAPHS, decode, list_images, read
from hw3.data.images import Source
from hw3.files import DataError

SIZE = (51, 68)


def photograph(path, size=(136, 102), colour="red", **options):
    Image.new("RGB", size, colour).save(path, **options)
    return path


def with_header(path, width, height):
    """A JPEG whose header says another size."""
    photograph(path, (16, 16))
    raw = bytearray(path.read_bytes())
    start = raw.index(b"\xff\xc0") + 5
    raw[start : start + 4] = struct.pack(">HH", height, width)
    path.write_bytes(raw)


def animated(path):
    Image.new("RGB", (136, 102)).save(path, format="GIF")


BROKEN = {
    "empty": (lambda path: path.write_bytes(b""), "is corrupt"),
    "text": (lambda path: path.write_text("hello"), "is corrupt"),
    "cut short": (lambda path: path.write_bytes(photograph(path).read_bytes()[:400]), "is corrupt"),
    "a PNG": (lambda path: Image.new("RGB", (136, 102)).save(path, "PNG"), "not a JPEG"),
    "a WEBP": (lambda path: Image.new("RGB", (136, 102)).save(path, "WEBP"), "not a JPEG"),
    "an EPS": (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "not a JPEG"),
    "grey": (lambda path: Image.new("L", (136, 102)).save(path), "colour mode L; RGB"),
    "for print": (lambda path: Image.new("CMYK", (136, 102)).save(path), "colour mode CMYK; RGB"),
    "tiny": (lambda path: photograph(path, (1, 1)), "is 1 x 1 pixels; sides from 48 to 4096"),
    "a strip": (lambda path: photograph(path, (500, 20)), "is 500 x 20 pixels"),
    "a long strip": (lambda path: photograph(path, (500, 60)), "one at most 3 times the other"),
    "huge by its header": (lambda path: with_header(path, 9000, 9000), "is 9000 x 9000 pixels"),
    "long by its header": (lambda path: with_header(path, 1300, 65_500), "is 1300 x 65500 pixels"),
    "a bomb": (lambda path: with_header(path, 65_500, 65_500), "more pixels than any photograph"),
    "half a bomb": (lambda path: with_header(path, 12_000, 10_000), "more pixels than any photograph"),
    "a pipe": (lambda path: os.mkfifo(path), "is no regular file"),
    "a folder": (lambda path: path.mkdir(), "is no regular file"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link that leads nowhere"),
    "a link to itself": (lambda path: path.symlink_to(path), "is a link that leads nowhere"),
    "not there": (lambda path: None, "cannot be read"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_photograph_is_refused_in_one_line_with_its_name(tmp_path, kind):
    make, words = BROKEN[kind]
    path = tmp_path / "boot (1).jpg"
    make(path)
    with pytest.raises(DataError, match=words) as raised:
        decode(path, SIZE)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_a_huge_file_is_refused_unread(tmp_path):
    path = photograph(tmp_path / "boot.jpg")
    with path.open("r+b") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(DataError, match=rf"{path} has 2147483648 bytes; a photograph has at most 50000000"):
        decode(path, SIZE)


def test_two_by_two_pixels_become_one(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (102, 136, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.jpg")
    stored = np.asarray(Image.open(tmp_path / "image.jpg")).astype(float)
    expected = stored.reshape(51, 2, 68, 2, 3).mean((1, 3))  # each 2 x 2 block averaged, by hand
    assert np.abs(decode(tmp_path / "image.jpg", SIZE) - expected).max() <= 1  # Pillow rounds twice


def test_an_image_of_another_size_is_scaled(tmp_path):
    assert decode(photograph(tmp_path / "image.jpg", (135, 102)), SIZE).shape == (51, 68, 3)


@pytest.mark.parametrize(("orientation", "turn"), [(3, 180), (6, -90), (8, 90)])
def test_a_photograph_that_is_stored_turned_is_read_upright(tmp_path, orientation, turn):
    upright = Image.new("RGB", (136, 102), "white")
    upright.paste("black", (0, 0, 136, 51))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.rotate(-turn, expand=True).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    image = decode(tmp_path / "turned.jpg", SIZE)
    assert image.shape == (51, 68, 3)
    assert image[:24].max() < 30
    assert image[27:].min() > 225


def test_any_folder_takes_png_and_other_sides(tmp_path):
    photograph(tmp_path / "small.png", (28, 28))
    assert decode(tmp_path / "small.png", (28, 28), ANY).shape == (28, 28, 3)
    with pytest.raises(DataError, match="7 x 7"):
        decode(photograph(tmp_path / "smaller.png", (7, 7)), (28, 28), ANY)


def test_classes_are_listed_in_order_whatever_their_case_and_what_systems_leave(tmp_path, make_folder):
    make_folder(tmp_path, ("b", "A"), per_class=2)
    for place in (tmp_path, tmp_path / "b"):
        (place / "__MACOSX").mkdir()
        (place / "@eaDir").mkdir()
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._b (0).jpg"):
            (place / name).write_bytes(b"x")
    (tmp_path / "README.txt").write_text("no image")
    classes = list_images(tmp_path, ("B", "a"), PHOTOGRAPHS)
    assert list(classes) == ["B", "a"]
    assert [path.name for path in classes["B"]] == ["b (0).jpg", "b (1).jpg"]
    assert list(list_images(tmp_path, None, ANY)) == ["A", "b"]


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda root: photograph(root / "stray.jpg"), "stray.jpg is out of place; .* their class A, B"),
        (lambda root: (root / "C").mkdir() or photograph(root / "C" / "c.jpg"), "C is out of place"),
        (lambda root: (root / "a").mkdir() or photograph(root / "a" / "a.jpg"), "a is the class A again"),
        (lambda root: (root / "A" / "notes.txt").write_text(""), "notes.txt is not a JPEG file; move it away"),
        (lambda root: photograph(root / "A" / "a.png"), "a.png is not a JPEG file"),
        (lambda root: (root / "A" / "more").mkdir(), "A holds the folder more; name the folder whose folders are the"),
        (lambda root: (root / "C").symlink_to(root / "nowhere"), "C is a link that leads nowhere"),
        (lambda root: [path.unlink() for path in (root / "B").iterdir()], "class folder .*B is empty; it needs JPEG"),
    ],
)
def test_nothing_is_passed_over(tmp_path, make_folder, break_it, words):
    make_folder(tmp_path, ("A", "B"))
    break_it(tmp_path)
    with pytest.raises(DataError, match=words):
        list_images(tmp_path, ("A", "B"), PHOTOGRAPHS)


def load(root):
    classes = list_images(root, None, ANY)
    return read("some", root, classes, SIZE, ANY, Source("folder", "here"))


def test_images_labels_and_names_belong_together(tmp_path, make_folder):
    data = load(make_folder(tmp_path, ("A", "B"), per_class=2))
    assert data.images.shape == (4, 3, 51, 68)
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.class_names == ("A", "B")
    assert data.files == ("A/a (0).jpg", "A/a (1).jpg", "B/b (0).jpg", "B/b (1).jpg")
    for name, image in zip(data.files, data.images, strict=True):
        assert np.array_equal(decode(tmp_path / name, SIZE, ANY), image.permute(1, 2, 0).numpy())


def test_names_of_any_bytes_are_read(tmp_path, make_folder):
    make_folder(tmp_path, ("A", "B"), per_class=1)
    os.rename(tmp_path / "A" / "a (0).jpg", os.fsencode(tmp_path / "A") + b"/caf\xe9.jpg")
    data = load(tmp_path)
    assert data.files[0] == r"A/caf\xe9.jpg"
    ";".join(data.files).encode("utf-8")


def test_a_file_of_any_bytes_is_named(tmp_path, make_folder):
    make_folder(tmp_path, ("A", "B"), per_class=1)
    with open(os.fsencode(tmp_path / "A") + b"/caf\xe9.jpg", "wb") as file:
        file.write(b"no image")
    with pytest.raises(DataError, match=r"caf\\xe9.jpg is corrupt") as raised:
        load(tmp_path)
    str(raised.value).encode("utf-8")


def test_photographs_are_decoded_once_and_a_changed_one_anew(tmp_path, make_folder, capfd):
    make_folder(tmp_path, ("A", "B"))
    before = load(tmp_path)
    assert load(tmp_path).digest == before.digest
    assert capfd.readouterr().err.count("decoding") == 1
    path = tmp_path / "A" / "a (0).jpg"
    status = path.stat()
    raw = path.read_bytes()
    photograph(path, colour="blue")
    path.write_bytes(path.read_bytes().ljust(len(raw), b"\0"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # neither size nor time tell
    assert load(tmp_path).digest != before.digest


def test_changed_bytes_that_still_decode_are_other_images_by_their_digest(tmp_path, make_folder):
    """No checksum in a JPEG tells them; the digest is in every key and on the page of the build."""
    make_folder(tmp_path, ("A", "B"))
    before = load(tmp_path).digest
    path = tmp_path / "A" / "a (0).jpg"
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"\xff\xdb") + 5] ^= 1  # the first number of the quantization table
    path.write_bytes(raw)
    assert load(tmp_path).digest != before


@pytest.mark.parametrize("how", ["one bit", "cut short", "emptied"])
def test_damaged_pixels_are_named_and_decoded_again(tmp_path, make_folder, damage, capfd, how):
    make_folder(tmp_path, ("A", "B"))
    before = load(tmp_path).digest
    damage("decoded/*/pixels.npy", how)
    assert load(tmp_path).digest == before
    assert "pixels.npy was changed); it is made again" in capfd.readouterr().err


def test_a_broken_photograph_leaves_nothing_in_the_cache(tmp_path, make_folder, cache):
    make_folder(tmp_path, ("A", "B"))
    path = tmp_path / "B" / "b (1).jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:400])
    for _ in range(2):
        with pytest.raises(DataError, match=r"b \(1\).jpg is corrupt"):
            load(tmp_path)
    assert not list(cache.glob("decoded/[!.]*"))
    path.write_bytes(whole)
    assert len(load(tmp_path)) == 6
