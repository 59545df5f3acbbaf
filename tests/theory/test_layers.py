import re

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sympy import Integer, Rational, floor, nan, oo, symbols
from torch import nn

from hw3.nets.layers import from_layers
from hw3.theory import LayerError, parse, trace
from hw3.theory.layers import ASSIGNMENT, ASSIGNMENT_INPUT, Layer


def test_the_assignment():
    rows = trace(parse(ASSIGNMENT), ASSIGNMENT_INPUT)
    assert [(row.output_shape, row.parameters) for row in rows] == [
        ((32, 32, 10), 280),
        ((32, 32, 10), 0),
        ((16, 16, 10), 0),
        ((6, 6, 20), 1820),
        ((6, 6, 20), 0),
        ((3, 3, 20), 0),
        ((180,), 0),
        ((10,), 1810),
    ]
    assert sum(row.parameters for row in rows) == 3910


words = st.one_of(
    st.builds("CONV{}-{}({},{})".format, *(st.integers(1, n) for n in (4, 5, 3)), st.integers(0, 2)),
    st.builds("CONV{}-{}".format, st.integers(1, 4), st.integers(1, 5)),
    st.builds("POOL-{}".format, st.integers(1, 3)),
    st.just("ReLU"),
)


@given(
    body=st.lists(words, min_size=1, max_size=5),
    head=st.lists(st.integers(1, 7), max_size=2),
    shape=st.tuples(st.integers(1, 15), st.integers(1, 15), st.integers(1, 4)),
)
@settings(max_examples=200, deadline=None)
@example(body=["CONV5-1(1,2)"], head=[], shape=(1, 1, 1))
@example(body=["POOL-3"], head=[], shape=(2, 3, 1))
def test_random_networks_agree_with_torch_and_are_refused_where_torch_refuses(body, head, shape):
    layers = parse(" · ".join([*body, "FLATTEN", *(f"FC-{n}" for n in head)]))
    try:
        rows = trace(layers, shape)
    except LayerError as error:
        position = int(re.search(r"layer (\d+)", str(error))[1])
        fitting = trace(layers[: position - 1], shape)
        height, width, depth = fitting[-1].output_shape if fitting else shape
        values = torch.zeros(1, depth, height, width)
        layer = layers[position - 1]
        convolution = nn.Conv2d(depth, max(layer.filters, 1), layer.size, layer.stride, layer.padding)
        module = convolution if layer.kind == "conv" else nn.MaxPool2d(layer.size)
        with pytest.raises(RuntimeError):
            module(values)
        return
    values = torch.zeros(1, shape[2], shape[0], shape[1])
    for module, row in zip(from_layers(layers, shape), rows, strict=True):
        values = module(values)
        measured = tuple(values[0].shape)
        assert (measured if len(measured) == 1 else (*measured[1:], measured[0])) == row.output_shape
        assert sum(p.numel() for p in module.parameters()) == row.parameters
        weights = [p for p in module.parameters() if p.dim() > 1]
        assert sum(w[0].numel() * values[0].numel() for w in weights) == row.multiplications


@given(body=st.lists(words, min_size=1, max_size=4), shape=st.tuples(*(st.integers(8, 40),) * 2, st.integers(1, 5)))
@settings(max_examples=60, deadline=None)
def test_formulas_agree_with_numbers(body, shape):
    sizes = symbols("H W D", integer=True, positive=True)
    layers = parse(" ".join([*body, "FLATTEN", "FC-3"]))
    try:
        rows = trace(layers, shape)
    except LayerError:
        assume(False)
    values = dict(zip(sizes, shape, strict=True))
    for numeric, symbolic in zip(rows, trace(layers, sizes), strict=True):
        assert tuple(s.subs(values) if hasattr(s, "subs") else s for s in symbolic.output_shape) == numeric.output_shape
        assert symbolic.parameters == numeric.parameters or symbolic.parameters.subs(values) == numeric.parameters


def test_symbolic_pooling_rounds_down():
    height = symbols("H", integer=True, positive=True)
    (row,) = trace(parse("POOL-2"), (height, height, 1))
    assert row.output_shape[0].subs(height, 7) == 3
    assert row.output_shape[0].has(floor)


