"""Views: flips and shifts, and batches in which an image, its label and the teacher's answer belong together."""

import pytest
import torch

from hw3.data.views import REACH, ViewBatches, padded, show, view_loader, views


def images(n=6, size=12):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=generator)


def test_the_first_view_is_the_image_and_all_differ():
    some = images()
    for shifts in (1, 2, 5, 25):
        found = views(shifts)
        assert len(found) == 2 * shifts
        assert found[0] == (False, 0, 0)
        assert found == views(25)[: 2 * shifts]
        shown = torch.stack([show(some, view) for view in found])
        assert torch.equal(shown[0], some)
        assert len({view.numpy().tobytes() for view in shown}) == 2 * shifts


def test_a_view_is_a_shift_with_mirrored_edges_then_a_flip():
    some = images()
    down, right = 2, -2
    moved = show(some, (False, down, right))
    assert torch.equal(moved[:, :, 2:, :-2], some[:, :, :-2, 2:])
    assert torch.equal(moved[:, :, 0, :-2], some[:, :, 2, 2:])  # reflected: row -2 is row 2
    assert torch.equal(show(some, (True, down, right)), moved.flip(3))
    assert padded(some).shape == (6, 3, 12 + 2 * REACH, 12 + 2 * REACH)


@pytest.mark.parametrize("shifts", [0, 26])
def test_a_number_of_shifts_that_cannot_be_is_refused(shifts):
    with pytest.raises(ValueError, match=f"shifts is {shifts}"):
        views(shifts)


def test_student_and_teacher_see_the_same_view():
    """The teacher's answer to a view is here that view's own pixels, so any mix-up shows."""
    some, shown = images(), views(3)
    answers = torch.stack([show(some, view).float().flatten(1) for view in shown])
    batches = view_loader(some, torch.arange(6), shown, batch_size=4, seed=3, draws=24, answers=answers)
    seen = []
    for pictures, labels, said in batches:
        assert pictures.shape == (4, 3, 12, 12)
        assert pictures.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(pictures.float().flatten(1), said)
        for picture, label in zip(pictures, labels, strict=True):
            assert any(torch.equal(picture, show(some[label : label + 1], view)[0]) for view in shown)
        seen += labels.tolist()
    assert sorted(seen) == sorted(list(range(6)) * 4)  # four rounds over six images


def test_an_epoch_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        sampler = view_loader(images(10), torch.arange(10), views(2), 5, seed, draws=25).sampler
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)
    assert len(order(1, 0)) == 25
    assert {index // 4 for index in order(1, 0)[:10]} == set(range(10))  # each image once before any comes again
    assert len({index % 4 for index in order(1, 0)}) == 4


def test_plain_and_distilled_arms_get_the_same_batches():
    some, shown = images(), views(2)
    answers = torch.zeros(4, 6, 10)
    plain = view_loader(some, torch.arange(6), shown, 3, seed=5)
    taught = view_loader(some, torch.arange(6), shown, 3, seed=5, answers=answers)
    for one, other in zip(plain, taught, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 6, 10\); 4 views of 6 images"):
        ViewBatches(images(), torch.arange(6), views(2), torch.zeros(3, 6, 10))
    with pytest.raises(ValueError, match="6 images an epoch do not fill one batch of 7"):
        view_loader(images(), torch.arange(6), views(2), 7, seed=0)
