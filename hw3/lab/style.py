"""One look for all figures: legible on white and on black, the same bytes from build to build."""

from typing import Any

import matplotlib
from cycler import cycler

COLOURS = ("#3b78c3", "#d1605e", "#4f9d69", "#b8860b", "#8a63b5", "#3a9da8", "#a0522d")
GREY = "#777777"

STYLE: Any = {
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": GREY,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "grid.alpha": 0.3,
    "grid.color": GREY,
    "legend.facecolor": "none",
    "legend.frameon": False,
    "legend.labelcolor": GREY,
    "savefig.facecolor": "none",
    "svg.hashsalt": "hw3",
    "text.color": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
}


def use() -> None:
    """Apply the style to this process."""
    matplotlib.rcParams.update(STYLE)
