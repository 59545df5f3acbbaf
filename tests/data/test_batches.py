"""Batches: whole, reproducible, with an image, its label and what the teacher says of the same view together."""

import hashlib

import pytest
import torch

from hw3.data.batches import Batches
from hw3.data.views import IMAGE, show, views


def images(n=23, height=12, width=10):
    numbers = torch.arange(n * 3 * height * width).mul(2654435761).div(65536, rounding_mode="floor").remainder(256)
    return numbers.to(torch.uint8).view(n, 3, height, width)


def digest(batches):
    checksum = hashlib.sha256()
    for batch in batches:
        for tensor in batch:
            checksum.update(tensor.contiguous().numpy().data)
    return checksum.hexdigest()[:16]


LOGITS = torch.arange(10 * 23 * 4).float().view(10, 23, 4)


@pytest.mark.parametrize(
    ("arguments", "epoch", "expected"),
    [
        ({"batch_size": 5, "seed": 0}, 0, "c9dd74ed1a059fc2"),
        ({"batch_size": 5, "seed": 0}, 3, "04044b94678b3e40"),
        ({"batch_size": 5, "seed": 7}, 1, "eae5faa0172eca45"),
        ({"batch_size": 5, "seed": -2}, 2, "fd327b3f3348e76a"),
        ({"batch_size": 6, "seed": 1, "draws": 50}, 2, "aa29a735ec837050"),
        ({"batch_size": 6, "seed": 0, "views": views(5)}, 0, "53f117967c895111"),
        (
            {"batch_size": 6, "seed": 1, "views": views(5), "draws": 50, "teacher_logits": LOGITS},
            2,
            "d3b90170dbec50e6",
        ),
        (
            {"batch_size": 6, "seed": 3, "views": views(5), "draws": 20, "teacher_logits": LOGITS},
            1,
            "b7b97252b0241565",
        ),
    ],
)
def test_the_batches_of_a_seed_and_an_epoch_are_these_for_ever(arguments, epoch, expected):
    assert digest(Batches(images(), torch.arange(23), **arguments).epoch(epoch)) == expected


def test_an_epoch_shows_every_image_once_with_its_label_and_leaves_out_what_fills_no_batch():
    some = images()
    batches = Batches(some, torch.arange(23), batch_size=5, seed=0)
    epoch = list(batches.epoch(0))
    assert len(batches) == len(epoch) == 4
    names = torch.cat([labels for _, labels in epoch])
    assert len(set(names.tolist())) == 20
    for pictures, labels in epoch:
        assert torch.equal(pictures, some[labels])
    assert not torch.equal(names, torch.cat([labels for _, labels in batches.epoch(1)]))


@pytest.mark.parametrize("shown", [IMAGE, views(2)])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_images_come_channels_last_however_they_are_kept(shown, layout):
    some = images().contiguous(memory_format=layout)
    for pictures, _ in Batches(some, torch.arange(23), 4, seed=0, views=shown).epoch(0):
        assert pictures.shape == (4, 3, 12, 10)
        assert pictures.dtype == torch.uint8
        assert pictures.is_contiguous(memory_format=torch.channels_last)


def test_student_and_teacher_see_the_same_view():
    """What the teacher says of a view is here that view's own pixels, so any mix-up shows."""
    some, shown = images(6), views(3)
    logits = torch.stack([show(some, view).float().flatten(1) for view in shown])
    seen = []
    for pictures, labels, said in Batches(some, torch.arange(6), 4, 3, shown, logits, draws=24).epoch(0):
        assert torch.equal(pictures.float().flatten(1), said)
        seen += labels.tolist()
    assert sorted(seen) == sorted(list(range(6)) * 4)  # four rounds over six images


def test_a_teacher_changes_no_batch():
    plain = Batches(images(), torch.arange(23), 5, 5, views(5))
    taught = Batches(images(), torch.arange(23), 5, 5, views(5), teacher_logits=LOGITS)
    for one, other in zip(plain.epoch(4), taught.epoch(4), strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_one_view_that_is_not_the_image_is_shown_too():
    (batch,) = Batches(images(), torch.arange(23), 23, 0, views=((True, 2, -4),)).epoch(0)
    assert torch.equal(batch[0], show(images()[batch[1]], (True, 2, -4)))


def test_every_image_is_shown_before_one_comes_again_in_all_views():
    batches = Batches(images(5), torch.arange(5), 5, 0, views(2), torch.arange(20).view(4, 5, 1), draws=100)
    epoch = list(batches.epoch(0))
    assert all(sorted(labels.tolist()) == list(range(5)) for _, labels, _ in epoch)
    assert len({int(number) for _, _, said in epoch for number in said}) == 20


@pytest.mark.parametrize("shown", [IMAGE, views(5)])
def test_the_batches_of_several_processes_are_together_those_of_one(shown):
    arguments = (images(), torch.arange(23))
    one = Batches(*arguments, 6, 2, shown)
    parts = [Batches(*arguments, 3, 2, shown, share=(rank, 2)) for rank in (0, 1)]
    assert [len(part) for part in parts] == [3, 3] == [len(one)] * 2
    for whole, *halves in zip(one.epoch(1), *(part.epoch(1) for part in parts), strict=True):
        for rank, half in enumerate(halves):
            assert torch.equal(whole[0][rank::2], half[0])
            assert torch.equal(whole[1][rank::2], half[1])


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(Batches(images(), torch.arange(23), 5, 0, views(2)).epoch(0))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("arguments", [{"batch_size": 1}, {"seed": 2**43 - 1}, {"seed": 1 - 2**43}])
def test_what_is_just_possible_is_taken(arguments):
    batches = Batches(**{"images": images(), "labels": torch.arange(23), "batch_size": 4, "seed": 0} | arguments)
    assert sum(1 for _ in batches.epoch(1)) == len(batches)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 24}, "23 images an epoch do not fill one batch of 24; choose a batch_size from 1 to 23"),
        ({"batch_size": 0}, "batch of 0"),
        ({"batch_size": -3}, "batch of -3"),
        ({"batch_size": 6, "draws": 5}, "5 images an epoch do not fill one batch of 6"),
        ({"batch_size": 6, "draws": 0}, "0 images an epoch"),
        ({"batch_size": 12, "share": (1, 2)}, "among 2 processes .* from 1 to 11"),
        ({"share": (2, 2)}, r"share is \(2, 2\)"),
        ({"labels": torch.arange(22)}, "23 images and 22 labels"),
        ({"views": views(2), "teacher_logits": LOGITS}, r"\(10, 23, 4\); 4 views of 23 images need \(4, 23, classes\)"),
        ({"views": views(5), "teacher_logits": LOGITS[:, :22]}, r"\(10, 22, 4\)"),
        ({"teacher_logits": LOGITS[0]}, r"\(23, 4\); 1 views"),
        ({"share": (-1, 2)}, r"share is \(-1, 2\)"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"seed": 10**20}, "seed is 100000000000000000000"),
        ({"seed": 2**43}, "seed is 8796093022208"),
        ({"seed": -(2**43)}, "seed is -8796093022208"),
        ({"images": images(0), "labels": torch.arange(0), "draws": 10}, "no image to draw"),
    ],
)
def test_what_does_not_fit_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        Batches(**{"images": images(), "labels": torch.arange(23), "batch_size": 4, "seed": 0} | arguments)
