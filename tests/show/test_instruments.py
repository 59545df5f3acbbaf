"""Instruments: their data, and the table of the first setting."""

import base64
import io
import json
import re
from html import unescape

import pytest
import torch
from PIL import Image

from hw3.nets.dropblock import DropBlock, keep_rate
from hw3.show import instruments
from hw3.theory import LayerError, parse


def data_of(instrument):
    return json.loads(unescape(re.search('data-first="(.*?)"', instrument._repr_html_())[1]))


def test_the_convolution_of_the_question_has_its_numbers_in_the_table():
    shown = instruments.convolution(parse("CONV3-20(3,2)")[0], (16, 16, 10))
    assert shown.first.rows == (("CONV3-20(3,2)", "6 × 6 × 20", "1,820", "64,800"),)
    assert data_of(shown) == {"size": 16, "depth": 10, "filters": 20, "kernel": 3, "stride": 3, "padding": 2}


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(LayerError, match="9 x 9 window does not fit"):
        instruments.convolution(parse("CONV9-20(3,0)")[0], (5, 5, 10))


def test_the_pictures_are_those_for_which_the_second_choice_is_most_likely():
    logits = torch.tensor([[9.0, 0.0, 0.0], [3.0, 2.9, 0.0], [0.0, 4.0, 2.0], [1.0, 1.0, 1.0]])
    images = torch.arange(4 * 3 * 2 * 2, dtype=torch.uint8).view(4, 3, 2, 2)
    shown = instruments.temperature(images, logits, ("boot", "sandal", "<shoe>"), count=2)
    first = data_of(shown)["images"][0]
    assert first["logits"] == [3.0, 2.9, 0.0]
    picture = Image.open(io.BytesIO(base64.b64decode(first["picture"].split(",")[1])))
    assert picture.getpixel((1, 0)) == tuple(images[1, :, 0, 1].tolist())
    assert shown.first.rows[0][1:] == ("boot", "51%", "sandal", "46%")
    assert "<shoe>" not in shown._repr_html_()


@pytest.mark.parametrize(
    ("rate", "block", "size"), [(0.1, 1, (6, 7)), (0.2, 3, (8, 9)), (0.3, 7, (3, 4)), (0, 3, (5, 5))]
)
def test_the_chances_of_all_pixels_add_up_to_what_the_layer_drops(rate, block, size):
    pixels = [(row, column) for row in range(size[0]) for column in range(size[1])]
    dropped = sum(instruments.dropped_at(rate, block, size, pixel) for pixel in pixels) / len(pixels)
    assert 1 - dropped == pytest.approx(keep_rate(rate, block, size))


def test_a_corner_is_dropped_as_often_as_the_layer_drops_it():
    layer = DropBlock(0.3, 3, grow=False, generator=torch.Generator().manual_seed(0))
    masks = layer(torch.ones(20_000, 1, 6, 6)) == 0
    for pixel in ((0, 0), (0, 3), (3, 3)):
        chance = instruments.dropped_at(0.3, 3, (6, 6), pixel)
        assert masks[:, 0, pixel[0], pixel[1]].float().mean() == pytest.approx(chance, abs=0.015)


def test_dropout_drops_alike_everywhere_and_blocks_least_at_the_corner():
    dropout, blocks = instruments.drop(0.1, 3, (8, 8)).first.rows
    assert set(dropout[1:]) == {"10.0%"}
    corner, edge, middle = (float(share.strip("%")) for share in blocks[1:])
    assert corner < edge < middle
