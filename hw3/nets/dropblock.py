"""DropBlock (Ghiasi et al. 2018, arXiv 1810.12890), and dropout as its case of blocks of one pixel.

On a processor the random numbers are what costs: a dense mask needs one for each pixel. Here only the dropped blocks
are drawn, by the gaps between them, which have a geometric distribution; the result is the same independent draw.
``dense_dropblock`` is the plain form, to read and to hold the other against.
"""

import math
from collections import Counter
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hw3.theory.sizes import whole

Size = tuple[int, int]


def block_shape(block_size: int, map_size: Size) -> Size:
    """A block is cut to the map where the map is smaller: on a map of (H, W) it covers min(b, H) x min(b, W)."""
    return min(block_size, map_size[0]), min(block_size, map_size[1])


def seed_rate(rate: float, block_size: int, map_size: Size) -> float:
    """γ of the paper's equation 1: the chance of each place where a block fits to start one, so that about ``rate`` of
    all pixels are dropped. Blocks lie wholly inside the map; the second factor makes up for the places lost at the
    border."""
    (height, width), (h, w) = map_size, block_shape(block_size, map_size)
    return min(1.0, rate / (h * w) * (height * width) / ((height - h + 1) * (width - w + 1)))


def keep_rate(rate: float, block_size: int, map_size: Size) -> float:
    """The expected share of kept pixels, overlaps of blocks counted: the mean over pixels of (1 - γ) to the power of
    how many places' blocks cover the pixel."""
    kept = 1 - seed_rate(rate, block_size, map_size)
    return sum(count * kept**places for places, count in _covering(block_size, map_size)) / math.prod(map_size)


@lru_cache(maxsize=64)
def _covering(block_size: int, map_size: Size) -> tuple[tuple[int, int], ...]:
    """How many pixels are covered by the blocks of how many places: pairs (places, pixels)."""
    rows, columns = (
        [min(i + 1, block, side - i, side - block + 1) for i in range(side)]
        for side, block in zip(map_size, block_shape(block_size, map_size), strict=True)
    )
    return tuple(Counter(a * b for a in rows for b in columns).items())


def dense_dropblock(x: Tensor, rate: float, block_size: int, generator: torch.Generator | None = None) -> Tensor:
    """What ``DropBlock`` does to maps (N, C, H, W), with a random number for each place where a block may start."""
    (n, c, height, width), (h, w) = x.shape, block_shape(block_size, (x.shape[2], x.shape[3]))
    numbers = torch.rand(n, c, height - h + 1, width - w + 1, generator=generator)
    starts = (numbers < seed_rate(rate, block_size, (height, width))).float()
    dropped = F.max_pool2d(F.pad(starts, (w - 1, w - 1, h - 1, h - 1)), (h, w), stride=1)  # below and right of a start
    return x * (1 - dropped) / keep_rate(rate, block_size, (height, width))


def bernoulli_positions(count: int, probability: float, generator: torch.Generator | None = None) -> Tensor:
    """The ascending indices, int64, of the successes among ``count`` independent trials.

    Their gaps are geometric, so only about count·probability numbers are drawn.
    """
    if probability <= 0 or count == 0:
        return torch.empty(0, dtype=torch.int64)
    if probability >= 1:
        return torch.arange(count)
    parts, reached = [], -1
    while reached < count:
        expected = (count - reached) * probability
        draws = int(expected + 4 * math.sqrt(expected) + 8)
        uniform = torch.rand(draws, generator=generator, dtype=torch.float64)
        gaps = (torch.log1p(-uniform) / math.log1p(-probability)).floor_().add_(1).clamp_(max=count + 1)
        parts.append(gaps.to(torch.int64).cumsum_(0).add_(reached))
        reached = int(parts[-1][-1])
    positions = torch.cat(parts)
    return positions[: int(torch.searchsorted(positions, count))]


