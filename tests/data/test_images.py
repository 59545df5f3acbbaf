"""Image sets and their splits: exact shares, each class in each part, copies on one side."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hw3.data.images import ImageSet, Source, Split, channels_last, content_ids, split
from hw3.files import DataError


def image_set(n, copies=0, seed=0, classes=3):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, 4, 4), dtype=torch.uint8, generator=generator)
    labels = torch.arange(n) % classes
    for index in range(copies):  # the image and its copy share a class
        images[index + classes * copies] = images[index]
    names = tuple(f"{index}.jpg" for index in range(n))
    return ImageSet("random", images, labels, ("a", "b", "c")[:classes], names, Source("digits", "random", True))


def test_the_digest_is_over_pixels_labels_and_class_names_alone():
    data = image_set(10)
    same = replace(data, name="other", files=("x",) * 10, source=Source("folder", "elsewhere"))
    layout = replace(data, images=data.images.contiguous(memory_format=torch.channels_last))
    assert data.digest == same.digest == layout.digest
    pixel = data.images.clone()
    pixel[9, 2, 3, 3] ^= 1
    others = [
        replace(data, images=pixel),
        replace(data, labels=data.labels.flip(0)),
        replace(data, class_names=("a", "b", "d")),
        replace(data, images=data.images.reshape(10, 3, 2, 8)),
    ]
    assert len({data.digest, *(other.digest for other in others)}) == 5


def test_an_image_set_says_what_it_is():
    data = image_set(10)
    assert data.shape == (3, 4, 4)
    assert len(data) == 10
    assert str(data) == "random: 10 images, 3 x 4 x 4, from random"


def test_channels_last_changes_the_view_and_copies_nothing():
    array = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    tensor = channels_last(array)
    assert tensor.shape == (2, 3, 4, 5)
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    array[1, 2, 3, 0] = 255
    assert tensor[1, 0, 2, 3] == 255


@pytest.mark.parametrize(
    ("n", "expected"), [(300, (180, 30, 90)), (1000, (600, 100, 300)), (6000, (3600, 600, 1800)), (15, None)]
)
def test_a_split_takes_exactly_the_share_that_it_says(n, expected):
    if expected is None:  # 1.5 images cannot be
        with pytest.raises(DataError):
            split(image_set(n))
        return
    parts = split(image_set(n))
    assert (len(parts.train), len(parts.validation), len(parts.test)) == expected


@given(
    n=st.integers(60, 200),
    copies=st.integers(0, 10),
    seed=st.integers(0, 1000),
    shares=st.sampled_from([(0.3, 0.1), (0.29, 0.13), (0.1, 0.6)]),
)
@settings(max_examples=40, deadline=None)
def test_parts_are_disjoint_complete_exact_stratified_and_no_copy_crosses(n, copies, seed, shares):
    data = image_set(n, copies, seed)
    test, validation = shares
    parts = split(data, test, validation, seed=seed)
    together = torch.cat([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(n))
    assert len(parts.test) == round(test * n)
    assert len(parts.validation) == round(validation * n)
    for part, share in ((parts.test, test), (parts.validation, validation)):
        assert torch.equal(part, part.sort().values)
        for label, count in enumerate(data.labels[part].bincount(minlength=3).tolist()):
            assert abs(count - share * int((data.labels == label).sum())) < 1
    side = {index: name for name in ("train", "validation", "test") for index in getattr(parts, name).tolist()}
    ids = content_ids(data.images)
    assert len(set(ids)) == n - copies
    assert all(side[index] == side[first] for index, first in enumerate(ids))


def test_the_seed_decides_and_is_0_by_default():
    data = image_set(90)
    assert split(data, seed=1).digest == split(data, seed=1).digest
    assert split(data, seed=1).digest != split(data, seed=2).digest
    assert split(data).digest == split(data, seed=0).digest == split(data, 0.3, 0.1).digest


def test_groups_stay_together():
    data = image_set(90)
    groups = np.arange(90) // 9 * 3 + np.arange(90) % 3  # three of one class
    parts = split(data, groups=groups)
    sides = [set(groups[part.numpy()]) for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sides)) == 30


@pytest.mark.parametrize("count", [0, 5, 100])
def test_groups_and_labels_are_as_many_as_the_images(count):
    data = image_set(90)
    with pytest.raises(ValueError, match=f"there are 90 images and {count} groups; each image needs one"):
        split(data, groups=np.arange(count))
    with pytest.raises(ValueError, match=f"there are 90 images and {count} labels"):
        split(replace(data, labels=torch.zeros(count, dtype=torch.int64)))


def test_the_digest_of_a_split_says_which_image_trains_chooses_and_tests():
    a, b, c = torch.tensor([0, 1]), torch.tensor([2]), torch.tensor([3])
    assert Split(a, b, c).digest == Split(a.clone(), b, c).digest
    assert len({Split(a, b, c).digest, Split(b, a, c).digest, Split(b, c, a).digest}) == 3
    assert Split(a, b, c).digest != Split(a[:1], torch.tensor([1, 2]), c).digest  # where a part ends counts


@pytest.mark.parametrize("both", [(0, 1), (0, 2), (1, 2)])
def test_an_image_in_two_parts_is_named(both):
    parts = [torch.arange(0, 5), torch.arange(5, 7), torch.arange(7, 9)]
    parts[both[1]] = torch.cat([parts[both[1]], parts[both[0]][-1:]])
    with pytest.raises(ValueError, match=f"image {parts[both[0]][-1]} is in two parts"):
        Split(*parts)


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.3, 0.0), (0.7, 0.3), (0.3, -0.1), (1.0, 0.1), (float("nan"), 0.1)])
def test_shares_that_leave_nothing_are_refused_by_name(shares):
    with pytest.raises(ValueError, match=rf"test={shares[0]}, validation={shares[1]}: .*leave some to train on"):
        split(image_set(60), *shares)


@pytest.mark.parametrize("n", [3, 6, 12])
def test_too_few_images_name_the_class_and_how_many_would_do(n):
    with pytest.raises(DataError, match=rf"random: the class [abc] has too few .*\({n // 3}\) .*10 would do"):
        split(image_set(n))
    assert len(split(image_set(30)).validation) == 3


@pytest.mark.parametrize(("shares", "enough"), [((0.5, 0.45), 20), ((0.3, 0.6), 10), ((0.01, 0.6), 100)])
def test_how_many_images_would_do_depends_on_the_smallest_share(shares, enough):
    with pytest.raises(DataError, match=f"; {enough} would do"):
        split(image_set(9), *shares)
    split(image_set(3 * enough), *shares)


def test_identical_images_cannot_be_divided():
    data = image_set(60)
    with pytest.raises(DataError, match=r"the class a has too few different images \(1\)"):
        split(replace(data, images=torch.zeros_like(data.images)))
    one = data.images.clone()
    one[data.labels == 1] = 7
    with pytest.raises(DataError, match=r"the class b has too few different images \(1\)"):
        split(replace(data, images=one))
