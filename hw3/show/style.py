"""One look for all figures, at the width at which a page shows them: dark on a white ground of their own. (No one grey
reads at 4.5 : 1 on a white page and on a dark one.)"""

from itertools import cycle
from typing import Any

import matplotlib
from cycler import cycler

# Okabe and Ito (2008): told apart in every common kind of colour blindness. Never alone: each comes with a marker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "os^Dv*"
GREY = "#595959"  # 7 : 1 on white
WIDTH = 6.9  # inches: the column of a page

STYLE: Any = {
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": GREY,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 9.5,
    "grid.alpha": 0.3,
    "grid.color": GREY,
    "legend.facecolor": "none",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.labelcolor": GREY,
    "savefig.facecolor": "white",
    "svg.hashsalt": "hw3",  # the same bytes from build to build
    "text.color": GREY,
    "xtick.color": GREY,
    "xtick.labelsize": 9,
    "ytick.color": GREY,
    "ytick.labelsize": 9,
}


def looks() -> Any:
    """Pairs of colour and marker, without end."""
    return zip(cycle(COLOURS), cycle(MARKERS), strict=False)


matplotlib.rcParams.update(STYLE)