def dropped_pixels(
    shape: tuple[int, int, int, int],
    rate: float,
    block_size: int,
    generator: torch.Generator | None = None,
    channels_last: bool = False,
) -> Tensor:
    """Flat indices of the dropped pixels of a map of ``shape`` (N, C, H, W), some perhaps twice where blocks overlap.

    Blocks are independent between images and channels. The indices are those of the map's memory: (N, C, H, W), or
    (N, H, W, C) if ``channels_last``.
    """
    images, channels, height, width = shape
    h, w = block_shape(block_size, (height, width))
    places = channels * (height - h + 1) * (width - w + 1)
    gamma = seed_rate(rate, block_size, (height, width))
    seeds = bernoulli_positions(images * places, gamma, generator)
    if h == w == 1:
        return seeds  # every pixel is a place: nothing to convert
    image = seeds.div(places, rounding_mode="floor")
    corners, inside = _offsets((channels, height, width), (h, w), channels_last)
    first = corners[seeds - image * places] + image * (channels * height * width)
    return (first.view(-1, 1) + inside).view(-1)


@lru_cache(maxsize=32)
def _offsets(shape: tuple[int, int, int], block: Size, channels_last: bool) -> tuple[Tensor, Tensor]:
    """Where in the memory of one image (C, H, W) each block's corner lies, and from there each of its pixels."""
    (channels, height, width), (h, w) = shape, block
    layout = (height, width, channels) if channels_last else shape
    memory = torch.arange(channels * height * width).view(layout)
    if channels_last:
        corners, pixels = memory[: height - h + 1, : width - w + 1], memory[:h, :w, 0]
    else:
        corners, pixels = memory[:, : height - h + 1, : width - w + 1], memory[0, :h, :w]
    return corners.flatten(), pixels.flatten()


class _Drop(torch.autograd.Function):
    """x·scale with some pixels set to 0; the gradient takes the same way back."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, pixels: Tensor, scale: float, channels_last: bool, inplace: bool
    ) -> Tensor:
        ctx.pixels, ctx.scale, ctx.channels_last = pixels, scale, channels_last
        if inplace:
            ctx.mark_dirty(x)
        return _zero(x.mul_(scale) if inplace else x.mul(scale), pixels, channels_last)

    @staticmethod
    def vjp(ctx, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:  # type: ignore[no-untyped-def]
        layout = torch.channels_last if ctx.channels_last else torch.contiguous_format
        scaled = gradients[0].mul(ctx.scale).contiguous(memory_format=layout)
        return _zero(scaled, ctx.pixels, ctx.channels_last), None, None, None, None


def _zero(x: Tensor, pixels: Tensor, channels_last: bool) -> Tensor:
    """Set ``pixels`` of the memory behind ``x`` to 0."""
    (x.permute(0, 2, 3, 1) if channels_last else x).view(-1).index_fill_(0, pixels, 0)
    return x


class DropBlock(nn.Module):
    """Sets square blocks of feature maps (N, C, H, W) to 0 in training, and scales the rest so that the mean is kept.

    ``rate``: the share of pixels to drop. It grows linearly with ``progress``, which the training loop moves from 0 to
    1, unless ``grow`` is False. ``block_size``: 1 is dropout. ``generator``: where random numbers come from, torch's
    global one by default. ``inplace``: overwrite the input, which nothing else may need afterwards.

    Raises:
        ValueError: a rate outside [0, 1), or a block size below 1.
    """

    def __init__(
        self,
        rate: float,
        block_size: int = 3,
        grow: bool = True,
        generator: torch.Generator | None = None,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate is {rate!r}; it must be at least 0 and below 1")
        self.rate, self.block_size, self.grow = rate, whole("block_size", block_size), grow
        self.generator, self.inplace = generator, inplace
        self.progress = 1.0

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4:
            raise ValueError(f"the input has the shape {tuple(x.shape)}; DropBlock needs (N, C, H, W)")
        rate = self.rate * (self.progress if self.grow else 1.0)
        if not self.training or rate == 0 or x.numel() == 0:
            return x
        channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        if not channels_last and not x.is_contiguous():
            x = x.contiguous()
        images, channels, height, width = x.shape
        shape = (images, channels, height, width)
        pixels = dropped_pixels(shape, rate, self.block_size, self.generator, channels_last)
        scale = 1 / keep_rate(rate, self.block_size, (height, width))
        return _Drop.apply(x, pixels.to(x.device), scale, channels_last, self.inplace)

    def extra_repr(self) -> str:
        return f"rate={self.rate}, block_size={self.block_size}, grow={self.grow}"
