import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn
from torchvision.ops import DropBlock2d

from hw3.nets.dropblock import DropBlock, bernoulli_positions, dense_dropblock, dropped_pixels, keep_rate, seed_rate


def mask(shape, rate, block_size, seed, channels_last=False):
    """True where a pixel is kept."""
    layer = DropBlock(rate, block_size, grow=False, generator=torch.Generator().manual_seed(seed))
    ones = torch.ones(shape)
    return layer(ones.to(memory_format=torch.channels_last) if channels_last else ones) > 0


# A seed and its mask, written out: # is kept, . is dropped.
GOLDEN = {
    "3 x 3 blocks, two of which overlap": (
        (1, 3, 0.25),
        """
        #...##...
        #...#....
        #........
        ##......#
        ##.....##
        ####...##
        ####...##
        """,
    ),
    "an even block size": (
        (2, 2, 0.25),
        """
        ########
        ########
        ########
        ######..
        #..###..
        #..#####
        """,
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_masks(name):
    (seed, block_size, rate), drawn = GOLDEN[name]
    lines = drawn.split()
    kept = mask((1, 1, len(lines), len(lines[0])), rate, block_size, seed)
    assert ["".join("#" if pixel else "." for pixel in row) for row in kept[0, 0]] == lines


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 12), st.integers(1, 12)),
    rate=st.floats(0.01, 0.6),
    block_size=st.integers(1, 8),
    seed=st.integers(0, 10**6),
    channels_last=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_what_is_dropped_is_a_union_of_whole_blocks(shape, rate, block_size, seed, channels_last):
    kept = mask(shape, rate, block_size, seed, channels_last)
    h, w = min(block_size, shape[2]), min(block_size, shape[3])
    dropped = (~kept).float()
    whole = nn.functional.avg_pool2d(dropped, (h, w), stride=1) == 1  # places where a full block is dropped
    covered = (
        nn.functional.conv_transpose2d(whole.float().flatten(0, 1)[:, None], torch.ones(1, 1, h, w)).view(shape) > 0
    )
    assert torch.equal(covered, ~kept)


def exact_drop_rate(rate, block_size, size, row, column):
    """By brute force: one minus the chance that no place whose block covers (row, column) starts one."""
    h, w = min(block_size, size[0]), min(block_size, size[1])
    places = [
        (i, j)
        for i in range(size[0] - h + 1)
        for j in range(size[1] - w + 1)
        if i <= row < i + h and j <= column < j + w
    ]
    return 1 - (1 - seed_rate(rate, block_size, size)) ** len(places)


