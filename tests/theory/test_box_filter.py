from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import I, Integer, Matrix, Rational, cos, exp, nan, oo, pi, simplify, symbols
from torch.nn import functional as F

from hw3.theory import box_kernel, chessboard, filter2d, frequency_response

TORCH_PADDING = {"zero": "constant", "reflect": "reflect", "wrap": "circular"}


def matrices(rows, columns):
    return st.lists(st.integers(-9, 9), min_size=rows * columns, max_size=rows * columns).map(
        lambda values: Matrix(rows, columns, values)
    )


def test_the_assignment():
    board, result = chessboard(), filter2d(chessboard(), box_kernel())
    assert board[0, 0] == 255
    for row in range(8):
        for column in range(8):
            if row in (0, 7) or column in (0, 7):
                assert result[row, column] == board[row, column]
            else:
                assert result[row, column] == (Rational(1275, 9) if board[row, column] else Rational(1020, 9))


@pytest.mark.parametrize("border", ["zero", "reflect", "wrap", "keep"])
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_agrees_with_torch(border, data):
    height, width = data.draw(st.integers(4, 7)), data.draw(st.integers(4, 7))
    rows, columns = data.draw(st.sampled_from([1, 3, 5])), data.draw(st.sampled_from([1, 3, 5]))
    image, kernel = data.draw(matrices(height, width)), data.draw(matrices(rows, columns))
    ours = torch.tensor(filter2d(image, kernel, border).tolist(), dtype=torch.float64)
    pixels = torch.tensor(image.tolist(), dtype=torch.float64)[None, None]
    weights = torch.tensor(kernel.tolist(), dtype=torch.float64)[None, None]
    top, left = rows // 2, columns // 2
    if border == "keep":
        expected = pixels.clone()
        if rows <= height and columns <= width:
            expected[..., top : height - top, left : width - left] = F.conv2d(pixels, weights)
    else:
        expected = F.conv2d(F.pad(pixels, (left, left, top, top), mode=TORCH_PADDING[border]), weights)
    assert torch.equal(ours, expected[0, 0])


def test_response_is_the_assignments_product():
    w1, w2 = symbols("w1 w2", real=True)
    response = frequency_response(box_kernel(), w1, w2)
    assert simplify(response - (1 + 2 * cos(w1)) * (1 + 2 * cos(w2)) / 9) == 0
    assert response.subs({w1: 0, w2: 0}) == 1
    assert response.subs({w1: pi, w2: pi}) == Rational(1, 9)


@given(kernel=matrices(3, 3), turns=st.tuples(st.integers(0, 3), st.integers(0, 3)))
@settings(max_examples=25, deadline=None)
def test_a_wave_is_multiplied_by_the_response(kernel, turns):
    """On a board that wraps, waves of 0 to 3 quarter turns a pixel; the kernels are not symmetric."""
    w1, w2 = (pi * turn / 2 for turn in turns)
    wave = Matrix(4, 4, lambda r, c: exp(I * (w1 * r + w2 * c)))
    filtered = filter2d(wave, kernel, border="wrap")
    factor = frequency_response(kernel, w1, w2)
    assert (filtered - factor * wave).applyfunc(lambda e: e.expand(complex=True)) == Matrix.zeros(4, 4)


def test_an_image_smaller_than_the_kernel_is_filtered_unless_it_is_reflected():
    assert filter2d([[1]], Matrix.ones(3, 3), "zero") == Matrix([[1]])
    assert filter2d([[1]], Matrix.ones(3, 3), "wrap") == Matrix([[9]])
    assert filter2d([[1]], Matrix.ones(3, 3), "keep") == Matrix([[1]])
    assert filter2d([[1, 2]], Matrix.ones(1, 3), "reflect") == Matrix([[5, 4]])


def test_a_symbolic_response_is_written_out():
    a, b = symbols("a b", real=True)
    w1, w2 = symbols("w1 w2", real=True)
    response = frequency_response(Matrix([[a + b, 0, 0], [0, 0, 0], [0, 0, a + b]]), w1, w2)
    assert response == response.expand()


def test_exact_numbers_of_any_kind_are_taken():
    pixels = np.array([[255, 0, 255]], np.uint8)
    assert filter2d(pixels, [[Fraction(1, 3), Rational(1, 3), Fraction(1, 3)]]) == Matrix([[255, 170, 255]])
    assert chessboard(np.int64(2)) == chessboard(Integer(2)) == Matrix([[255, 0], [0, 255]])
    assert box_kernel(np.int8(1)) == Matrix([[1]])


@pytest.mark.parametrize("size", [0, -3, True, 2.0, "3", None])
@pytest.mark.parametrize("make", [chessboard, box_kernel])
def test_a_size_that_is_none_is_refused_by_name(make, size):
    with pytest.raises(ValueError, match=r"size is .*positive integer"):
        make(size)


@pytest.mark.parametrize("entry", ["1", True, None, float("nan"), float("inf"), oo, nan, 0.5, Decimal("0.5"), [1]])
def test_an_entry_that_is_no_exact_number_is_refused(entry):
    with pytest.raises(TypeError, match=r"is not a number|rounded float"):
        filter2d([[entry]], [[1]])
    with pytest.raises(TypeError, match=r"is not a number|rounded float"):
        frequency_response([[1]], entry, 0)


@pytest.mark.parametrize("rows", ["12", [1, 2], [[1, 2], [3]], 5, None, []])
def test_what_is_no_matrix_is_refused_by_name(rows):
    with pytest.raises(ValueError, match=r"the image is .*rows of the same length"):
        filter2d(rows, [[1]])
    with pytest.raises(ValueError, match="the kernel is "):
        frequency_response(rows, 0, 0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: filter2d(chessboard(), box_kernel(), "mirror"), ValueError, "'mirror'.*keep, zero, reflect, wrap"),
        (lambda: filter2d(chessboard(), Matrix.ones(2, 3)), ValueError, "2 x 3"),
        (lambda: filter2d(chessboard(2), Matrix.ones(5, 5), "reflect"), ValueError, "2 x 2 image"),
        (lambda: filter2d(chessboard(), Matrix.ones(3, 3) * 0.1), TypeError, "rounded float"),
        (lambda: chessboard(0), ValueError, "size is 0"),
        (lambda: frequency_response(Matrix.ones(2, 2), 0, 0), ValueError, "2 x 2"),
        (lambda: frequency_response(Matrix.ones(3, 2), 0, 0), ValueError, "3 x 2; both sides must be odd"),
        (lambda: frequency_response(Matrix.ones(2, 3), 0, 0), ValueError, "2 x 3; both sides must be odd"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_of_rows_that_are_none_sixty_signs_are_shown():
    with pytest.raises(ValueError, match=r"^the image is x{60}; give a matrix"):
        filter2d("x" * 100, [[1]])
