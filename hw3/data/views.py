"""A finite set of views of each image, flips and small shifts, so that what a teacher says of each can be kept.

Teacher and student must see the same view of an image (Beyer et al. 2022, arXiv 2106.05237). With random crops the
teacher has to run beside the student. With a finite set its answers are a table: (views, images, classes).
"""

from collections.abc import Sequence
from functools import partial
from itertools import product

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hw3.data.batches import Batch, EpochSampler, batches

REACH = 4  # pixels, the largest shift up, down, left or right
View = tuple[bool, int, int]  # flipped, rows down, columns to the right


def views(shifts: int) -> tuple[View, ...]:
    """``shifts`` shifts, each as it is and mirrored: 2·``shifts`` views. The first is the image itself.

    The shifts are none, then two pixels along the diagonals, then the rest of a grid of steps of two pixels.

    Raises:
        ValueError: ``shifts`` is not from 1 to 25.
    """
    steps = range(-REACH, REACH + 1, 2)
    grid = sorted(
        product(steps, steps), key=lambda s: (s != (0, 0), {abs(s[0]), abs(s[1])} != {2}, abs(s[0]) + abs(s[1]), s)
    )
    if not 1 <= shifts <= len(grid):
        raise ValueError(f"shifts is {shifts!r}; it must be from 1 to {len(grid)}")
    return tuple((flipped, *shift) for shift in grid[:shifts] for flipped in (False, True))


def padded(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) with a border of ``REACH`` pixels, mirrored at the edges: (N, C, H + 8, W + 8)."""
    rows, columns = (_mirror(size, images.device) for size in images.shape[2:])
    return images[:, :, rows][:, :, :, columns]


def _mirror(size: int, device: torch.device) -> Tensor:
    """Indices -REACH .. size+REACH-1, reflected at the edges."""
    inside = torch.arange(-REACH, size + REACH, device=device).abs()
    return torch.where(inside < size, inside, 2 * (size - 1) - inside)


def _window(border: Tensor, view: View) -> Tensor:
    """What ``view`` shows of images that have their border, (N, C, H + 8, W + 8): (N, C, H, W)."""
    flipped, down, right = view
    height, width = (size - 2 * REACH for size in border.shape[2:])
    top, left = REACH - down, REACH - right
    part = border[:, :, top : top + height, left : left + width]
    return part.flip(3) if flipped else part


def show(images: Tensor, view: View) -> Tensor:
    """One view of all ``images`` (N, C, H, W), same shape and type."""
    return _window(padded(images), view)


class ViewBatches(Dataset[Batch]):
    """Images with some tensors beside them, indexed by image·V + view: a list of indices gives one whole batch.

    ``labels`` are (N,); ``answers``, where there is a teacher, are its logits (V, N, classes) for each view. Images
    come out channels-last.
    """

    def __init__(self, images: Tensor, labels: Tensor, shown: Sequence[View], answers: Tensor | None = None) -> None:
        if answers is not None and answers.shape[:2] != (len(shown), len(images)):
            raise ValueError(
                f"the teacher's logits are {tuple(answers.shape)}; {len(shown)} views of {len(images)} images need "
                f"({len(shown)}, {len(images)}, classes)"
            )
        self.labels, self.answers, self.shown = labels, answers, tuple(shown)
        self.shape = images.shape[1:]
        self.border = padded(images).contiguous(memory_format=torch.channels_last)

    def __len__(self) -> int:
        return len(self.labels) * len(self.shown)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        image, view = chosen // len(self.shown), chosen % len(self.shown)
        batch = torch.empty(len(chosen), *self.shape, dtype=self.border.dtype).contiguous(
            memory_format=torch.channels_last
        )
        for number in view.unique().tolist():
            here = view == number
            batch[here] = _window(self.border[image[here]], self.shown[number])
        beside = (self.labels[image],) if self.answers is None else (self.labels[image], self.answers[view, image])
        return (batch, *beside)


def draw_views(images: int, shown: int, draws: int, generator: torch.Generator) -> Tensor:
    """``draws`` indices of a ``ViewBatches``: permutations of the images one after the other, a random view of each."""
    rounds = -(-draws // images)
    order = torch.cat([torch.randperm(images, generator=generator) for _ in range(rounds)])[:draws]
    return order * shown + torch.randint(shown, (draws,), generator=generator)


def view_loader(
    images: Tensor,
    labels: Tensor,
    shown: Sequence[View],
    batch_size: int,
    seed: int,
    draws: int | None = None,
    answers: Tensor | None = None,
) -> DataLoader[Batch]:
    """Shuffled whole batches of random views: (images, labels) or, with a teacher, (images, labels, teacher_logits).

    ``draws`` images make an epoch, by default one of each; fewer images are shown again and again, so that studies with
    few labels take as many steps. What does not fill a last batch is left out.

    Raises:
        ValueError: ``answers`` that do not fit, or fewer draws than a batch.
    """
    draws = len(images) if draws is None else draws
    if not 0 < batch_size <= draws:
        raise ValueError(f"{draws} images an epoch do not fill one batch of {batch_size}; choose a smaller batch_size")
    order = partial(draw_views, len(images), len(shown), draws)
    return batches(ViewBatches(images, labels, shown, answers), batch_size, EpochSampler(draws, seed, order))
