"""Pictures made of images: samples, mistakes, masks, filters, units."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from hw3.data.images import ImageSet
from hw3.data.views import View, show
from hw3.show import style
from hw3.studies.activations import Mistake, RankOne


def gallery(images: Tensor, titles: Sequence[str], columns: int) -> Figure:
    """uint8 images (N, 3, H, W) in rows of ``columns``, each under its title."""
    rows = -(-len(images) // columns)
    side = min(1.9, style.WIDTH / columns)
    height = side * images.shape[2] / images.shape[3] + 0.12 + 0.16 * max(title.count("\n") + 1 for title in titles)
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns, height * rows), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image.permute(1, 2, 0), interpolation="nearest")
        axis.set_title(title, fontsize=9)
    return figure


def samples(data: ImageSet, per_class: int = 1, seed: int = 0) -> Figure:
    """``per_class`` random images of each class, one class a column; rows of five where there are more classes."""
    generator = torch.Generator().manual_seed(seed)
    members = [torch.nonzero(data.labels == label)[:, 0] for label in range(len(data.class_names))]
    drawn = [m[torch.randperm(len(m), generator=generator)[:per_class]] for m in members]
    order = torch.stack(drawn, 1).flatten()
    return gallery(data.images[order], [data.class_names[i] for i in data.labels[order]], min(5, len(members)))


def views(image: Tensor, shown: Sequence[View], logits: Tensor, class_names: Sequence[str]) -> Figure:
    """One uint8 image (3, H, W) under each view, with the class that the teacher's ``logits`` (views, classes) name and
    its probability."""
    pictures = torch.cat([show(image[None], view) for view in shown])
    shares = logits.float().softmax(1)
    titles = [f"{class_names[int(share.argmax())]}\n{share.max():.0%}" for share in shares]
    return gallery(pictures, titles, min(len(shown), 6))


def mistakes(groups: dict[str, Sequence[Mistake]]) -> Figure:
    """One row for each network: test images under their class, what they were called and how sure the network was."""
    every = [mistake for group in groups.values() for mistake in group]
    titles = [f"{m.label}, called\n{m.called} ({m.probability:.0%})" for m in every]
    columns = len(next(iter(groups.values())))
    figure = gallery(torch.stack([m.image for m in every]), titles, columns)
    for row, label in enumerate(groups):
        axis = figure.axes[row * columns]
        axis.text(-0.06, 0.5, label, rotation=90, va="center", ha="right", transform=axis.transAxes)
    return figure


def masks(maps: dict[str, Tensor]) -> Figure:
    """Single-channel maps (h, w) side by side on one scale; dropped pixels (NaN) are orange."""
    height, width = next(iter(maps.values())).shape
    size = (style.WIDTH, 0.3 + style.WIDTH / len(maps) * height / width)
    figure, axes = plt.subplots(1, len(maps), figsize=size)
    colours = plt.get_cmap("gray").with_extremes(bad=style.COLOURS[1])
    high = max(float(m.nan_to_num().max()) for m in maps.values())
    for axis, (title, values) in zip(axes, maps.items(), strict=True):
        axis.imshow(np.ma.masked_invalid(values.numpy()), cmap=colours, vmin=0, vmax=high)
        _bare(axis, title)
    return figure


def filters(ranked: RankOne, indices: Sequence[int]) -> Figure:
    """Filters above their best rank-1 approximations, with the share of the squared weights that is kept."""
    figure, axes = plt.subplots(
        2, len(indices), figsize=(style.WIDTH, 0.5 + 2 * style.WIDTH / len(indices)), squeeze=False
    )
    for column, index in zip(axes.T, indices, strict=True):
        reach = float(ranked.filters[index].abs().max())
        for axis, weights in zip(column, (ranked.filters[index], ranked.approximations[index]), strict=True):
            axis.imshow(weights, cmap="RdBu", vmin=-reach, vmax=reach)
            _bare(axis)
        column[1].set_title(f"keeps {ranked.energy[index]:.0%}", fontsize=9)
    axes[0][0].set_ylabel("3 × 3")
    axes[1][0].set_ylabel("rank 1")
    return figure


def units(weights: Tensor, shape: tuple[int, int, int], count: int = 6) -> Figure:
    """The first ``count`` rows of ``weights`` (units, C·H·W) as images (C, H, W); grey is a weight of 0."""
    pictures = weights[:count].view(-1, *shape)
    scale = pictures.abs().flatten(1).quantile(0.99, dim=1).view(-1, 1, 1, 1)
    return gallery(
        (127.5 + 127.5 * pictures / scale).clamp(0, 255).to(torch.uint8), [f"unit {i}" for i in range(count)], count
    )


def _bare(axis: Axes, title: str = "") -> None:
    axis.set(title=title, xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set_visible(False)
