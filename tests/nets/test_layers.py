import numpy as np
import pytest
import torch

from hw3.nets import count
from hw3.nets.layers import from_layers
from hw3.theory.layers import ASSIGNMENT, ASSIGNMENT_INPUT, Layer, LayerError, parse, trace


def test_the_assignments_network_is_what_its_table_says():
    layers = parse(ASSIGNMENT)
    module, rows = from_layers(layers, ASSIGNMENT_INPUT), trace(layers, ASSIGNMENT_INPUT)
    assert count.parameters(module) == sum(row.parameters for row in rows) == 3_910
    assert count.multiplications(module, (3, 32, 32)) == sum(row.multiplications for row in rows)
    x = torch.zeros(2, 3, 32, 32)
    for layer, row in zip(module, rows, strict=True):
        x = layer(x)
        height_width_depth = x.shape[1:] if x.dim() == 2 else (x.shape[2], x.shape[3], x.shape[1])
        assert tuple(height_width_depth) == row.output_shape


def test_integers_of_numpy_are_integers_and_the_rest_is_refused():
    layers = parse("CONV3-4 · FLATTEN · FC-2")
    assert from_layers(layers, np.array([8, 9, 3], dtype=np.uint8))[2].in_features == 8 * 9 * 4
    for shape in ((8.0, 9, 3), (8, True, 3), (8, 9, 0)):
        with pytest.raises(ValueError, match="input_shape"):
            from_layers(layers, shape)


@pytest.mark.parametrize("options", [{"size": 3, "stride": 2}, {"size": 2}, {"size": 3, "padding": 1}])
def test_a_pool_steps_and_is_padded_as_its_table_says(options):
    pool = Layer("p", "pool", **options)
    (row,) = trace([pool], (7, 7, 1))
    assert tuple(from_layers([pool], (7, 7, 1))(torch.rand(1, 1, 7, 7)).shape[2:]) == row.output_shape[:2]


def test_a_layer_that_does_not_fit_is_named():
    with pytest.raises(LayerError, match="layer 1, FC-2"):
        from_layers(parse("FC-2"), (8, 8, 3))


def test_layers_may_come_one_by_one():
    layers = parse("CONV3-10 RELU POOL-2 FLATTEN FC-3")
    assert len(from_layers(iter(layers), (8, 8, 3))) == len(layers)
