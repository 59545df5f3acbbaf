import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import floor, symbols

from hw3.nets.layers import from_layers
from hw3.theory import LayerError, parse, trace
from hw3.theory.layers import ASSIGNMENT, ASSIGNMENT_INPUT


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
    shape=st.tuples(st.integers(3, 15), st.integers(3, 15), st.integers(1, 4)),
)
@settings(max_examples=150, deadline=None)
def test_random_networks_agree_with_torch(body, head, shape):
    layers = parse(" · ".join([*body, "FLATTEN", *(f"FC-{n}" for n in head)]))
    try:
        rows = trace(layers, shape)
    except LayerError:
        assume(False)
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
        ("POOL-40", (32, 32, 3), "40 x 40 window"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(text, shape, words):
    with pytest.raises(LayerError, match=words):
        trace(parse(text), shape)


@pytest.mark.parametrize("shape", [(0, 32, 3), (32, 32), (-1, 2, 3)])
def test_a_bad_input_shape_is_named(shape):
    with pytest.raises(ValueError, match="input_shape"):
        trace(parse("ReLU"), shape)


def test_notation_is_read_in_all_its_forms():
    assert parse("conv3-20( 3 , 2 )->relu;POOL-2\nfc-1") == parse("conv3-20(3,2) · relu · POOL-2 · fc-1")
    (layer,) = parse("CONV5-7(2)")
    assert (layer.size, layer.filters, layer.stride, layer.padding) == (5, 7, 2, 1)