@pytest.mark.parametrize(("size", "block_size"), [((9, 12), 3), ((8, 8), 4), ((7, 5), 7), ((2, 9), 3), ((6, 6), 1)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_drop_rates_by_position_and_the_mean(size, block_size, channels_last):
    draws, rate = 40_000, 0.15
    kept = mask((draws // 8, 8, *size), rate, block_size, 1, channels_last).float()
    measured = 1 - kept.mean((0, 1))
    for row in range(size[0]):
        for column in range(size[1]):
            expected = exact_drop_rate(rate, block_size, size, row, column)
            assert measured[row, column].item() == pytest.approx(expected, abs=5 * math.sqrt(0.25 / draws))
    total = sum(exact_drop_rate(rate, block_size, size, r, c) for r in range(size[0]) for c in range(size[1]))
    assert keep_rate(rate, block_size, size) == pytest.approx(1 - total / math.prod(size))


@pytest.mark.parametrize(("block_size", "dtype"), [(3, torch.float32), (7, torch.float32), (3, torch.bfloat16)])
def test_agrees_with_torchvision_in_position_structure_and_mean(block_size, dtype):
    """Corner, border and centre; the number of separate blocks is compared through the share of dropped neighbours."""
    shape, rate = (400, 16, 14, 17), 0.1
    torch.manual_seed(0)
    ones = torch.ones(shape, dtype=dtype)
    theirs = DropBlock2d(rate, block_size).train()(ones)
    ours = DropBlock(rate, block_size, grow=False)(ones)
    drops = [(x == 0).float() for x in (ours, theirs)]
    error = math.sqrt(0.25 / (shape[0] * shape[1]))
    for row, column in ((0, 0), (0, 8), (7, 0), (7, 8), (13, 16)):
        one, other = (d[:, :, row, column].mean().item() for d in drops)
        assert one == pytest.approx(other, abs=6 * error)
    neighbours = [(d[..., :-1] * d[..., 1:]).mean().item() for d in drops]
    assert neighbours[0] == pytest.approx(neighbours[1], rel=0.05)
    assert drops[0].mean().item() == pytest.approx(drops[1].mean().item(), rel=0.05)
    assert ours.float().mean().item() == pytest.approx(1, abs=0.01)
    assert theirs.float().mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("size", "block_size"), [((7, 8), 3), ((6, 5), 2), ((3, 4), 4)])
def test_the_dense_form_has_the_same_distribution(size, block_size):
    """Each pixel, and each pixel together with each other, is dropped as often; what is kept has the same scale."""
    maps, rate = 40_000, 0.2
    generator, ones = torch.Generator().manual_seed(2), torch.ones(maps // 8, 8, *size)
    dense = dense_dropblock(ones, rate, block_size, generator)
    fast = DropBlock(rate, block_size, grow=False, generator=generator)(ones)
    assert dense.max() == pytest.approx(fast.max().item(), rel=1e-6)
    together = []
    for kept in (dense, fast):
        dropped = (kept == 0).double().view(maps, -1)
        together.append(dropped.T @ dropped / maps)
    assert (together[0] - together[1]).abs().max().item() < 6 * math.sqrt(2 * 0.25 / maps)


@given(seed=st.integers(0, 10**6), block_size=st.integers(1, 5), height=st.integers(1, 9), width=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_the_dense_form_drops_the_blocks_that_start_where_its_numbers_are_small(seed, block_size, height, width):
    h, w = min(block_size, height), min(block_size, width)
    dense = dense_dropblock(torch.ones(2, 3, height, width), 0.3, block_size, torch.Generator().manual_seed(seed))
    numbers = torch.rand(2, 3, height - h + 1, width - w + 1, generator=torch.Generator().manual_seed(seed))
    expected = torch.ones(2, 3, height, width)
    for n, c, i, j in (numbers < seed_rate(0.3, block_size, (height, width))).nonzero().tolist():
        expected[n, c, i : i + h, j : j + w] = 0
    assert torch.equal(dense != 0, expected != 0)


def test_the_indices_of_dropped_pixels_lie_in_the_memory_of_their_own_map():
    shape = (3, 2, 6, 7)

    def drop(**layout):
        return dropped_pixels(shape, 0.3, 2, torch.Generator().manual_seed(1), **layout)

    assert torch.equal(drop(), drop(channels_last=False))  # (N, C, H, W) unless it is said otherwise
    assert not torch.equal(drop(), drop(channels_last=True))
    for pixels in (drop(), drop(channels_last=True)):
        assert 0 <= pixels.min() <= pixels.max() < math.prod(shape)
        assert set((pixels // math.prod(shape[1:])).tolist()) == {0, 1, 2}  # every image has its own


def test_channels_and_images_are_independent():
    dropped = (~mask((3000, 2, 6, 6), 0.2, 3, 0)).float()
    together = (dropped[:, 0] * dropped[:, 1]).mean((1, 2)).mean().item()
    assert together == pytest.approx((dropped[:, 0].mean(0) * dropped[:, 1].mean(0)).mean().item(), rel=0.1)
    assert not torch.equal(dropped[:, 0], dropped[:, 1])
    assert not torch.equal(dropped[:1500], dropped[1500:])


@given(count=st.integers(0, 300), probability=st.floats(0, 1), seed=st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_positions_are_ascending_distinct_and_in_range(count, probability, seed):
    positions = bernoulli_positions(count, probability, torch.Generator().manual_seed(seed)).tolist()
    assert positions == sorted(set(positions))
    assert all(0 <= position < count for position in positions)


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.7])
def test_positions_are_independent_trials(probability):
    """Counts are binomial (chi-square), and every place is as likely as any other, the first and last included."""
    generator, trials, places = torch.Generator().manual_seed(5), 4000, 50
    hits = torch.zeros(trials, places)
    for trial in range(trials):
        hits[trial, bernoulli_positions(places, probability, generator)] = 1
    assert stats.chisquare(hits.sum(0), hits.sum() / places).pvalue > 0.001
    variance = places * probability * (1 - probability)
    assert hits.sum(1).mean().item() == pytest.approx(places * probability, abs=5 * math.sqrt(variance / trials))
    assert hits.sum(1).var().item() == pytest.approx(variance, rel=0.2)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_takes_the_same_way_back(layout, dtype):
    x = torch.randn(2, 3, 8, 9, dtype=dtype).to(memory_format=layout).requires_grad_()
    layer = DropBlock(0.3, 3, grow=False, generator=torch.Generator().manual_seed(0))
    y = layer(x)
    upstream = torch.randn(2, 3, 8, 9, dtype=dtype)
    y.backward(upstream)
    scale = 1 / keep_rate(0.3, 3, (8, 9))
    kept = y != 0
    assert torch.allclose(y.float(), torch.where(kept, x * scale, 0).float(), rtol=1e-2)
    assert torch.allclose(x.grad.float(), torch.where(kept, upstream * scale, 0).float(), rtol=1e-2)
    assert y.is_contiguous(memory_format=layout)


def test_the_gradient_agrees_with_finite_differences():
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)

    def layer(values):
        return DropBlock(0.3, 2, grow=False, generator=torch.Generator().manual_seed(4))(values)

    assert torch.autograd.gradcheck(layer, (x,))


def test_the_rate_grows_with_progress_and_is_off_in_evaluation():
    layer, ones = DropBlock(0.4, 3), torch.ones(64, 8, 9, 9)
    shares = []
    for progress in (0.0, 0.5, 1.0):
        layer.progress = progress
        shares.append((layer(ones) == 0).float().mean().item())
    assert shares[0] == 0
    layer.progress = 0.0
    assert layer(ones) is ones  # nothing to do is nothing done
    for progress, share in zip((0.5, 1.0), shares[1:], strict=True):
        assert share == pytest.approx(1 - keep_rate(0.4 * progress, 3, (9, 9)), abs=0.02)
    assert layer.eval()(ones) is ones


def test_a_generator_makes_it_repeatable():
    assert torch.equal(mask((2, 3, 8, 8), 0.3, 3, 7), mask((2, 3, 8, 8), 0.3, 3, 7))
    assert not torch.equal(mask((2, 3, 8, 8), 0.3, 3, 7), mask((2, 3, 8, 8), 0.3, 3, 8))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: DropBlock(1.0), "rate is 1.0"),
        (lambda: DropBlock(-0.1), "rate is -0.1"),
        (lambda: DropBlock(0.1, 0), "block_size is 0"),
        (lambda: DropBlock(float("nan")), "rate is nan"),
        (lambda: DropBlock(0.1, 2.5), "block_size is 2.5"),
        (lambda: DropBlock(0.1, True), "block_size is True"),
        (lambda: DropBlock(0.1, "3"), "block_size is '3'"),
        (lambda: DropBlock(0.1)(torch.ones(3, 4)), r"\(3, 4\)"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_dropping_everything_does_not_divide_by_zero():
    out = DropBlock(0.99, 9, grow=False)(torch.ones(50, 4, 3, 3))
    assert torch.isfinite(out).all()


def test_by_default_blocks_are_3_x_3_and_their_rate_grows():
    layer = DropBlock(0.1)
    assert (layer.rate, layer.block_size, layer.grow, layer.inplace) == (0.1, 3, True, False)


def test_integers_of_numpy_are_block_sizes():
    layer = DropBlock(0.3, np.int64(3), grow=False, generator=torch.Generator().manual_seed(7))
    assert layer.block_size == 3
    assert type(layer.block_size) is int
    assert torch.equal(layer(torch.ones(2, 3, 8, 8)) > 0, mask((2, 3, 8, 8), 0.3, 3, 7))
