import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hw3.theory import kernel, kernel_sizes


def test_the_assignment():
    found = kernel_sizes(205, 66, 3)
    assert found == kernel.KernelSizes(exact=10, floor=(8, 9, 10))
    assert kernel.parameters(10, 10, 96) == 96_096
    assert kernel.multiplications(10, 10, 96, (66, 66)) == 418_176_000


@given(size=st.integers(1, 40), stride=st.integers(1, 5), padding=st.integers(0, 3), outputs=st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_sizes_are_all_that_torch_accepts(size, stride, padding, outputs):
    row = torch.zeros(1, 1, size)
    accepted = tuple(
        k
        for k in range(1, size + 2 * padding + 1)
        if nn.functional.conv1d(row, torch.zeros(1, 1, k), stride=stride, padding=padding).shape[-1] == outputs
    )
    if accepted:
        found = kernel_sizes(size, outputs, stride, padding)
        assert found.floor == accepted
        assert (size + 2 * padding - found.exact) % stride == 0
    else:
        with pytest.raises(ValueError, match="no kernel"):
            kernel_sizes(size, outputs, stride, padding)


small = st.integers(1, 3)


@given(
    channels=small,
    filters=small,
    k=small,
    stride=small,
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None)
def test_counted_loop_agrees_with_formula_and_torch(channels, filters, k, stride, size, seed):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(-9, 10, (channels, *size), generator=generator)
    weights = torch.randint(-9, 10, (filters, channels, k, k), generator=generator)
    output, count = kernel.count_multiplications(image.tolist(), weights.tolist(), stride)
    expected = nn.functional.conv2d(image[None].double(), weights.double(), stride=stride)[0]
    assert output == expected.long().tolist()
    assert count == kernel.multiplications(k, channels, filters, tuple(expected.shape[1:]))
    layer = nn.Conv2d(channels, filters, k)
    assert kernel.parameters(k, channels, filters) == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 66, 3), "input_size is 0"),
        ((205, 66, 0), "stride is 0"),
        ((205, 2.5, 3), "output_size is 2.5"),
        ((205, 66, 3, -1), "padding is -1"),
        ((205, 70, 3), "no kernel gives 70 outputs.*k = 1 gives 69"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        kernel_sizes(*arguments)
