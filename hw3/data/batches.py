"""Whole batches of images in memory, in an order that (seed, epoch) alone decides."""

from collections.abc import Iterator, Sequence
from operator import index

import torch
from torch import Tensor

from hw3.data.views import IMAGE, REACH, View, checked, padded, windows
from hw3.theory.sizes import whole

SEEDS = 2**43  # a seed's size, times 1,000,003, is what torch's generators take


class Batches:
    """(images, labels) or, with a teacher, (images, labels, teacher_logits) for the same views.

    ``images``: uint8 (N, C, H, W), and so come the batches, channels-last; ``labels``: int64 (N,);
    ``teacher_logits``: (V, N, classes) for V ``views``. An epoch shows ``draws`` images, by default each once, each in
    a random view; with more draws than images all are shown before one comes again, so that a study of few labels can
    take as many steps. What does not fill a last batch is left out: other images each time, and batch norm cannot use a
    batch of one. Of several processes that train together, ``share`` = (rank, processes), each takes every
    processes-th draw, so that the k-th batches of all are the k-th batch of one.

    Raises:
        ValueError: labels or logits that do not fit the images, or a batch that an epoch does not fill.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        seed: int,
        views: Sequence[View] = IMAGE,
        teacher_logits: Tensor | None = None,
        draws: int | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        rank, processes = share
        draws = len(images) if draws is None else index(draws)
        if len(labels) != len(images):
            raise ValueError(f"there are {len(images)} images and {len(labels)} labels; each image needs one")
        if teacher_logits is not None and (
            teacher_logits.dim() != 3 or teacher_logits.shape[:2] != (len(views), len(images))
        ):
            raise ValueError(
                f"the teacher's logits are {tuple(teacher_logits.shape)}; {len(views)} views of {len(images)} images "
                f"need ({len(views)}, {len(images)}, classes)"
            )
        if not 0 <= rank < processes:
            raise ValueError(f"share is {share}; it must be (rank, processes) with a rank from 0 to processes - 1")
        if not 0 < index(batch_size) <= draws // processes:
            among = f" among {processes} processes" if processes > 1 else ""
            raise ValueError(
                f"{draws} images an epoch{among} do not fill one batch of {batch_size}; choose a batch_size from 1 to "
                f"{draws // processes}"
            )
        seed = whole("seed", seed, None)
        if not -SEEDS < seed < SEEDS:
            raise ValueError(f"seed is {seed}; it must lie between -2**43 and 2**43")
        if draws and not len(images):
            raise ValueError(f"draws is {draws}, and there is no image to draw")
        self.plain = tuple(views) == IMAGE
        # Rows are picked from memory laid out as the network will read it: an image is one stretch of bytes.
        self.rows = images.permute(0, 2, 3, 1).contiguous() if self.plain else windows(padded(images))
        self.labels, self.teacher_logits = labels, teacher_logits
        self.views = torch.tensor(
            [(flipped, REACH - down, REACH - right) for flipped, down, right in map(checked, views)]
        )
        self.batch_size, self.seed, self.draws, self.share = index(batch_size), seed, draws, share

    def __len__(self) -> int:
        """Steps of an epoch."""
        return self.draws // self.share[1] // self.batch_size

    def epoch(self, number: int) -> Iterator[tuple[Tensor, ...]]:
        """The batches of the epoch ``number``; the same ones whenever it is asked for, also after a resume."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        rounds = -(-self.draws // len(self.labels))
        image = torch.cat([torch.randperm(len(self.labels), generator=generator) for _ in range(rounds)])[: self.draws]
        view = torch.randint(len(self.views), (self.draws,), generator=generator)
        rank, processes = self.share
        for batch in torch.arange(rank, self.draws, processes).split(self.batch_size)[: len(self)]:
            yield self._batch(image[batch], view[batch])

    def _batch(self, image: Tensor, view: Tensor) -> tuple[Tensor, ...]:
        if self.plain:
            rows = self.rows.index_select(0, image)
        else:
            flipped, top, left = self.views[view].unbind(1)
            rows = self.rows[image, top, left]
            rows[flipped == 1] = rows[flipped == 1].flip(2)
        beside = () if self.teacher_logits is None else (self.teacher_logits[view, image],)
        return rows.permute(0, 3, 1, 2), self.labels[image], *beside
