"""The pictures of the CNN pages: where parameters sit, mistakes, masks, correlation, filters, differences."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from hw3.lab import style
from hw3.lab.compare import Comparison
from hw3.lab.figures import gallery
from hw3.lab.insight import Mistake, RankOne
from hw3.lab.store import Result

style.use()


def parameters(groups: dict[str, Result]) -> Figure:
    """Stacked bars: how many parameters each network has in convolutions, in fully connected layers, and elsewhere."""
    figure, axis = plt.subplots(figsize=(7.5, 0.9 + 0.42 * len(groups)))
    labels, start = list(groups), np.zeros(len(groups))
    for colour, kind in zip(style.COLOURS, ("convolution", "fully connected", "other"), strict=False):
        counts = np.array([result.parameters_by_kind[kind] for result in groups.values()])
        axis.barh(labels, counts, left=start, color=colour, label=kind)
        start += counts
    axis.invert_yaxis()
    axis.set(xlabel="parameters")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(axis="y", visible=False)
    axis.legend(loc="upper center", bbox_to_anchor=(0.4, -0.35), ncols=3, fontsize=8)
    return figure


def mistakes(groups: dict[str, Sequence[Mistake]]) -> Figure:
    """One row for each network: test images under what they are, what they were called and how sure it was."""
    found = [mistake for group in groups.values() for mistake in group]
    titles = [f"{m.label}, called\n{m.called} ({m.probability:.0%})" for m in found]
    columns = len(next(iter(groups.values())))
    figure = gallery(torch.stack([m.image for m in found]), titles, columns)
    for row, label in enumerate(groups):
        figure.axes[row * columns].text(
            -0.06,
            0.5,
            label,
            rotation=90,
            va="center",
            ha="right",
            transform=figure.axes[row * columns].transAxes,
            fontsize=9,
        )
    return figure


def masks(maps: dict[str, Tensor]) -> Figure:
    """Single-channel maps (h, w) side by side on one scale; dropped pixels (NaN) are red."""
    figure, axes = plt.subplots(1, len(maps), figsize=(2.7 * len(maps), 2.6))
    colours = plt.get_cmap("gray").with_extremes(bad=style.COLOURS[1])
    high = max(float(m.nan_to_num().max()) for m in maps.values())
    for axis, (title, values) in zip(axes, maps.items(), strict=True):
        axis.imshow(np.ma.masked_invalid(values.numpy()), cmap=colours, vmin=0, vmax=high)
        axis.set(title=title, xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set_visible(False)
    return figure


def against_distance(values: dict[str, Sequence[float]], ylabel: str) -> Figure:
    """One line for each label, over the distances 1, 2, 3, ... in pixels."""
    figure, axis = plt.subplots(figsize=(5.2, 3.2))
    for (label, heights), marker in zip(values.items(), "osD^", strict=False):
        axis.plot(range(1, len(heights) + 1), heights, marker=marker, label=label)
    axis.set(xlabel="distance (pixels)", ylabel=ylabel, ylim=(min(0, *map(min, values.values())), 1))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=8)
    return figure


def filters(found: RankOne, indices: Sequence[int]) -> Figure:
    """Filters above their best rank-1 approximations, with the share of the squared weights that is kept."""
    figure, axes = plt.subplots(2, len(indices), figsize=(1.5 * len(indices), 3.3), squeeze=False)
    for column, index in zip(axes.T, indices, strict=True):
        reach = float(found.filters[index].abs().max())
        for axis, weights in zip(column, (found.filters[index], found.approximations[index]), strict=True):
            axis.imshow(weights, cmap="RdBu", vmin=-reach, vmax=reach)
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
        column[1].set_title(f"keeps {found.energy[index]:.0%}", fontsize=9)
    axes[0][0].set_ylabel("3 × 3")
    axes[1][0].set_ylabel("rank 1")
    return figure


def differences(found: dict[str, Comparison], xlabel: str) -> Figure:
    """Paired differences in percentage points with their intervals; where one holds 0, nothing can be said."""
    figure, axis = plt.subplots(figsize=(7, 0.9 + 0.4 * len(found)))
    for row, comparison in enumerate(found.values()):
        colour = style.COLOURS[2] if comparison.sign > 0 else style.COLOURS[1] if comparison.sign < 0 else style.GREY
        axis.plot([100 * comparison.low, 100 * comparison.high], [row, row], color=colour, linewidth=2)
        axis.plot(100 * comparison.difference, row, "o", color=colour)
    axis.axvline(0, color=style.GREY, linewidth=0.8)
    axis.set_yticks(range(len(found)), list(found))
    axis.invert_yaxis()
    axis.set(xlabel=xlabel)
    axis.grid(axis="y", visible=False)
    return figure


def over(positions: Sequence[int], values: dict[str, Sequence[Sequence[float]]], xlabel: str, ylabel: str) -> Figure:
    """Lines through the means at ``positions``, with bands from the lowest to the highest seed."""
    figure, axis = plt.subplots(figsize=(5.6, 3.3))
    for (label, seeds), marker in zip(values.items(), "os^", strict=False):
        heights = np.array(seeds)
        (line,) = axis.plot(positions, heights.mean(1), marker=marker, label=label)
        axis.fill_between(positions, heights.min(1), heights.max(1), color=line.get_color(), alpha=0.2, linewidth=0)
    axis.set(xlabel=xlabel, ylabel=ylabel, xticks=positions)
    axis.legend(fontsize=8)
    return figure


def softened(logits: Sequence[float], temperatures: Sequence[float], softmax: Callable[..., Sequence]) -> Figure:
    """Bars: what ``softmax(logits, temperature)`` gives each class at each temperature."""
    figure, axes = plt.subplots(1, len(temperatures), figsize=(2.1 * len(temperatures), 2.4), sharey=True)
    names = [f"class {i + 1}" for i in range(len(logits))]
    for axis, temperature in zip(axes, temperatures, strict=True):
        shares = [float(share) for share in softmax(logits, temperature)]
        axis.bar(names, shares, color=style.COLOURS[0])
        for position, share in enumerate(shares):
            axis.text(position, share + 0.02, f"{share:.2f}", ha="center", fontsize=8)
        axis.set(title=f"τ = {temperature:g}", ylim=(0, 1.1))
        axis.tick_params(axis="x", labelsize=8, rotation=30)
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("probability")
    return figure


def approach(positions: Sequence[float], values: Sequence[float], limit: float, xlabel: str, ylabel: str) -> Figure:
    """A quantity over positions on a logarithmic scale, and the height that it tends to."""
    figure, axis = plt.subplots(figsize=(5.5, 2.8))
    axis.plot(positions, values, "o-", color=style.COLOURS[0])
    axis.axhline(limit, color=style.COLOURS[1], linestyle="--", label="the limit")
    axis.set_xscale("log", base=2)
    axis.set_xticks(positions, [f"{p:g}" for p in positions])
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.legend(fontsize=8)
    return figure
