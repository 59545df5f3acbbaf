"""Instruments: pictures with settings that a reader moves. Here are the data, and a table of the first setting, which
is seen on paper, in a notebook and without JavaScript; ``book/_static/try/instruments.js`` does the rest."""

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from PIL import Image
from torch import Tensor

from hw3.nets.dropblock import Size, block_shape, seed_rate
from hw3.show.results import undecided
from hw3.show.tables import Table, table
from hw3.theory.layers import Layer, Shape, trace


@dataclass(frozen=True)
class Instrument:
    """A ``kind`` that the script knows, its ``data``, and a table of numbers in the first setting."""

    kind: str
    data: dict[str, Any]
    first: Table

    def _repr_html_(self) -> str:
        lines = [self.first.header, *self.first.rows]
        tags = ["th", *["td"] * (len(lines) - 1)]
        rows = (
            "".join(f"<{t}>{html.escape(cell)}</{t}>" for cell in line) for t, line in zip(tags, lines, strict=True)
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        data = html.escape(json.dumps(self.data, ensure_ascii=False))
        return f'<div class="instrument" data-kind="{self.kind}" data-first="{data}"><table>{body}</table></div>'


def convolution(layer: Layer, input_shape: Shape) -> Instrument:
    """Kernel, stride and padding of a convolution on a square (H, H, D): its output, parameters and multiplications."""
    (row,) = trace([layer], input_shape)
    size, _, depth = input_shape
    data = {"size": size, "depth": depth, "filters": layer.filters}
    data |= {"kernel": layer.size, "stride": layer.stride, "padding": layer.padding}
    values = (layer.name, " × ".join(map(str, row.output_shape)), f"{row.parameters:,}", f"{row.multiplications:,}")
    return Instrument("convolution", data, table(("layer", "output", "parameters", "multiplications"), [values]))


def temperature(images: Tensor, logits: Tensor, class_names: Sequence[str], count: int = 3) -> Instrument:
    """The softened answers of ``logits`` (N, classes) to ``count`` of the uint8 ``images`` (N, 3, H, W), the most
    ``undecided`` ones."""
    chosen = undecided(logits, count)
    pictures = [
        {"picture": _png(images[i]), "logits": [round(v, 3) for v in logits[i].float().tolist()]} for i in chosen
    ]
    shares, choices = logits[chosen].float().softmax(1).topk(2)
    rows = [
        (number, class_names[a], f"{share:.0%}", class_names[b], f"{other:.0%}")
        for number, ((share, other), (a, b)) in enumerate(zip(shares.tolist(), choices.tolist(), strict=True), start=1)
    ]
    first = table(("image", "first choice", "at τ = 1", "second choice", "at τ = 1"), rows)
    return Instrument("temperature", {"names": list(class_names), "images": pictures}, first)


def _png(image: Tensor) -> str:
    """A uint8 image (3, H, W) as a data URI."""
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def dropped_at(rate: float, block_size: int, map_size: Size, pixel: Size) -> float:
    """With which chance DropBlock drops a ``pixel`` (row, column): one block that covers it is enough."""
    sides = zip(map_size, block_shape(block_size, map_size), pixel, strict=True)
    places = prod(min(i + 1, block, side - i, side - block + 1) for side, block, i in sides)
    return 1 - (1 - seed_rate(rate, block_size, map_size)) ** places


def drop(rate: float, block_size: int, map_size: Size) -> Instrument:
    """A mask of dropout and one of DropBlock on a map (H, W), and how often a pixel is dropped, by its place."""
    middle = (map_size[0] // 2, map_size[1] // 2)
    pixels = {"corner": (0, 0), "edge": (0, middle[1]), "middle": middle}
    rows = [
        (name, *(f"{dropped_at(rate, size, map_size, pixel):.1%}" for pixel in pixels.values()))
        for name, size in (("dropout", 1), ("DropBlock", block_size))
    ]
    data = {"rate": rate, "block": block_size, "map": list(map_size)}
    return Instrument("drop", data, table(("dropped at the", *pixels), rows))
