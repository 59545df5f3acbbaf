"""The pictures of the theory pages, drawn from the same objects that the derivations use."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.path import Path
from sympy import Expr, Matrix, lambdify, latex

from hw3.show import style
from hw3.theory.backpropagation import Network1d
from hw3.theory.layers import Row


def _value(number: Expr) -> str:
    return str(number) if number.is_Integer else f"{float(number):.1f}"


def boards(images: Sequence[Matrix], titles: Sequence[str]) -> Figure:
    """Grey-value images side by side, framed, with the value written in each pixel, to one decimal."""
    figure, axes = plt.subplots(1, len(images), figsize=(style.WIDTH, 0.4 + style.WIDTH / len(images)), squeeze=False)
    figure.get_layout_engine().set(wspace=0.12)  # type: ignore[union-attr, call-arg]
    for axis, image, title in zip(axes[0], images, titles, strict=True):
        pixels = np.array(image.tolist(), float)
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=255)
        for (row, column), grey in np.ndenumerate(pixels):
            colour = "black" if grey > 118 else "white"  # where both have the same contrast
            axis.text(column, row, _value(image[row, column]), ha="center", va="center", color=colour, fontsize=9)
        axis.set(title=title, xticks=[], yticks=[])
        axis.grid(False)
        axis.spines[:].set_visible(True)
    return figure


def response(formula: Expr) -> Figure:
    """A frequency response H(ω1, ω2) that is symmetric in its two symbols: the whole square of frequencies, and its
    diagonal ω1 = ω2."""
    evaluate = lambdify(sorted(formula.free_symbols, key=str), formula, "numpy")
    angles = np.linspace(-np.pi, np.pi, 181)
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.1), width_ratios=(1, 1.3))
    image = left.imshow(
        evaluate(*np.meshgrid(angles, angles)), extent=(-np.pi, np.pi) * 2, cmap="RdBu", vmin=-1, vmax=1
    )
    left.set(xlabel="$\\omega_2$", ylabel="$\\omega_1$", title="$H(\\omega_1, \\omega_2)$")
    left.set(xticks=[-np.pi, 0, np.pi], yticks=[-np.pi, 0, np.pi])
    left.set_xticklabels(["$-\\pi$", "0", "$\\pi$"])
    left.set_yticklabels(["$-\\pi$", "0", "$\\pi$"])
    left.grid(False)
    figure.colorbar(image, ax=left, shrink=0.85)
    diagonal = np.linspace(0, np.pi, 181)
    right.plot(diagonal, evaluate(diagonal, diagonal))
    right.axhline(0, color=style.GREY, linewidth=0.8)
    for angle, name in ((0, "a flat image"), (np.pi, "the chessboard")):
        height = float(evaluate(angle, angle))
        right.plot(angle, height, "o", color=style.COLOURS[1], clip_on=False)
        shift = (10, -4) if angle == 0 else (-10, 12)
        right.annotate(name, (angle, height), shift, textcoords="offset points", ha="left" if angle == 0 else "right")
    right.set(xlabel="$\\omega$ (radians a pixel)", title="along the diagonal, $H(\\omega, \\omega)$")
    right.set_xticks([0, np.pi / 2, np.pi], ["0", "$\\pi/2$", "$\\pi$"])
    return figure


def _blank(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axis = plt.subplots(figsize=(width, height))
    axis.set_axis_off()
    return figure, axis


def _node(axis: Axes, x: float, y: float, text: str, colour: str) -> None:
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
    axis.text(x, y, text, ha="center", va="center", bbox=box, fontsize=10, zorder=3)


def tree(net: Network1d) -> Figure:
    """Figure 1 of the assignment for any network of its kind: inputs at the bottom, the loss on top."""
    figure, axis = _blank(style.WIDTH, 5.2)
    n, m, outputs = len(net.inputs), len(net.convolved), len(net.pooled)

    def places(count: int) -> list[float]:
        return [(n - count) / 2 + i for i in range(count)]

    x, z, v = places(n), places(m), places(outputs)
    middle = (n - 1) / 2
    edges = [((x[i + j], 0.0), (z[i], 1.2)) for i in range(m) for j in range(n - m + 1)]
    edges += [((z[j + i], 1.2), (v[j], 2.4)) for j in range(outputs) for i in range(m - outputs + 1)]
    edges += [((position, 2.4), (middle, 3.6)) for position in v]
    edges += [((middle, 3.6), (middle, 4.8)), ((middle + 1.7, 4.1), (middle, 4.8)), ((middle, 4.8), (middle, 5.7))]
    for (x1, y1), (x2, y2) in edges:
        axis.annotate("", (x2, y2 - 0.28), (x1, y1 + 0.2), arrowprops={"arrowstyle": "->", "color": style.GREY})
    for position, symbol in zip(x, net.inputs, strict=True):
        _node(axis, position, 0, f"${latex(symbol)}$", style.GREY)
    for position, symbol in zip(z, net.convolved, strict=True):
        _node(axis, position, 1.2, f"conv  k, b\n${latex(symbol)}$", style.COLOURS[0])
    for position, symbol in zip(v, net.pooled, strict=True):
        _node(axis, position, 2.4, f"max pool, relu\n${latex(symbol)}$", style.COLOURS[3])
    _node(axis, middle, 3.6, "fully connected  w, a\n$\\hat{y}$", style.COLOURS[2])
    _node(axis, middle, 4.8, "loss  f", style.COLOURS[1])
    _node(axis, middle + 1.7, 4.1, "$y$", style.GREY)
    axis.text(middle, 5.85, "$L$", ha="center", va="center", fontsize=13)
    axis.set(xlim=(-0.6, n - 0.4), ylim=(-0.4, 6.1))
    return figure


def _box(axis: Axes, x: float, width: float, height: float, depth: float, colour: str, label: str) -> None:
    slant = np.array([0.45, 0.3]) * depth
    front = np.array([[x, -height / 2], [x + width, -height / 2], [x + width, height / 2], [x, height / 2]])
    top = np.array([front[3], front[2], front[2] + slant, front[3] + slant])
    side = np.array([front[1], front[1] + slant, front[2] + slant, front[2]])
    for points, alpha in ((front, 0.85), (top, 0.6), (side, 0.45)):
        axis.add_patch(Polygon(points, facecolor=colour, alpha=alpha, edgecolor="white", linewidth=0.8))
    axis.text(x + width / 2, -height / 2 - 0.25, label, ha="center", va="top", fontsize=10)


def convolution_block(input_shape: Sequence[int], kernel: str, stride: int, output_shape: Sequence[int]) -> Figure:
    """The figure of question T4: an input volume, a kernel, a stride, an output volume; shapes are (H, W, D)."""
    figure, axis = _blank(style.WIDTH, 3.2)
    _box(axis, 0, 2.4, 2.4, 0.7, style.COLOURS[0], " × ".join(map(str, input_shape)) + "\ninput, padding included")
    axis.add_patch(Rectangle((0.3, 0.3), 0.6, 0.6, fill=False, edgecolor=style.COLOURS[1], linewidth=2))
    axis.text(0.6, 0.6, kernel, ha="center", va="center", color="white", fontsize=12, fontweight="bold")
    axis.annotate("", (5.0, 0), (3.1, 0), arrowprops={"arrowstyle": "->", "color": style.GREY, "linewidth": 1.5})
    axis.text(4.05, 0.15, f"convolution\nkernel {kernel}, stride {stride}", ha="center", va="bottom", fontsize=10)
    _box(axis, 5.3, 1.0, 1.0, 3.4, style.COLOURS[2], " × ".join(map(str, output_shape)) + "\noutput")
    axis.set(xlim=(-0.2, 8.2), ylim=(-2.1, 1.9), aspect="equal")
    return figure


def volumes(rows: Sequence[Row], input_shape: Sequence[int]) -> Figure:
    """The data volume after each layer of a network that changes it, drawn to a compressed scale."""
    figure, axis = _blank(style.WIDTH, 3.0)
    shapes = [("Input", tuple(input_shape))]
    shapes += [(row.name, tuple(row.output_shape)) for row in rows if row.name.upper() != "RELU"]
    x = 0.0
    for name, shape in shapes:
        height, depth = (shape[0] ** 0.5 / 2.4, shape[2] ** 0.5 / 3) if len(shape) == 3 else (shape[0] ** 0.5 / 5, 0.1)
        width = height if len(shape) == 3 else 0.12
        colour = style.COLOURS[{"C": 0, "P": 3, "F": 2}.get(name[0], 5)]
        label = f"{name}\n" + "×".join(map(str, shape))
        _box(axis, x, width, height, depth, colour, label)
        x += max(width + 0.45 * depth, 0.8) + 0.9
    axis.set(xlim=(-0.6, x), ylim=(-2.1, 2.0), aspect="equal")
    return figure


def outer(column: Sequence[int], row: Sequence[int]) -> Figure:
    """A column filter, a row filter, and the square filter that the two in sequence are."""
    figure, axis = _blank(style.WIDTH, 2.2)
    parts = (
        (np.array(column)[:, None], 0, "column"),
        (np.array(row)[None], 3, "row"),
        (np.outer(column, row), 8, "both"),
    )
    for weights, start, title in parts:
        top = (len(column) - len(weights)) / 2
        for (i, j), weight in np.ndenumerate(weights):
            corner = (start + j, top + i)
            axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.COLOURS[0], linewidth=1.5))
            axis.text(corner[0] + 0.5, corner[1] + 0.5, f"{weight}".replace("-", "−"), ha="center", va="center")
        axis.text(start + weights.shape[1] / 2, top - 0.2, title, ha="center", va="bottom")
    for place, sign in ((2, "then"), (7, "=")):
        axis.text(place, len(column) / 2, sign, ha="center", va="center")
    axis.set(xlim=(-0.2, 8.2 + len(row)), ylim=(len(column) + 0.2, -0.8), aspect="equal")
    return figure


def softened(logits: Sequence[float], temperatures: Sequence[float], softmax: Callable[..., Sequence]) -> Figure:
    """Bars: what ``softmax(logits, temperature)`` gives each class at each temperature."""
    figure, axes = plt.subplots(1, len(temperatures), figsize=(style.WIDTH, 2.6), sharey=True, squeeze=False)
    names = [str(i + 1) for i in range(len(logits))]
    for axis, temperature in zip(axes[0], temperatures, strict=True):
        shares = [float(share) for share in softmax(logits, temperature)]
        axis.bar(names, shares, color=style.COLOURS[0])
        for position, share in enumerate(shares):
            axis.text(position, share + 0.02, f"{share:.2f}", ha="center", fontsize=9)
        axis.set(title=f"τ = {temperature:g}", ylim=(0, 1.1), xlabel="class")
        axis.grid(axis="x", visible=False)
    axes[0][0].set_ylabel("probability")
    return figure


def approach(positions: Sequence[float], values: Sequence[float], limit: float, xlabel: str, ylabel: str) -> Figure:
    """A quantity over positions on a logarithmic scale, and the height that it tends to."""
    figure, axis = plt.subplots(figsize=(5.6, 2.9))
    axis.plot(positions, values, "o-", color=style.COLOURS[0])
    axis.axhline(limit, color=style.COLOURS[1], linestyle="--")
    axis.annotate("the limit", (positions[0], limit), (0, 4), textcoords="offset points")
    axis.set_xscale("log", base=2)
    axis.set_xticks(positions, [f"{p:g}" for p in positions])
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.margins(y=0.15)
    return figure


BOOT = ((20, 6), (48, 6), (51, 34), (78, 44), (87, 54), (87, 66), (20, 66))  # its outline, (column, row)


def drawn_boot(noise: float = 12.0) -> np.ndarray:
    """A boot in grey values, (72, 96): flat sides, a sharp outline, fine stripes on the sole, and ``noise``, the
    standard deviation of what a camera would add."""
    rows, columns = np.mgrid[:72, :96]
    inside = Path(BOOT).contains_points(np.column_stack([columns.ravel(), rows.ravel()])).reshape(rows.shape)
    picture = np.where(inside, 95.0, 215.0)
    picture[inside & (rows > 58)] = 60
    picture[inside & (rows > 58) & (columns % 2 == 0)] = 190
    picture[inside & (rows % 6 < 2) & (rows < 34) & (columns > 36)] = 185
    return picture + np.random.default_rng(0).normal(0, noise, picture.shape)


def blurring(images: Sequence[np.ndarray], titles: Sequence[str], rows: slice, columns: slice) -> Figure:
    """Grey-value images side by side and, below each, the part in ``rows`` and ``columns`` enlarged."""
    figure, axes = plt.subplots(2, len(images), figsize=(style.WIDTH, 5.2), squeeze=False)
    for column, (image, title) in enumerate(zip(images, titles, strict=True)):
        for axis, part in zip(axes[:, column], (image, image[rows, columns]), strict=True):
            axis.imshow(part, cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
            axis.spines[:].set_visible(True)
        axes[0, column].set_title(title)
        corner = (columns.start - 0.5, rows.start - 0.5)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        axes[0, column].add_patch(Rectangle(corner, *size, fill=False, edgecolor=style.COLOURS[1], linewidth=1.5))
    return figure


def normalizing(values: np.ndarray, normalized: np.ndarray) -> Figure:
    """The values of one unit over a batch, before and after batch normalization, on one axis."""
    figure, axis = plt.subplots(figsize=(style.WIDTH, 2.6))
    bins = np.linspace(min(values.min(), normalized.min()), max(values.max(), normalized.max()), 41).tolist()
    for number, (part, label, hatch) in enumerate(((values, "before", ""), (normalized, "after", "//"))):
        look = {"color": style.COLOURS[number], "alpha": 0.55, "hatch": hatch, "edgecolor": "white"}
        axis.hist(part, bins, label=label, **look)  # type: ignore[arg-type]
    axis.axvline(0, color=style.GREY, linewidth=0.8)
    axis.set(xlabel="value of the unit", ylabel="images of the batch")
    axis.legend()
    return figure


def dropping(units: np.ndarray, dropped: Sequence[np.ndarray]) -> Figure:
    """The values of some units in a test, and below it in training, each time with a mask of its own."""
    figure, axes = plt.subplots(len(dropped) + 1, 1, figsize=(style.WIDTH, 3.4), sharex=True, sharey=True)
    titles = ["in a test", *(f"in training, mask {number}" for number in range(1, len(dropped) + 1))]
    for axis, values, title in zip(axes, (units, *dropped), titles, strict=True):
        axis.bar(range(1, len(values) + 1), values, color=style.COLOURS[0])
        gone = np.flatnonzero(values == 0)
        axis.plot(gone + 1, np.zeros(len(gone)), "x", color=style.COLOURS[1])
        axis.set_title(title, loc="left")
        axis.grid(axis="x", visible=False)
    axes[-1].set(xlabel="unit", xticks=range(1, len(units) + 1))
    return figure
