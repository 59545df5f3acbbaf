"""A finite set of views of each image, flips and small shifts, so that what a teacher says of each can be kept.

Teacher and student must see the same view of an image (Beyer et al. 2022, arXiv 2106.05237). With random crops the
teacher has to run beside the student. With a finite set its logits are a table: (views, images, classes).
"""

from itertools import product

import torch
from torch import Tensor

REACH = 4  # pixels, the largest shift up, down, left or right
View = tuple[bool, int, int]  # flipped, rows down, columns to the right
IMAGE: tuple[View, ...] = ((False, 0, 0),)  # the one view that shows the image itself


def views(shifts: int) -> tuple[View, ...]:
    """``shifts`` shifts, each as it is and mirrored: 2·``shifts`` views. The first is the image itself.

    The shifts are none, then two pixels along the diagonals, then the rest of a grid of steps of two pixels, the
    nearest first.

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
    """uint8 (N, C, H, W) with a border of ``REACH`` pixels, mirrored at the edges: (N, C, H + 8, W + 8), channels-last.

    Raises:
        ValueError: images that are smaller than what the border mirrors.
    """
    if min(images.shape[2:]) <= REACH:
        raise ValueError(f"images are {tuple(images.shape[2:])}; views need more than {REACH} pixels each way")
    rows, columns = (_mirror(size, images.device) for size in images.shape[2:])
    return images[:, :, rows][:, :, :, columns].contiguous(memory_format=torch.channels_last)


def _mirror(size: int, device: torch.device) -> Tensor:
    """Indices -REACH .. size+REACH-1, reflected at the edges."""
    inside = torch.arange(-REACH, size + REACH, device=device).abs()
    return torch.where(inside < size, inside, 2 * (size - 1) - inside)


def windows(bordered: Tensor) -> Tensor:
    """All that shifts can show of images with their border, (N, C, H + 8, W + 8): (N, 9, 9, H, W, C), without a copy.

    At [:, 4 - down, 4 - right] stand the images shifted by ``down`` rows and ``right`` columns.
    """
    height, width = (size - 2 * REACH for size in bordered.shape[2:])
    return bordered.permute(0, 2, 3, 1).unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)


def checked(view: View) -> View:
    """``view`` itself.

    Raises:
        ValueError: a shift beyond ``REACH``, or a flip that is neither true nor false.
    """
    flipped, down, right = view
    if flipped not in (False, True) or not all(isinstance(n, int) and -REACH <= n <= REACH for n in (down, right)):
        raise ValueError(f"a view is {view!r}; it must be (flipped, down, right) with shifts from {-REACH} to {REACH}")
    return view


def show(images: Tensor, view: View) -> Tensor:
    """One view of all ``images`` (N, C, H, W), same shape and type, channels-last."""
    flipped, down, right = checked(view)
    shifted = windows(padded(images))[:, REACH - down, REACH - right].permute(0, 3, 1, 2)
    return (shifted.flip(3) if flipped else shifted).contiguous(memory_format=torch.channels_last)
