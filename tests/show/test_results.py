import numpy as np
import pytest
import torch

from hw3.show import results
from hw3.show.comparison import Comparison
from hw3.studies.search import Searched, Trials

NAMES = {"MLP, train", "MLP, test", "CNN, train", "CNN, test"}


@pytest.fixture
def groups(make_arm):
    return {"MLP": make_arm("mlp", [0.8, 0.9]), "CNN": make_arm("cnn", [0.95, 0.96])}


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_curves_have_a_line_for_each_network_and_part_and_a_dot_for_each_seed(groups):
    figure = results.learning_curves(groups)
    for axis in figure.axes:
        lines, dots = axis.lines[::2], axis.lines[1::2]
        assert len(lines) == len(dots) == 4
        assert all(len(dot.get_xdata()) == 2 for dot in dots)
        assert {line.get_linestyle() for line in lines} == {"--", "-"}
    assert set(legend(figure)) == NAMES
    assert np.allclose(figure.axes[1].lines[2].get_ydata(), 0.85)  # the mean of the seeds


def test_losses_of_different_kinds_are_left_out(groups):
    figure = results.learning_curves(groups, part="validation", one_loss=False)
    assert [len(axis.lines) for axis in figure.axes] == [4, 8]
    assert figure.axes[0].get_yscale() == "log"


def test_a_confusion_matrix_has_every_count_of_all_seeds(groups):
    figure = results.confusion(groups)
    assert [axis.get_title() for axis in figure.axes] == ["MLP", "CNN"]
    counts = [int(text.get_text()) for text in figure.axes[0].texts]
    assert sum(counts) == 2 * 600
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("predicted", "true")


def test_histograms_show_the_first_middle_and_last_epoch(groups):
    figure = results.weight_histograms(groups["MLP"][0], {"a layer": "w"})
    assert len(figure.axes[0].patches) == 3
    assert legend(figure) == ["epoch 1", "epoch 2", "epoch 3"]


def test_parameters_are_stacked_by_kind(groups):
    figure = results.parameters({label: group[0] for label, group in groups.items()})
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert widths == [500, 500, 250, 250, 7, 7]
    assert len({patch.get_hatch() for patch in figure.axes[0].patches}) == 3


def test_differences_have_a_dot_for_each_seed_and_margins():
    shown, hidden = Comparison(0.02, 0.005, 0.0, (0.02, 0.03)), Comparison(0.001, 0.01, 0.0, (0.0, 0.002))
    axis = results.differences({"a − b": shown, "c − d": hidden}).axes[0]
    intervals, means, dots = axis.lines[0:6:3], axis.lines[1:6:3], axis.lines[2:6:3]
    assert np.allclose(intervals[0].get_xdata(), [1.5, 2.5])
    assert [len(dot.get_xdata()) for dot in dots] == [2, 2]
    assert means[0].get_marker() == "^"
    assert means[0].get_color() != means[1].get_color()
    low, high = sorted(axis.get_ylim())
    assert low < -0.1
    assert high > 1.1
    assert "(points)" in axis.get_xlabel()


def test_panels_of_differences_share_their_scale_and_begin_at_the_top():
    near, far = Comparison(0.001, 0.01, 0.0, (0.0, 0.002)), Comparison(-0.2, 0.01, 0.0, (-0.2, -0.2))
    figure = results.differences_beside({"stored": {"a": near, "b": near}, "anew": {"a": far, "b": near}})
    left, right = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["stored", "anew"]
    assert left.get_xlim() == right.get_xlim()
    assert left.get_xlim()[0] < -20
    assert left.get_ylim()[0] > left.get_ylim()[1]
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b"]
    assert len(right.lines) == 2 * 3 + 1
    assert "points" in figure.get_supxlabel()


def test_lines_over_positions_have_a_dot_for_each_seed():
    axis = results.over((1, 2), {"a": [[0.1, 0.3], [0.4, 0.6]]}, "x", "y").axes[0]
    assert np.allclose(axis.lines[0].get_ydata(), [0.2, 0.5])
    assert len(axis.lines) == 3


def test_values_below_zero_stay_inside_the_plot():
    axis = results.against_distance({"a": [0.5, -0.2]}, "y").axes[0]
    assert axis.get_ylim()[0] < -0.2


def test_the_search_is_a_grid_with_its_lowest_and_its_setting_framed():
    trials = [Trials(a, t, (1 + a, 1.2 + a), (0.3, 0.3)) for a in (0.0, 0.5, 0.9) for t in (2.0, 4.0)]
    axis = results.searched(Searched(tuple(trials))).axes[0]
    told = [f"{mean}\n± 0.100" for mean in ("1.100", "1.600", "2.000") for _ in range(2)]
    assert sorted(text.get_text() for text in axis.texts) == told
    assert [patch.get_linestyle() for patch in axis.patches] == ["-", "--"]


def test_entropies_are_drawn_under_the_undecided_line():
    figure = results.entropies((1, 2), {"a": (0.1, 0.2), "b": (0.3, 0.4)}, 0.69)
    assert len(figure.axes[0].lines) == 3
    assert legend(figure) == ["a", "b", "says nothing"]


def test_soft_labels_show_the_least_decided_images_beside_their_bars():
    logits = torch.tensor([[9.0, 0.0], [1.0, 0.9], [5.0, 0.0]])
    pictures = torch.stack([torch.full((3, 4, 4), value, dtype=torch.uint8) for value in (0, 100, 200)])
    figure = results.soft_labels(pictures, logits, ("cat", "dog"), temperatures=(1, 4), count=1)
    assert len(figure.axes) == 3
    assert figure.axes[0].images[0].get_array().max() == 100
    assert [patch.get_width() for patch in figure.axes[1].patches] == pytest.approx([0.525, 0.475], abs=1e-3)
