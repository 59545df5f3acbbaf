"""Question T2: output shapes, parameters and multiplications of a CNN, from the assignment's own notation.

``CONVk-N(S,P)`` is a convolution with N filters of k x k x D, stride S and padding P, both 1 when not written;
``POOL-n`` is n x n max-pooling with stride n; ``FLATTEN`` and ``FC-N`` are what they say.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sympy import Expr, floor, sympify

from hw3.theory.sizes import size, whole

Size = Any  # an int, or a SymPy expression where the input size is a symbol
Shape = tuple[Size, ...]


_KINDS = ("conv", "relu", "pool", "flatten", "fc")
_SIZES = {"conv": ("size", "filters"), "pool": ("size",), "fc": ("size",)}  # what a kind must have


class LayerError(ValueError):
    """A layer that cannot be read or does not fit; the message names it, its position and the shape it got."""


@dataclass(frozen=True)
class Layer:
    """One layer: ``kind`` is conv, relu, pool, flatten or fc; ``size`` is k, n or N of the fully connected layer.

    Raises:
        LayerError: another kind.
        ValueError: a size that is no integer, or 0 where the kind needs one.
    """

    name: str
    kind: str
    size: int = 0
    filters: int = 0
    stride: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise LayerError(f"{self.name} is of the kind {self.kind!r}; it must be one of {', '.join(_KINDS)}")
        for field in ("size", "filters", "stride", "padding"):
            needed = field == "stride" or field in _SIZES.get(self.kind, ())
            number = whole(f"the {field} of {self.name}", getattr(self, field), least=int(needed))
            object.__setattr__(self, field, number)


@dataclass(frozen=True)
class Row:
    """One line of the answer: shape (H, W, D), or (N,) once flattened; counts are per image, biases included."""

    name: str
    output_shape: Shape
    parameters: Size
    multiplications: Size


_WORDS = re.compile(
    r"(?P<conv>CONV(?P<k>\d+)-(?P<filters>\d+)(?:\((?P<stride>\d+)(?:,(?P<padding>\d+))?\))?)"
    r"|(?P<relu>RELU)|(?P<pool>POOL-(?P<n>\d+))|(?P<flatten>FLATTEN)|(?P<fc>FC-(?P<neurons>\d+))"
)
_SIGNS = str.maketrans(dict.fromkeys("−–—‐‑‒﹣－", "-") | dict.fromkeys("•∙⋅;|→⟶⇒", "·") | dict.fromkeys("،，", ","))


def _parse_word(word: str, position: int) -> Layer:
    match = _WORDS.fullmatch(word.upper())
    if match is None:
        raise LayerError(
            f"layer {position}, {word[:40]!r}, is not a layer; "
            "write CONVk-N, CONVk-N(S,P), ReLU, POOL-n, FLATTEN or FC-N"
        )
    if re.search(r"\d{10}", word):
        raise LayerError(f"layer {position}, {word[:20]}..., has a size of over 9 digits")
    kind = next(kind for kind in _KINDS if match[kind])
    window = int(match["k"] or match["n"] or match["neurons"] or 0)
    filters = int(match["filters"] or 0)
    stride, padding = int(match["stride"] or 1), int(match["padding"] or 1)
    if kind in ("conv", "pool", "fc") and (window == 0 or stride == 0 or (kind == "conv" and filters == 0)):
        raise LayerError(f"layer {position}, {word!r}, has a size of 0; kernel, stride and width start at 1")
    if kind == "conv":
        return Layer(word, kind, window, filters, stride, padding)
    return Layer(word, kind, window, stride=window if kind == "pool" else 1)


def _bracket(match: re.Match[str]) -> str:
    """(S, P) as (S;P), so that its comma separates no layers."""
    return f"({match[1]};{match[3]}) " if match[2] else f"({match[1]}) "


def parse(text: str) -> tuple[Layer, ...]:
    """Read layers separated by white space, commas, ``·``, ``;``, ``|``, ``->`` or ``→``; upper and lower case are the
    same, and a dash of any length is a hyphen.

    Raises:
        LayerError: an unknown word or a size of 0, with the position (from 1) of the layer; or no layer at all.
    """
    if not isinstance(text, str):
        raise LayerError(f"the layers are {text!r}; write them as text, such as 'CONV3-10 · ReLU · POOL-2'")
    spelled = re.sub(r"[-=]>", "·", text.translate(_SIGNS))
    spelled = re.sub(r"(?<=\w)\s*-\s*(?=\d)", "-", spelled)
    spelled = re.sub(r"\s*\(\s*(\w+)\s*(?:(,)\s*(\w+)\s*)?\)", _bracket, spelled)
    words = [word.replace(";", ",") for word in re.split(r"[\s·,]+", spelled) if word]
    if not words:
        raise LayerError("no layer was written; for example: CONV3-10 · ReLU · POOL-2 · FLATTEN · FC-10")
    return tuple(_parse_word(word, position) for position, word in enumerate(words, start=1))


def _steps(size: Size, kernel: int, stride: int, padding: int) -> Size:
    """floor((size + 2·padding - kernel) / stride) + 1, with ints kept as ints."""
    span = size + 2 * padding - kernel
    return floor(sympify(span) / stride) + 1 if isinstance(span, Expr) else span // stride + 1


def _show(shape: Shape) -> str:
    return " x ".join(str(size) for size in shape)


def _apply(layer: Layer, position: int, shape: Shape) -> Row:
    def misfit(why: str) -> LayerError:
        return LayerError(f"layer {position}, {layer.name}, got an input of {_show(shape)}: {why}")

    if layer.kind == "relu":
        return Row(layer.name, shape, 0, 0)
    if layer.kind == "fc":
        if len(shape) != 1:
            raise misfit("a fully connected layer needs a flat input; put FLATTEN before it")
        return Row(layer.name, (layer.size,), (shape[0] + 1) * layer.size, shape[0] * layer.size)
    if len(shape) != 3:
        raise misfit(f"{layer.kind} needs height x width x depth")
    height, width, depth = shape
    if layer.kind == "flatten":
        return Row(layer.name, (height * width * depth,), 0, 0)
    for side in (height, width):
        if (side + 2 * layer.padding < layer.size) == True:  # noqa: E712 - a relation of symbols is neither
            raise misfit(f"its {layer.size} x {layer.size} window does not fit, padding {layer.padding} included")
    out_height, out_width = (_steps(side, layer.size, layer.stride, layer.padding) for side in (height, width))
    if layer.kind == "pool":
        return Row(layer.name, (out_height, out_width, depth), 0, 0)
    weights = layer.size**2 * depth * layer.filters
    output_shape = (out_height, out_width, layer.filters)
    return Row(layer.name, output_shape, weights + layer.filters, out_height * out_width * weights)


def as_layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """``layers`` as a tuple.

    Raises:
        LayerError: something else than layers.
    """
    some = tuple(layers) if isinstance(layers, Iterable) and not isinstance(layers, str) else (layers,)
    for layer in some:
        if not isinstance(layer, Layer):
            raise LayerError(f"{layer!r} is no layer; read a text such as 'CONV3-10 · ReLU' with parse()")
    return some


def trace(layers: Iterable[Layer], input_shape: Shape) -> list[Row]:
    """Follow an input of ``input_shape`` (H, W, D) through ``layers``: one row for each layer.

    H, W and D are positive integers (numpy's too) or SymPy symbols; with symbols the rows hold formulas with ``floor``.

    Raises:
        LayerError: a layer that does not fit, with its name, its position (from 1) and the shape that it got.
        ValueError: ``input_shape`` is not three positive integers or symbols.
    """
    sides = list(input_shape) if isinstance(input_shape, Iterable) and not isinstance(input_shape, str) else []
    if len(sides) != 3:
        raise ValueError(f"input_shape is {input_shape!r}; give (height, width, depth), all positive")
    names = ("height", "width", "depth")
    shape: Shape = tuple(size(f"the {name} of input_shape", n) for name, n in zip(names, sides, strict=True))
    rows: list[Row] = []
    for position, layer in enumerate(as_layers(layers), start=1):
        rows.append(_apply(layer, position, shape))
        shape = rows[-1].output_shape
    return rows


ASSIGNMENT = "CONV3-10 · ReLU · POOL-2 · CONV3-20(3,2) · ReLU · POOL-2 · FLATTEN · FC-10"
ASSIGNMENT_INPUT = (32, 32, 3)
