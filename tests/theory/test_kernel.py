import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Rational, expand, latex, solve, symbols
from torch import nn

from hw3.theory import kernel, kernel_sizes


def test_the_assignment():
    sizes = kernel_sizes(205, 66, 3)
    assert (sizes.exact, sizes.floor) == (10, (8, 9, 10))
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
        sizes = kernel_sizes(size, outputs, stride, padding)
        assert sizes.floor == accepted
        assert (size + 2 * padding - sizes.exact) % stride == 0
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


def test_the_costs_of_every_kernel_that_fits():
    rows = [(c.kernel_size, c.parameters, c.multiplications) for c in kernel.costs(205, 66, 3, 10, 96)]
    assert rows == [(8, 61_536, 267_632_640), (9, 77_856, 338_722_560), (10, 96_096, 418_176_000)]


def test_the_size_equation_stands_as_it_is_written():
    k, s = symbols("k S", positive=True)
    equation = kernel.size_equation(205, k, 3, 0, 66)
    assert latex(equation) == r"\frac{205 - k}{3} + 1 = 66"
    assert equation.rhs == 66
    assert latex(kernel.size_equation(205, k, 1, 0, 66)) == r"\left(205 - k\right) + 1 = 66"
    assert solve(equation, k) == [10]
    assert solve(kernel.size_equation(205, 10, s, 0, 66), s) == [3]
    assert kernel.size_equation(205, k, 3, 2, 66).lhs.subs(k, 0).doit() == Rational(212, 3)
    assert kernel.size_equation(7, 3, 1, 0, 5).doit() == True  # noqa: E712 - SymPy's true
    assert kernel.size_equation(7, 3, 2, 0, 4).doit() == False  # noqa: E712


def test_integers_of_numpy_and_sympy_are_integers_and_do_not_overflow():
    tiny = np.int8
    assert kernel.parameters(tiny(10), tiny(10), tiny(96)) == 96_096
    assert kernel.multiplications(tiny(10), tiny(10), tiny(96), (tiny(66), tiny(66))) == 418_176_000
    assert kernel_sizes(np.int64(205), Integer(66), np.uint8(3)).floor == (8, 9, 10)
    assert kernel.count_multiplications([[[1, 2]]], [[[[3]]]], np.int64(1)) == ([[[3, 6]]], 2)


def test_symbols_give_formulas():
    k, d, n, h = symbols("k D N H", positive=True, integer=True)
    assert expand(kernel.parameters(k, d, n)) == n * k**2 * d + n
    assert kernel.multiplications(k, d, n, (h, h)) == h**2 * n * k**2 * d


def test_a_large_stride_takes_no_time_to_judge():
    assert kernel_sizes(3 * 10**7, 1, 3 * 10**7).exact == 3 * 10**7
    assert kernel_sizes(3 * 10**7, 1, 3 * 10**7).smallest == 1


def test_one_is_the_stride_where_none_is_written():
    image, kernels = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[[1, 0], [0, 1]]]]
    assert kernel.count_multiplications(image, kernels) == kernel.count_multiplications(image, kernels, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 66, 3), "input_size is 0"),
        ((205, 66, 0), "stride is 0"),
        ((205, 2.5, 3), r"output_size is 2\.5; it must be a positive integer"),
        ((205, 66, 3, -1), "padding is -1; it must be an integer, 0 or more"),
        ((205, 66, 3, True), "padding is True"),
        ((True, True, True), "input_size is True"),
        (("205", 66, 3), "input_size is '205'"),
        ((205, 70, 3), "no kernel gives 70 outputs.*k = 1 gives 69"),
        ((5, 20, 1, 2), "from 9 pixels .* gives 9"),
        ((6, 20, 1), "from 6 pixels .* gives 6"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        kernel_sizes(*arguments)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: kernel.size_equation(7, 3, 0, 0, 3), "stride is 0"),
        (lambda: kernel.size_equation(7, 3, 1, -1, 3), "padding is -1"),
        (lambda: kernel.size_equation(5.5, 3, 1, 0, 3), "input_size is 5.5"),
        (lambda: kernel.parameters(2.5, 3, 1), "kernel_size is 2.5"),
        (lambda: kernel.parameters(-3, 2, 5), "kernel_size is -3"),
        (lambda: kernel.parameters(3, 0, 5), "in_channels is 0"),
        (lambda: kernel.multiplications(3, 2, 5, (4, 0)), "the width of the output is 0"),
        (lambda: kernel.multiplications(3, 2, 5, 4), "output_shape is 4"),
        (lambda: kernel.count_multiplications([[[1]]], [[[[1]]]], -1), "stride is -1"),
        (lambda: kernel.count_multiplications([[[1, 2, 3], [4, 5, 6]]], [[[[1, 2, 3], [4, 5, 6]]]]), "1 x k x k"),
        (lambda: kernel.count_multiplications([[[1]]], [[[[1]], [[1]]]]), "1 x k x k.*1 channels"),
        (lambda: kernel.count_multiplications([[[1]]], [[[[1, 2], [3, 4]]]]), "at least k = 2"),
        (lambda: kernel.count_multiplications([[[1]]], [[[]]]), "kernels holds \\[\\] where a list was expected"),
        (lambda: kernel.count_multiplications([[[1, 2], [3]]], [[[[1]]]]), "must be channels x H x W"),
    ],
)
def test_other_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_small_integers_of_numpy_do_not_overflow():
    image, kernels = np.full((1, 2, 2), 200, np.uint8), np.full((1, 1, 2, 2), 200, np.uint8)
    assert kernel.count_multiplications(image, kernels) == ([[[160_000]]], 4)


@pytest.mark.parametrize(
    ("image", "kernels"), [([[[1]]], []), ([], [[[[1]]]]), ([[1, 2]], [[[[1]]]]), ("a", [[[[1]]]])]
)
def test_volumes_of_another_depth_are_refused(image, kernels):
    with pytest.raises(ValueError, match="where a list was expected"):
        kernel.count_multiplications(image, kernels)
