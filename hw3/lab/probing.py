"""Linear tuning: a new last layer on a frozen ResNet50, at several resolutions, with and without normalization."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hw3.lab.backbone import pretrained
from hw3.lab.profiles import profile
from hw3.lab.progress import report
from hw3.learn.features import extract
from hw3.learn.metrics import Scores, score
from hw3.learn.probe import fit_probe


@dataclass(frozen=True)
class Probed:
    """One setting, over the seeds: which images trained and which chose the penalty is drawn anew for each."""

    resolution: int
    normalize: bool
    images: int
    tests: tuple[Scores, ...]
    train_accuracies: tuple[float, ...]
    penalties: tuple[float, ...]

    @property
    def accuracies(self) -> list[float]:
        return [scores.accuracy for scores in self.tests]


def features(resolution: int, normalize: bool, part: str, count: int, profile_name: str) -> tuple[Tensor, Tensor]:
    """Features (n, D) and labels of the first ``count`` images of a pool, "train" or "test"."""
    data, parts, weights, backbone = pretrained(profile_name)
    indices: Tensor = getattr(parts, part)[:count]
    key = f"{data.digest} {weights.digest} {part}"
    found = extract(backbone, data.images[indices], key, resolution, normalize, progress=report)
    return torch.from_numpy(found.astype("float32")), data.labels[indices]


def probe(
    resolution: int,
    normalize: bool = True,
    images: int | None = None,
    tests: int | None = None,
    name: str | None = None,
) -> Probed:
    """Linear tuning at ``resolution`` pixels on ``images`` images (nine of ten train, the others choose the penalty),
    tested on ``tests``; by default as many as the profile ``name`` has."""
    chosen = profile(name)
    pool, tested = (images or chosen.probe_images[0]), (tests or chosen.probe_images[1])
    x, y = features(resolution, normalize, "train", pool, chosen.name)
    x_test, y_test = features(resolution, normalize, "test", tested, chosen.name)
    classes = len(pretrained(chosen.name)[0].class_names)
    results, train_accuracies, penalties = [], [], []
    for seed in chosen.seeds:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        train, validation = order[len(x) // 10 :], order[: len(x) // 10]
        found = fit_probe((x[train], y[train]), (x[validation], y[validation]), classes)
        results.append(score(found(x_test), y_test))
        train_accuracies.append((found(x[train]).argmax(1) == y[train]).double().mean().item())
        penalties.append(found.l2)
        report(f"linear tuning at {resolution} px, seed {seed}: test accuracy {results[-1].accuracy:.4f}")
    return Probed(resolution, normalize, len(x), tuple(results), tuple(train_accuracies), tuple(penalties))
