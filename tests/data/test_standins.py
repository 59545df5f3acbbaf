"""What stands in for photographs that cannot be had."""

import pytest
import torch

from hw3.data import standins
from hw3.files import DataError


@pytest.fixture
def no_fashion(monkeypatch):
    monkeypatch.setattr(standins, "reachable", lambda url: False)
    monkeypatch.setattr(standins.shutil, "which", lambda name: None)


def make(kind):
    return standins.image_set("shoes", kind, (51, 68), standins.FOOTWEAR, per_class=20)


def test_digits_are_always_there_on_white_ground(no_fashion, capfd):
    data = make(None)
    assert "Fashion-MNIST cannot be had" in capfd.readouterr().err
    assert data.source.kind == "digits"
    assert data.source.stand_in
    assert data.images.shape[1:] == (3, 51, 68)
    assert data.labels.unique().tolist() == [0, 1, 2]
    assert data.images[:, :, 0, 0].min() == 255  # as in the photographs
    assert data.images.is_contiguous(memory_format=torch.channels_last)
    assert data.digest == make("digits").digest


def test_fashion_mnist_is_taken_by_class_in_the_order_of_the_shoes(monkeypatch):
    images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1).expand(100, 28, 28)
    monkeypatch.setattr(standins, "fashion_mnist", lambda: (images, torch.arange(100) % 10))
    data = standins.image_set("shoes", "fashion-mnist", (28, 28), standins.FOOTWEAR, per_class=2)
    assert data.class_names == ("Ankle boot", "Sandal", "Sneaker")
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (255 - data.images[:, 0, 5, 5].int()).tolist() == [9, 19, 5, 15, 7, 17]


@pytest.mark.parametrize("kind", ["fashion-mnist", "kaggle", "folder"])
def test_a_source_that_has_none_is_named(no_fashion, kind):
    with pytest.raises(DataError, match=f"'{kind}' has no shoes here"):
        make(kind)
