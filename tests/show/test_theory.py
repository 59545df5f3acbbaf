"""The theory pages' pictures show what was computed."""

import numpy as np
from matplotlib import pyplot as plt
from sympy import pi, symbols

from hw3.show import theory
from hw3.theory import box_kernel, chessboard, filter2d, frequency_response


def test_boards_write_every_value_and_frame_each_board():
    figure = theory.boards([chessboard(), filter2d(chessboard(), box_kernel())], ["before", "after"])
    before, after = figure.axes
    assert [text.get_text() for text in before.texts[:3]] == ["255", "0", "255"]
    assert {text.get_text() for text in after.texts} == {"255", "0", "141.7", "113.3"}
    assert all(spine.get_visible() for axis in figure.axes for spine in axis.spines.values())
    plt.close(figure)


def test_a_response_is_drawn_whatever_its_frequencies_are_called():
    for names in ("w1 w2", "omega1 omega2"):
        figure = theory.response(frequency_response(box_kernel(), *symbols(names, real=True)))
        diagonal = figure.axes[1].lines[0].get_ydata()
        assert np.allclose([diagonal[0], diagonal[-1]], [1, float(1 / 9)])
        assert np.isclose(figure.axes[1].lines[0].get_xdata()[-1], float(pi))
        plt.close(figure)


def test_the_boot_is_the_same_from_build_to_build_and_has_flat_parts_stripes_and_noise():
    boot, clean = theory.drawn_boot(), theory.drawn_boot(noise=0)
    assert np.array_equal(boot, theory.drawn_boot())
    assert boot.shape == (72, 96)
    assert np.ptp(clean[38:54, 26:46]) == 0
    assert abs(clean[62, 40] - clean[62, 41]) > 100
    assert 8 < (boot - clean).std() < 16


def test_the_enlarged_part_of_a_picture_is_below_it_and_outlined_in_it():
    image = np.arange(48.0).reshape(6, 8)
    figure = theory.blurring([image, image / 2], ["before", "after"], slice(1, 4), slice(2, 7))
    assert [axis.get_title() for axis in figure.axes] == ["before", "after", "", ""]
    assert np.array_equal(figure.axes[2].images[0].get_array(), image[1:4, 2:7])
    outline = figure.axes[0].patches[0]
    assert (outline.get_x(), outline.get_y(), outline.get_width(), outline.get_height()) == (1.5, 0.5, 5, 3)
    plt.close(figure)


def test_all_values_of_a_batch_are_counted_before_and_after():
    values = np.random.default_rng(0).normal(3, 2, 200)
    figure = theory.normalizing(values, (values - values.mean()) / values.std())
    bars = figure.axes[0].containers
    assert [sum(bar.get_height() for bar in group) for group in bars] == [200, 200]
    plt.close(figure)


def test_a_dropped_unit_has_a_cross_and_the_test_has_none():
    units = np.array([1.0, 2.0, 3.0])
    figure = theory.dropping(units, [np.array([2.0, 0.0, 6.0]), np.array([0.0, 0.0, 6.0])])
    assert [axis.lines[0].get_xdata().tolist() for axis in figure.axes] == [[], [2], [1, 2]]
    assert [bar.get_height() for bar in figure.axes[1].patches] == [2, 0, 6]
    plt.close(figure)
