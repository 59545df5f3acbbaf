from itertools import combinations, islice

import matplotlib
import numpy as np

from hw3.show import style


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(first, second):
    light, dark = sorted((linear(c) @ (0.2126, 0.7152, 0.0722) for c in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_reads_on_the_ground_that_every_figure_brings():
    assert matplotlib.rcParams["figure.facecolor"] == matplotlib.rcParams["savefig.facecolor"] == "white"
    assert contrast(style.GREY, "#ffffff") > 4.5


def test_no_text_is_smaller_than_nine_points():
    names = ("font.size", "legend.fontsize", "xtick.labelsize", "ytick.labelsize", "axes.titlesize")
    assert all(matplotlib.rcParams[name] >= 9 for name in names)


def test_a_deuteranope_tells_all_colours_apart():
    # Machado, Oliveira and Fernandes 2009, deuteranopia, on linear RGB
    seen = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
    for first, second in combinations(style.COLOURS, 2):
        distance = np.abs(seen @ linear(first) - seen @ linear(second)).max()
        assert distance > 0.04, (first, second)


def test_each_colour_has_a_marker_of_its_own():
    looks = list(islice(style.looks(), len(style.COLOURS)))
    assert len({marker for _, marker in looks}) == len({colour for colour, _ in looks}) == len(style.COLOURS)