@pytest.mark.parametrize(
    ("text", "shape", "words"),
    [
        ("CONV3-10 FC-10", (32, 32, 3), r"layer 2, FC-10, got an input of 32 x 32 x 10.*FLATTEN"),
        ("POOL-2 · CONV40-5(1,0)", (32, 32, 3), r"layer 2, CONV40-5\(1,0\), got an input of 16 x 16 x 3"),
        ("FLATTEN ReLU POOL-2", (4, 4, 1), r"layer 3, POOL-2, got an input of 16"),
        ("CONV3-10 · RELUU", (32, 32, 3), r"layer 2, 'RELUU', is not a layer"),
        ("CONV0-10", (32, 32, 3), r"layer 1, 'CONV0-10', has a size of 0"),
        ("  ", (32, 32, 3), "no layer"),
        ("CONV3-0", (32, 32, 3), r"layer 1, 'CONV3-0', has a size of 0"),
        ("ReLU POOL-0", (32, 32, 3), r"layer 2, 'POOL-0', has a size of 0"),
        ("CONV3-1(0)", (32, 32, 3), r"layer 1, 'CONV3-1\(0\)', has a size of 0"),
        ("ReLU FC-" + "9" * 5000, (32, 32, 3), "layer 2, FC-9+..., has a size of over 9 digits"),
        ("CONV3/10", (32, 32, 3), "layer 1, 'CONV3/10', is not a layer; write CONVk-N"),
        (None, (32, 32, 3), "the layers are None; write them as text"),
        (["ReLU"], (32, 32, 3), r"the layers are \['ReLU'\]"),
        ("POOL-40", (32, 32, 3), "40 x 40 window"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(text, shape, words):
    with pytest.raises(LayerError, match=words):
        trace(parse(text), shape)


@pytest.mark.parametrize(
    "shape",
    [
        *((0, 32, 3), (32, 32), (-1, 2, 3), (32.5, 32, 3), (32, 32.0, 3), (Rational(7, 2), 2, 3), (nan, 2, 3)),
        *((oo, 2, 3), ("32", 32, 3), 32, None, "323", (True, 32, 3), (32, 32, 3, 3)),
    ],
)
def test_a_bad_input_shape_is_named(shape):
    with pytest.raises(ValueError, match="input_shape is"):
        trace(parse("ReLU"), shape)


@pytest.mark.parametrize("kind", [np.int32, np.int64, Integer])
def test_integers_of_numpy_and_sympy_are_as_pythons(kind):
    shape = tuple(kind(n) for n in (70_000, 70_000, 3))
    (row,) = trace(parse("CONV3-10"), shape)
    assert (row.parameters, row.multiplications) == (280, 1_323_000_000_000)
    rows = trace(parse("CONV3-4096 CONV3-4096"), np.array([2000, 2000, 3], np.int32))
    assert rows[1].multiplications == 603_979_776_000_000
    (row,) = trace(parse("CONV3-10"), (np.uint8(200), np.uint8(250), np.uint8(3)))
    assert (row.parameters, row.multiplications) == (280, 13_500_000)
    (row,) = trace([Layer("by hand", "conv", np.int8(3), np.int8(100), np.int8(1), np.int8(1))], (9, 9, 100))
    assert row.parameters == 90_100


def test_a_layer_made_by_hand_is_checked():
    assert Layer("ReLU", "relu") == Layer("ReLU", "relu", 0, 0, 1, 0)
    with pytest.raises(LayerError, match="'convolution'; it must be one of conv, relu"):
        Layer("C", "convolution")
    with pytest.raises(ValueError, match=r"the size of C is 2.5"):
        Layer("C", "conv", 2.5, 3)
    with pytest.raises(ValueError, match="the stride of C is 0"):
        Layer("C", "conv", 2, 3, 0)


@pytest.mark.parametrize("dash", "-−–—‐‑‒﹣－")
def test_a_dash_of_any_length_is_a_hyphen(dash):
    assert [layer.kind for layer in parse(f"CONV3{dash}10 POOL {dash} 2")] == ["conv", "pool"]
    assert parse(f"FC{dash}7")[0].size == 7


@pytest.mark.parametrize("sign", [",", ", ", " · ", "•", ";", "|", "->", "→", " => ", "–>", "،", "\n", "\u00a0", " , "])
def test_layers_are_separated_by_any_of_the_usual_signs(sign):
    layers = parse(sign.join(["CONV3-20 ( 3 , 2 )", "ReLU", "CONV3-5(2)", "POOL-2"]))
    assert [(layer.kind, layer.stride, layer.padding) for layer in layers] == [
        ("conv", 3, 2), ("relu", 1, 0), ("conv", 2, 1), ("pool", 2, 0)
    ]  # fmt: skip


def test_notation_is_read_in_all_its_forms():
    assert parse("conv3-20( 3 , 2 )->relu;POOL-2\nfc-1") == parse("conv3-20(3,2) · relu · POOL-2 · fc-1")
    (layer,) = parse("CONV5-7(2)")
    assert (layer.size, layer.filters, layer.stride, layer.padding) == (5, 7, 2, 1)


def test_of_a_long_word_forty_signs_are_shown():
    with pytest.raises(LayerError, match=r"layer 1, 'x{40}', is not a layer"):
        parse("x" * 100)


@pytest.mark.parametrize("layers", ["CONV3-10", None, [1], ["CONV3-10"]])
def test_what_is_no_layer_is_named(layers):
    with pytest.raises(LayerError, match="is no layer; read a text such as"):
        trace(layers, (32, 32, 3))


@pytest.mark.parametrize(("kind", "sizes"), [("conv", (0, 3)), ("conv", (3, 0)), ("pool", (0,)), ("fc", (0,))])
def test_a_kind_that_needs_a_size_has_one(kind, sizes):
    with pytest.raises(ValueError, match="it must be a positive integer"):
        Layer("x", kind, *sizes)
