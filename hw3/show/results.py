"""Figures of finished runs. Each seed is a dot; colours never stand without a marker or a line style."""

from collections.abc import Sequence
from itertools import product
from statistics import mean

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from hw3.show import style
from hw3.show.comparison import Comparison
from hw3.studies.run import Result
from hw3.studies.search import Searched


def _above(figure: Figure, axis: Axes, columns: int) -> None:
    """The legend of ``axis`` outside, over all panels, where it crosses no line."""
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=columns)


def learning_curves(groups: dict[str, list[Result]], part: str = "test", one_loss: bool = True) -> Figure:
    """Loss and accuracy by epoch, training dashed and ``part`` solid: a line for the mean over the seeds, and at the
    last epoch a dot for each. Without ``one_loss``, where networks minimize different losses, those of the training are
    left out, and the others are on a logarithmic scale, which shows the last epochs beside a bad first one."""
    figure, axes = plt.subplots(1, 2, figsize=(style.WIDTH, 3.3))
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for (colour, marker), (label, results) in zip(style.looks(), groups.items(), strict=False):
            for seen, line in (("train", "--"), (part, "-")):
                if seen == "train" and quantity == "loss" and not one_loss:
                    continue
                values = np.array([result.curve(f"{quantity}/{seen}") for result in results])
                epochs = np.arange(1, values.shape[1] + 1)
                axis.plot(epochs, values.mean(0), line, color=colour, label=f"{label}, {seen}")
                last = np.full(len(values), epochs[-1])
                axis.plot(last, values[:, -1], marker, color=colour, markersize=4, alpha=0.8, clip_on=False)
        axis.set(xlabel="epoch", title=f"{quantity} (nats)" if quantity == "loss" else quantity)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.margins(x=0.06, y=0.08)
    if not one_loss:
        axes[0].set_yscale("log", base=2)
        axes[0].yaxis.set_major_formatter("{x:g}")
    _above(figure, axes[1], 2)
    return figure


def confusion(groups: dict[str, list[Result]]) -> Figure:
    """For each network the test images by true class (rows) and predicted class (columns), summed over its runs; three
    networks at most beside each other."""
    names = next(iter(groups.values()))[0].class_names
    columns = min(3 if len(names) < 5 else 1, len(groups))
    rows = -(-len(groups) // columns)
    side = min(style.WIDTH / columns, 0.9 + 0.75 * len(names))
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns, (side + 0.2) * rows), squeeze=False)
    for axis in axes.flat[len(groups) :]:
        axis.set_axis_off()
    for axis, (label, results) in zip(axes.flat, groups.items(), strict=False):
        total = np.sum([result.test.confusion for result in results], axis=0)
        shares = total / total.sum(1, keepdims=True).clip(1)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(total):
            colour = "white" if shares[row, column] > 0.5 else "#1a1a1a"
            axis.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=9)
        axis.set(xlabel="predicted", ylabel="true", title=label)
        axis.set_xticks(range(len(names)), names, rotation=0 if len(names) < 5 else 90)
        axis.set_yticks(range(len(names)), names, rotation=90 if len(names) < 5 else 0, va="center")
        axis.grid(False)
    return figure


