"""Pictures of a white ground with a rectangle on it: the same rectangle in two colours is a pair of twins."""

import numpy as np
import pytest
import torch

from hw3.data.images import ImageSet, Source, Split
from hw3.data.twins import ALIKE, nearest, outlines, pairs, retrieved, twins

RED, BLUE, GREEN = (200, 30, 30), (30, 30, 200), (90, 110, 40)
WIDE, TALL, LOW = (10, 14, 4, 26), (4, 26, 12, 16), (22, 26, 4, 12)


def picture(place, colour):
    top, bottom, left, right = place
    image = torch.full((3, 30, 30), 255, dtype=torch.uint8)
    image[:, top:bottom, left:right] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    return image


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_CACHE", str(tmp_path))
    images = [picture(*what) for what in ((WIDE, RED), (TALL, RED), (WIDE, BLUE), (LOW, RED), (TALL, GREEN))]
    labels, files = torch.tensor([0, 1, 0, 0, 1]), tuple("abcde")
    return ImageSet("rectangles", torch.stack(images), labels, ("a", "b"), files, Source("folder", "made up"))


def test_a_colour_hardly_moves_an_outline_and_a_place_does(data):
    likeness = outlines(data.images) @ outlines(data.images).T
    assert likeness.diagonal() == pytest.approx(torch.ones(5), abs=1e-5)
    assert likeness[0, 2] > 0.99
    assert likeness[0, 1] < 0.5
    assert outlines(data.images).mean(1) == pytest.approx(torch.zeros(5), abs=1e-6)


def test_an_image_without_any_outline_is_alike_to_none():
    flat = torch.full((2, 3, 30, 30), 128, dtype=torch.uint8)
    assert (outlines(flat) @ outlines(flat).T == 0).all()


def test_images_with_the_same_number_are_twins(data):
    groups = twins(data)
    assert groups[0] == groups[2]
    assert groups[1] == groups[4]
    assert len(set(groups)) == 3


def test_twins_are_made_once_and_kept(data, monkeypatch):
    first = twins(data)
    monkeypatch.setattr("hw3.data.twins.outlines", lambda _: pytest.fail("made again"))
    assert np.array_equal(twins(data), first)


def test_many_images_are_compared_in_pieces(data, monkeypatch):
    groups, lines = twins(data), outlines(data.images)
    best = nearest(lines, lines[1:])
    monkeypatch.setattr("hw3.data.twins.ROWS", 2)
    monkeypatch.setattr("hw3.data.twins.ALIKE", ALIKE - 0.01)  # another key, so that it is made again
    assert np.array_equal(twins(data), groups)
    assert torch.equal(nearest(lines, lines[1:])[1], best[1])
    assert torch.equal(outlines(data.images), lines)


def test_the_nearest_outline_is_found_with_its_correlation(data):
    lines = outlines(data.images)
    likeness, which = nearest(lines[2:3], lines[:2])
    assert which.tolist() == [0]
    assert likeness.item() == pytest.approx((lines[2] @ lines[0]).item())


def test_pairs_begin_with_the_colours_that_differ_most_and_use_no_image_twice(data):
    assert pairs(data.images) == [(0, 2), (1, 4)]  # blue for red is further than green for red
    assert pairs(data.images, count=1) == [(0, 2)]
    again = torch.cat([data.images, picture(WIDE, GREEN)[None]])  # a third of one model
    assert sorted(i for pair in pairs(again) for i in pair) == sorted({i for pair in pairs(again) for i in pair})
    assert pairs(data.images[[0, 1, 3]]) == []


def test_the_nearest_training_image_lends_its_label(data):
    parts = Split(torch.tensor([1, 2, 3]), torch.tensor([]), torch.tensor([0, 4]))
    likeness, labels = retrieved(data, parts)
    assert labels.tolist() == [0, 1]
    assert (likeness > ALIKE).all()
