"""``load`` and ``load_folder``: what a reader calls."""

import os

import numpy as np
import pytest
import torch

import hw3.data
from hw3.data.load import load, load_folder
from hw3.files import DataError


def test_a_data_set_says_where_it_came_from(tmp_path, make_folder, capfd):
    data = load("shoes", root=str(make_folder(tmp_path)), size=(20, 30))
    assert data.shape == (3, 20, 30)
    assert "shoes: 9 images, 3 x 20 x 30, from a local folder" in capfd.readouterr().out
    load("shoes", root=tmp_path, size=(20, 30), quiet=True)
    assert capfd.readouterr() == ("", "")


def test_a_source_that_is_asked_for_is_used_beside_a_folder(tmp_path, make_folder, monkeypatch):
    make_folder(tmp_path / "shoes")
    monkeypatch.setenv("HW3_DATA", str(tmp_path))
    assert load("shoes", source="digits", quiet=True).source.kind == "digits"
    assert load("shoes", source="folder", quiet=True).source.kind == "folder"


def test_a_source_folder_needs_a_folder():
    with pytest.raises(DataError, match="'folder' has no shoes here; set HW3_DATA"):
        load("shoes", source="folder")


def test_hw3_data_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_DATA", str(tmp_path / "nowhere"))
    for name in ("shoes", "cifar10"):
        with pytest.raises(DataError, match=r"HW3_DATA.*nowhere"):
            load(name)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"name": "hats"}, KeyError, "'hats'.*'shoes'"),
        ({"name": "shoes", "source": "web"}, ValueError, "'web'.*kaggle"),
        ({"name": "shoes", "root": ".", "source": "digits"}, ValueError, "read as a folder only"),
        ({"name": "shoes", "size": (51,)}, ValueError, r"\(51,\).*\(height, width\)"),
        ({"name": "shoes", "size": (51.5, 68)}, ValueError, r"\(51.5, 68\); .* whole numbers"),
        ({"name": "shoes", "size": 51}, ValueError, r"size is 51"),
        ({"name": "cifar10", "size": (64, 64)}, ValueError, "for the shoes only"),
        ({"name": "shoes", "root": ""}, ValueError, "the folder is ''; give its path"),
        ({"name": "shoes", "root": "~nobodyatall/x"}, ValueError, "'~nobodyatall/x'; no such user"),
        ({"name": "cifar10", "root": " "}, ValueError, "the folder is ' '"),
        ({"name": "shoes", "root": "/nowhere"}, DataError, "/nowhere cannot be read as a folder: No such file"),
        ({"name": "cifar10", "root": "/nowhere"}, DataError, "/nowhere cannot be read as a folder: No such file"),
    ],
)
def test_bad_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        load(**arguments)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG", ".png"])
def test_any_folder_of_classes_is_an_image_set(tmp_path, make_folder, suffix):
    root = make_folder(tmp_path / "pets", ("Katze", "собака"), per_class=2, suffix=suffix, size=(40, 30))
    data = load_folder(root, (16, 24))
    assert (data.name, data.class_names) == ("pets", ("Katze", "собака"))
    assert data.images.shape == (4, 3, 16, 24)
    assert data.images.dtype == torch.uint8
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert not data.source.stand_in
    assert load_folder(str(root), (16, 24), name="animals").name == "animals"


@pytest.mark.parametrize(
    ("names", "size", "error", "words"),
    [
        ((), (16, 16), DataError, "pets holds 0 folders; at least two"),
        (("cat",), (16, 16), DataError, "pets holds 1 folders; at least two"),
        (("cat", "dog"), (16, 4), ValueError, r"size is \(16, 4\)"),
        (("cat", "dog"), (16,), ValueError, r"size is \(16,\)"),
    ],
)
def test_what_is_no_folder_of_classes_is_named(tmp_path, make_folder, names, size, error, words):
    (tmp_path / "pets").mkdir()
    with pytest.raises(error, match=words):
        load_folder(make_folder(tmp_path / "pets", names), size)


def test_names_of_any_bytes_are_printable(tmp_path, make_folder):
    root = make_folder(tmp_path / "pets", ("cat", "dog"), per_class=1)
    os.rename(root / "cat", os.fsencode(root) + b"/caf\xe9")
    os.rename(root, os.fsencode(tmp_path) + b"/p\xe9ts")
    data = load_folder(os.fsdecode(os.fsencode(tmp_path) + b"/p\xe9ts"), (np.int64(16), 16))
    assert data.class_names == (r"caf\xe9", "dog")
    f"{data} {data.name} {data.files}".encode()


def test_a_folder_without_a_name_is_not_the_one_where_one_happens_to_be():
    with pytest.raises(ValueError, match="the folder is ''"):
        load_folder("", (16, 16))


@pytest.mark.parametrize("root", ["missing", "archive.zip"])
def test_a_root_that_is_no_folder_is_named(tmp_path, root):
    (tmp_path / "archive.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=f"{root} cannot be read as a folder"):
        load_folder(tmp_path / root, (16, 16))


def test_the_rooms_names_are_the_functions_also_where_modules_are_called_so():
    assert hw3.data.load is load
    from hw3.data import split, views

    assert callable(views)
    assert callable(split)
    assert all(callable(getattr(hw3.data, name)) for name in hw3.data.__all__)
    with pytest.raises(AttributeError, match="has no 'loader'"):
        _ = hw3.data.loader
