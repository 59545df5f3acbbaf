"""The pictures of the distillation pages: views, the search, soft labels."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import optuna
import torch
from matplotlib.figure import Figure
from optuna.trial import TrialState
from torch import Tensor

from hw3.data.views import View, show
from hw3.lab import style
from hw3.lab.figures import gallery
from hw3.lab.search import FINISHED

style.use()


def views(image: Tensor, shown: Sequence[View], answers: Tensor, class_names: Sequence[str]) -> Figure:
    """One uint8 image (3, H, W) under each view, with the class that the teacher's logits (views, classes) name and its
    probability."""
    pictures = torch.cat([show(image[None], view) for view in shown])
    shares = answers.float().softmax(1)
    titles = [f"{class_names[int(share.argmax())]} ({share.max():.0%})" for share in shares]
    return gallery(pictures, titles, len(shown))


def searched(study: optuna.Study) -> Figure:
    """Every finished trial by α and τ: the darker, the higher its validation accuracy; those that were stopped before
    their last epoch are crosses, since earlier epochs cannot be compared with it."""
    figure, axis = plt.subplots(figsize=(6.2, 3.4))
    trials = study.get_trials(deepcopy=False, states=FINISHED)
    place = {trial.number: (trial.params["alpha"], trial.params["temperature"]) for trial in trials}
    accuracy = {trial.number: trial.value for trial in trials if trial.state == TrialState.COMPLETE}
    if accuracy:
        x, y = np.array([place[number] for number in accuracy]).T
        shades = np.array(list(accuracy.values()), float)
        drawn = axis.scatter(x, y, c=shades, cmap="Blues", edgecolor=style.GREY, s=90, label="to the end")
        figure.colorbar(drawn, ax=axis, label="validation accuracy")
    if len(accuracy) < len(trials):
        x, y = np.array([where for number, where in place.items() if number not in accuracy]).T
        axis.scatter(x, y, marker="x", color=style.GREY, s=60, label="stopped early")
    for number, position in place.items():
        axis.annotate(str(number + 1), position, (7, 5), textcoords="offset points", fontsize=8)
    axis.set_yscale("log", base=2)
    ticks = [1, 2, 4, 8]
    axis.set_yticks(ticks, [str(tick) for tick in ticks])
    axis.set(xlabel="α", ylabel="temperature τ", xlim=(0, 1.08), ylim=(0.85, 9.5))
    axis.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def entropies(temperatures: Sequence[float], values: dict[str, Sequence[float]], undecided: float) -> Figure:
    """Mean entropy of the teachers' soft labels over the temperature, and that of an answer that says nothing."""
    figure, axis = plt.subplots(figsize=(5.6, 3.1))
    for (label, heights), marker in zip(values.items(), "os^", strict=False):
        axis.plot(temperatures, heights, marker=marker, label=label)
    axis.axhline(undecided, color=style.GREY, linestyle="--", label="says nothing")
    axis.set_xscale("log", base=2)
    axis.set_xticks(temperatures, [f"{t:g}" for t in temperatures])
    axis.set(xlabel="temperature τ", ylabel="entropy (nats)", ylim=(0, 1.1 * undecided))
    axis.legend(fontsize=8)
    return figure
