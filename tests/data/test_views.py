"""Views: flips and shifts with mirrored edges, in an order that is written down."""

import pytest
import torch

from hw3.data.batches import Batches
from hw3.data.views import IMAGE, REACH, padded, show, views, windows


def images(n=6, size=12):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=generator)


def test_the_order_is_none_the_diagonals_then_the_nearest():
    five = [(0, 0), (-2, -2), (-2, 2), (2, -2), (2, 2)]
    nine = [*five, (-2, 0), (0, -2), (0, 2), (2, 0)]
    assert views(5) == tuple((flipped, *shift) for shift in five for flipped in (False, True))
    assert views(9) == tuple((flipped, *shift) for shift in nine for flipped in (False, True))
    distances = [abs(down) + abs(right) for flipped, down, right in views(25)[10:] if not flipped]
    assert distances == sorted(distances)


def test_the_first_view_is_the_image_and_all_differ():
    some = images()
    for shifts in (1, 2, 5, 25):
        these = views(shifts)
        assert these[:1] == IMAGE
        assert these == views(25)[: 2 * shifts]
        shown = torch.stack([show(some, view) for view in these])
        assert torch.equal(shown[0], some)
        assert len({view.numpy().tobytes() for view in shown}) == 2 * shifts


def test_a_view_is_a_shift_with_mirrored_edges_then_a_flip():
    some = images()
    down, right = 2, -2
    moved = show(some, (False, down, right))
    assert torch.equal(moved[:, :, 2:, :-2], some[:, :, :-2, 2:])
    assert torch.equal(moved[:, :, 0, :-2], some[:, :, 2, 2:])  # reflected: row -2 is row 2
    up = show(some, (False, -2, 3))
    assert torch.equal(up[:, :, -2:, 3:], some[:, :, [10, 9], :-3])  # row 12 is row 10, row 13 row 9
    assert torch.equal(up[:, :, :-2, :3], some[:, :, 2:, [3, 2, 1]])
    assert torch.equal(show(some, (True, down, right)), moved.flip(3))
    assert moved.is_contiguous(memory_format=torch.channels_last)
    assert padded(some).shape == (6, 3, 12 + 2 * REACH, 12 + 2 * REACH)


def test_windows_hold_every_shift_without_a_copy():
    border = padded(images())
    every = windows(border)
    assert every.shape == (6, 9, 9, 12, 12, 3)
    assert every.untyped_storage().data_ptr() == border.untyped_storage().data_ptr()
    assert torch.equal(every[:, 4 - 3, 4 + 1].permute(0, 3, 1, 2), show(images(), (False, 3, -1)))


@pytest.mark.parametrize("shifts", [0, 26, -1])
def test_a_number_of_shifts_that_cannot_be_is_refused(shifts):
    with pytest.raises(ValueError, match=f"shifts is {shifts}; it must be from 1 to 25"):
        views(shifts)


def test_images_smaller_than_what_the_border_mirrors_are_refused():
    assert padded(images(size=5)).shape == (6, 3, 13, 13)
    with pytest.raises(ValueError, match=r"\(4, 4\).*more than 4 pixels"):
        padded(images(size=4))
    with pytest.raises(ValueError, match=r"\(4, 12\)"):
        padded(images()[:, :, :4])


@pytest.mark.parametrize("view", [(False, 5, 0), (False, 0, -5), (False, 1.0, 0), (2, 0, 0)])
def test_a_view_out_of_reach_is_refused(view):
    images = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match="a view is"):
        show(images, view)
    with pytest.raises(ValueError, match="a view is"):
        Batches(images, torch.zeros(2), 1, 0, views=[view])
