import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hw3.data.images import ImageSet, Source, content_ids
from hw3.data.parts import split


def image_set(n, copies, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, 4, 4), dtype=torch.uint8, generator=generator)
    labels = torch.arange(n) % 3
    for index in range(copies):  # the image and its copy share a class
        images[index + 3 * copies] = images[index]
    names = tuple(f"{index}.jpg" for index in range(n))
    return ImageSet("random", images, labels, ("a", "b", "c"), names, "", Source("digits", "random", True))


@given(n=st.integers(60, 200), copies=st.integers(0, 10), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_parts_are_disjoint_complete_stratified_and_no_copy_crosses(n, copies, seed):
    data = image_set(n, copies, seed)
    parts = split(data, seed=seed)
    everything = torch.cat([parts.train, parts.validation, parts.test])
    assert sorted(everything.tolist()) == list(range(n))
    for part, share in ((parts.test, 0.3), (parts.validation, 0.1), (parts.train, 0.6)):
        assert abs(len(part) / n - share) < 0.03 + copies / n
        counts = data.labels[part].bincount(minlength=3)
        assert counts.max() - counts.min() <= 2 + 2 * copies
    side = {index: name for name in ("train", "validation", "test") for index in getattr(parts, name).tolist()}
    ids = content_ids(data.images)
    assert len(set(ids)) == n - copies
    assert all(side[index] == side[first] for index, first in enumerate(ids))


def test_the_seed_decides():
    data = image_set(90, 0, 0)
    assert torch.equal(split(data, seed=1).test, split(data, seed=1).test)
    assert not torch.equal(split(data, seed=1).test, split(data, seed=2).test)


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.7, 0.3), (0.3, -0.1)])
def test_shares_that_leave_nothing_are_refused(shares):
    with pytest.raises(ValueError, match="leave some to train on"):
        split(image_set(60, 0, 0), *shares)