def weight_histograms(result: Result, names: dict[str, str]) -> Figure:
    """How the distribution of the weights moves from epoch to epoch: the first, the middle and the last one. ``names``
    maps a title to the tensor's name."""
    figure, axes = plt.subplots(1, len(names), figsize=(style.WIDTH, 3.0), squeeze=False)
    history = result.histograms
    shown = sorted({0, len(history) // 2, len(history) - 1})
    for axis, (title, name) in zip(axes[0], names.items(), strict=True):
        for (colour, _), line, epoch in zip(style.looks(), (":", "--", "-"), shown, strict=False):
            edges, counts = (np.array(numbers) for numbers in history[epoch][name])
            density = counts / counts.sum() / np.diff(edges)
            axis.stairs(density, edges, color=colour, linestyle=line, linewidth=1.4, label=f"epoch {epoch + 1}")
        axis.set(title=title, xlabel="weight", yticks=[])
        axis.margins(y=0.08)
    axes[0][0].set_ylabel("density")
    _above(figure, axes[0][0], len(shown))
    return figure


def parameters(groups: dict[str, Result]) -> Figure:
    """Stacked bars: how many parameters each network has in convolutions, in fully connected layers, and elsewhere."""
    figure, axis = plt.subplots(figsize=(style.WIDTH, 1.1 + 0.42 * len(groups)))
    labels, start = list(groups), np.zeros(len(groups))
    kinds = ("convolution", "fully connected", "other")
    for colour, hatch, kind in zip(style.COLOURS, ("", "//", ".."), kinds, strict=False):
        counts = np.array([result.parameters_by_kind[kind] for result in groups.values()])
        axis.barh(labels, counts, left=start, color=colour, hatch=hatch, edgecolor="white", label=kind)
        start += counts
    axis.invert_yaxis()
    axis.set(xlabel="parameters")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(axis="y", visible=False)
    _above(figure, axis, 3)
    return figure


def differences(comparisons: dict[str, Comparison]) -> Figure:
    """Differences with their intervals, and a dot for each seed; what is shown is coloured, what is not is grey."""
    figure, axis = plt.subplots(figsize=(style.WIDTH, 0.9 + 0.45 * len(comparisons)))
    unit = _intervals(axis, comparisons)
    axis.set(xlabel=f"difference in test accuracy ({unit}); small dots are seeds")
    return figure


def differences_beside(panels: dict[str, dict[str, Comparison]]) -> Figure:
    """The same comparisons under several conditions, side by side on one scale."""
    rows = len(next(iter(panels.values())))
    size = (style.WIDTH, 1.2 + 0.45 * rows)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharex=True, sharey=True, squeeze=False)
    for axis, (title, comparisons) in zip(axes[0], panels.items(), strict=True):
        unit = _intervals(axis, comparisons)
        axis.set(title=title)
    figure.supxlabel(f"difference in test accuracy ({unit}); small dots are seeds", color=style.GREY, fontsize=9.5)
    return figure


def _intervals(axis: Axes, comparisons: dict[str, Comparison]) -> str:
    """Draw them from top to bottom; gives their unit."""
    looks = {1: (style.COLOURS[2], "^"), -1: (style.COLOURS[1], "v"), 0: (style.GREY, "s")}
    unit = "points"
    for row, c in enumerate(comparisons.values()):
        scale, unit, (colour, marker) = 100 if c.measure == "accuracy" else 1, c.unit, looks[c.sign]
        axis.plot([scale * c.low, scale * c.high], [row, row], color=colour, linewidth=2)
        axis.plot(scale * c.difference, row, marker, color=colour, markersize=8)
        axis.plot(scale * np.array(c.by_seed), [row + 0.22] * len(c.by_seed), "o", color=colour, markersize=3.5)
    axis.axvline(0, color=style.GREY, linewidth=0.8)
    axis.set_yticks(range(len(comparisons)), list(comparisons))
    axis.margins(x=0.06)
    axis.set_ylim(len(comparisons) - 0.5, -0.5)  # the first one on top
    axis.grid(axis="y", visible=False)
    return unit


def over(positions: Sequence[float], values: dict[str, Sequence[Sequence[float]]], xlabel: str, ylabel: str) -> Figure:
    """Lines through the means at ``positions``, with a dot for each seed; ``values``: for each position one for each
    seed."""
    figure, axis = plt.subplots(figsize=(style.WIDTH, 3.2))
    for (colour, marker), (label, seeds) in zip(style.looks(), values.items(), strict=False):
        axis.plot(positions, [mean(heights) for heights in seeds], marker=marker, color=colour, label=label)
        for position, heights in zip(positions, seeds, strict=True):
            axis.plot([position] * len(heights), heights, ".", color=colour, alpha=0.7)
    axis.set(xlabel=xlabel, ylabel=ylabel, xticks=positions)
    _above(figure, axis, len(values))
    return figure


def against_distance(values: dict[str, Sequence[float]], ylabel: str) -> Figure:
    """One line for each label, over the distances 1, 2, 3, ... in pixels."""
    figure, axis = plt.subplots(figsize=(5.6, 3.2))
    for (colour, marker), (label, heights) in zip(style.looks(), values.items(), strict=False):
        axis.plot(range(1, len(heights) + 1), heights, marker=marker, color=colour, label=label)
    axis.set(xlabel="distance (pixels)", ylabel=ylabel, ylim=(min(0, *map(min, values.values())) - 0.05, 1.05))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _above(figure, axis, len(values))
    return figure


def searched(search: Searched) -> Figure:
    """The mean validation loss of each α and τ with its standard error; the lowest is framed solid, the setting to use
    dashed. Without a teacher's part (α = 0) the temperature means nothing."""
    trials = search.trials
    alphas, temperatures = (sorted({getattr(t, name) for t in trials}) for name in ("alpha", "temperature"))
    losses, errors = (np.full((len(temperatures), len(alphas)), np.nan) for _ in range(2))
    place = {(t.alpha, t.temperature): (temperatures.index(t.temperature), alphas.index(t.alpha)) for t in trials}
    for trial in trials:
        losses[place[trial.alpha, trial.temperature]] = mean(trial.losses)
        errors[place[trial.alpha, trial.temperature]] = np.std(trial.losses, ddof=1) / len(trial.losses) ** 0.5
    size = (1.6 + 1.2 * len(alphas), 1.2 + 0.7 * len(temperatures))
    figure, axis = plt.subplots(figsize=(min(style.WIDTH, size[0]), size[1]))
    low, high = np.nanmin(losses), np.nanmax(losses)
    axis.imshow(losses, cmap="Blues_r", aspect="auto", vmax=high + (high - low or 1))
    for row, column in product(*map(range, losses.shape)):
        if np.isfinite(losses[row, column]):
            dark = losses[row, column] < low + 0.6 * (high - low)
            colour = "white" if dark else "#1a1a1a"
            told = f"{losses[row, column]:.3f}\n± {errors[row, column]:.3f}"
            axis.text(column, row, told, ha="center", va="center", color=colour)
    for trial, line in ((search.lowest, "-"), (search.setting, "--")):
        row, column = place[trial.alpha, trial.temperature]
        frame = plt.Rectangle((column - 0.46, row - 0.44), 0.92, 0.88, fill=False, linewidth=2.5)
        frame.set(edgecolor=style.COLOURS[1], linestyle=line)
        axis.add_patch(frame)
    axis.set_xticks(range(len(alphas)), [f"{a:g}" for a in alphas])
    axis.set_yticks(range(len(temperatures)), [f"{t:g}" for t in temperatures])
    axis.set(xlabel="α", ylabel="temperature τ")
    axis.grid(False)
    return figure


def entropies(temperatures: Sequence[float], values: dict[str, Sequence[float]], undecided: float) -> Figure:
    """Mean entropy of the teachers' soft labels over the temperature, and that of an answer that says nothing."""
    figure, axis = plt.subplots(figsize=(style.WIDTH, 3.2))
    for (colour, marker), (label, heights) in zip(style.looks(), values.items(), strict=False):
        axis.plot(temperatures, heights, marker=marker, color=colour, label=label)
    axis.axhline(undecided, color=style.GREY, linestyle="--", label="says nothing")
    axis.set_xscale("log", base=2)
    axis.set_xticks(temperatures, [f"{t:g}" for t in temperatures])
    axis.set(xlabel="temperature τ", ylabel="entropy (nats)", ylim=(-0.05 * undecided, 1.1 * undecided))
    _above(figure, axis, 2)
    return figure


def undecided(logits: Tensor, count: int) -> list[int]:
    """The ``count`` images for which the second choice of ``logits`` (N, classes) has the largest share."""
    second = logits.float().softmax(1).topk(2, dim=1).values[:, 1]
    return second.argsort(descending=True)[:count].tolist()


def soft_labels(
    images: Tensor, logits: Tensor, class_names: Sequence[str], temperatures: Sequence[float] = (1, 4), count: int = 3
) -> Figure:
    """What a teacher with ``logits`` (N, classes) says of ``count`` of the uint8 ``images`` (N, 3, H, W), the most
    ``undecided`` ones, at each temperature."""
    chosen = undecided(logits, count)
    panels = {f"τ = {t:g}": (logits[chosen].float() / t).softmax(1) for t in temperatures}
    return answers(images[chosen], panels, class_names)


def answers(images: Tensor, panels: dict[str, Tensor], class_names: Sequence[str]) -> Figure:
    """Each of the uint8 ``images`` (N, 3, H, W) beside a bar for each class, in a column for each of the ``panels``
    of probabilities (N, classes)."""
    width = [0.7] + [1.0] * len(panels)
    shape = (style.WIDTH, 1.95 * len(images))
    figure, axes = plt.subplots(len(images), len(width), figsize=shape, width_ratios=width, squeeze=False)
    for index, (row, image) in enumerate(zip(axes, images, strict=True)):
        row[0].imshow(image.permute(1, 2, 0), interpolation="nearest")
        row[0].set_axis_off()
        for axis, (title, probabilities) in zip(row[1:], panels.items(), strict=True):
            axis.barh(class_names, probabilities[index], color=style.COLOURS[0])
            axis.set(title=title, xlim=(0, 1))
            axis.invert_yaxis()
            axis.grid(axis="y", visible=False)
            if axis is not row[1]:
                axis.set_yticklabels([])
    for axis in axes[-1][1:]:
        axis.set_xlabel("probability")
    return figure
