import numpy as np
import torch

from hw3.data.images import ImageSet, Source
from hw3.data.views import views as all_views
from hw3.show import images
from hw3.studies.activations import Mistake, rank_one

PICTURES = torch.randint(0, 256, (12, 3, 6, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
DATA = ImageSet(
    "toys", PICTURES, torch.arange(12) % 3, ("a", "b", "c"), tuple("abcdefghijkl"), Source("folder", "a toy")
)


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.images]


def test_each_image_stands_under_its_title_in_rows():
    figure = images.gallery(PICTURES[:5], list("abcde"), columns=3)
    assert titles(figure) == list("abcde")
    assert len(figure.axes) == 6
    assert np.array_equal(figure.axes[4].images[0].get_array(), PICTURES[4].permute(1, 2, 0))
    assert figure.get_size_inches()[0] <= 6.9


def test_samples_are_of_each_class_one_a_column():
    assert titles(images.samples(DATA, per_class=2)) == ["a", "b", "c"] * 2


def test_each_view_has_the_teachers_word_over_it():
    answers = torch.full((4, 2), -50.0)
    answers[torch.arange(4), torch.tensor([0, 1, 1, 0])] = 50.0
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    figure = images.views(image, all_views(2), answers, ("cat", "dog"))
    assert titles(figure) == ["cat\n100%", "dog\n100%", "dog\n100%", "cat\n100%"]


def test_mistakes_name_the_class_and_what_was_said():
    mistake = Mistake(PICTURES[0], "f", "boot", "shoe", 0.75)
    figure = images.mistakes({"MLP": [mistake, mistake], "CNN": [mistake, mistake]})
    assert titles(figure) == ["boot, called\nshoe (75%)"] * 4
    assert [text.get_text() for axis in figure.axes for text in axis.texts] == ["MLP", "CNN"]


def test_dropped_pixels_are_masked_and_all_maps_have_one_scale():
    whole = torch.arange(12.0).view(3, 4)
    dropped = whole.clone()
    dropped[0, 0] = torch.nan
    figure = images.masks({"whole": whole, "dropout": dropped})
    first, second = (axis.images[0] for axis in figure.axes)
    assert (int(np.ma.count_masked(first.get_array())), int(np.ma.count_masked(second.get_array()))) == (0, 1)
    assert first.get_clim() == second.get_clim() == (0, 11)


def test_a_filter_stands_over_its_approximation():
    ranked = rank_one(torch.stack([torch.ones(3, 3), torch.eye(3)]))
    figure = images.filters(ranked, [0, 1])
    assert [axis.get_title() for axis in figure.axes] == ["", "", "keeps 100%", "keeps 33%"]


def test_a_weight_of_zero_is_grey():
    weights = torch.zeros(2, 3 * 4 * 5)
    weights[:, ::2] = 1.0
    figure = images.units(weights, (3, 4, 5), count=2)
    assert titles(figure) == ["unit 0", "unit 1"]
    assert {127, 255} == set(np.unique(figure.axes[0].images[0].get_array()))
