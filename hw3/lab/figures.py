"""The pictures of the study pages: images, curves, confusion matrices, weight histograms."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from hw3.data import ImageSet
from hw3.lab import curves, style
from hw3.lab.store import Result

style.use()


def gallery(images: Tensor, titles: Sequence[str], columns: int) -> Figure:
    """uint8 images (N, 3, H, W) in rows of ``columns``, each under its title."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.9 * columns, 1.75 * rows), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image.permute(1, 2, 0), interpolation="nearest")
        axis.set_title(title, fontsize=9)
    return figure


def samples(data: ImageSet, per_class: int = 1, seed: int = 0) -> Figure:
    """``per_class`` random images of each class, one class a column; rows of five where there are more classes."""
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in range(len(data.class_names)):
        members = torch.nonzero(data.labels == label)[:, 0]
        chosen.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
    order = torch.stack(chosen, 1).flatten()
    return gallery(data.images[order], [data.class_names[i] for i in data.labels[order]], min(5, len(data.class_names)))


def learning_curves(groups: dict[str, list[Result]], part: str = "test", one_loss: bool = True) -> Figure:
    """Loss and accuracy by epoch, training dashed and ``part`` solid: the mean over seeds, and the range between
    them. Without ``one_loss``, where networks minimize different losses, those of the training are left out, and the
    others are on a logarithmic scale, which shows the last epochs beside a bad first one."""
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.4))
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for colour, (label, results) in zip(style.COLOURS, groups.items(), strict=False):
            lines = (("train", "--"), (part, "-"))
            for seen, line in lines if quantity == "accuracy" or one_loss else lines[1:]:
                values = np.array([result.curves[f"{quantity}/{seen}"] for result in results])
                epochs = np.arange(1, values.shape[1] + 1)
                point = "o" if len(epochs) == 1 else None  # a line of one epoch cannot be seen
                axis.plot(epochs, values.mean(0), line, marker=point, color=colour, label=f"{label}, {seen}")
                axis.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0)
        axis.set(xlabel="epoch", title=f"{quantity} (nats)" if quantity == "loss" else quantity)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[0 if one_loss else 1].legend(fontsize=8)
    if not one_loss:
        axes[0].set_yscale("log", base=2)
        axes[0].yaxis.set_major_formatter("{x:g}")
    return figure


def confusion(groups: dict[str, list[Result]]) -> Figure:
    """For each network the test images by true class (rows) and called class (columns), summed over its runs."""
    names = next(iter(groups.values()))[0].class_names
    width = 1.1 + 0.8 * len(names)
    figure, axes = plt.subplots(1, len(groups), figsize=(width * len(groups), 1.1 + 0.7 * len(names)), squeeze=False)
    for axis, (label, results) in zip(axes[0], groups.items(), strict=True):
        total = np.sum([result.test.confusion for result in results], axis=0)
        shares = total / total.sum(1, keepdims=True)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(total):
            colour = "white" if shares[row, column] > 0.5 else "#1a1a1a"
            axis.text(column, row, f"{count}", ha="center", va="center", color=colour)
        axis.set(xlabel="called", ylabel="is", title=label)
        axis.set_xticks(range(len(names)), names)
        axis.set_yticks(range(len(names)), names, rotation=90, va="center")
        axis.grid(False)
    return figure


def weight_histograms(result: Result, tags: dict[str, str]) -> Figure:
    """How the weights' distribution moves from epoch to epoch, later epochs darker. ``tags`` maps a title to a tag.

    TensorBoard's buckets grow with the weights' size; they are drawn here in bins of one width."""
    figure, axes = plt.subplots(1, len(tags), figsize=(4.2 * len(tags), 3.1), squeeze=False)
    for axis, (title, tag) in zip(axes[0], tags.items(), strict=True):
        history = curves.histograms(result.folder / "tensorboard", tag)
        reach = max(_quantile(edges, counts, share) for _, edges, counts in history for share in (-0.995, 0.995))
        bins = np.linspace(-reach, reach, 41)
        for step, edges, counts in history:
            below = np.interp(bins, edges, np.append(0, counts.cumsum()) / counts.sum())
            density = np.diff(below) / np.diff(bins)
            shade = min(1.0, 0.2 + 0.8 * step / len(history))
            axis.stairs(density, bins, color=style.COLOURS[0], alpha=shade, label=f"epoch {step}")
        axis.set(title=title, xlabel="weight", yticks=[])
    axes[0][0].set_ylabel("density")
    axes[0][-1].legend(fontsize=7)
    return figure


def _quantile(edges: np.ndarray, counts: np.ndarray, share: float) -> float:
    """The size below which ``share`` of the weights lie (of the smallest ones if ``share`` is negative)."""
    cumulative = np.append(0, counts.cumsum()) / counts.sum()
    return abs(float(np.interp(share if share > 0 else 1 + share, cumulative, edges)))
