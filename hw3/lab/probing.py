"""Linear tuning: a new last layer on a frozen ResNet50, at several resolutions, with and without normalization, with
and without its ImageNet weights. Results are kept in the run store."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from hw3.data.files import produce
from hw3.lab import store
from hw3.lab.backbone import pretrained, sources, untrained
from hw3.lab.profiles import profile
from hw3.lab.progress import report
from hw3.learn.features import extract
from hw3.learn.metrics import Scores, score
from hw3.learn.probe import L2_GRID, fit_probe
from hw3.paths import runs_dir


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


def features(
    resolution: int, normalize: bool, part: str, count: int, profile_name: str, seed: int | None = None
) -> tuple[Tensor, Tensor]:
    """Features (n, D) and labels of the first ``count`` images of a pool, "train" or "test"; with ``seed``, those of a
    network with random weights."""
    data, parts, weights, backbone = pretrained(profile_name)
    key = weights.digest
    if seed is not None:
        backbone, key = untrained(profile_name, seed), f"random {seed} {data.digest}"
    indices: Tensor = getattr(parts, part)[:count]
    found = extract(backbone, data.images[indices], key, resolution, normalize, progress=report)
    return torch.from_numpy(found.astype("float32")), data.labels[indices]


def probe(
    resolution: int,
    normalize: bool = True,
    images: int | None = None,
    tests: int | None = None,
    name: str | None = None,
    weights: str = "pretrained",
    grid: Sequence[float] = L2_GRID,
) -> Probed:
    """Linear tuning at ``resolution`` pixels on ``images`` images (nine of ten train, the others choose the
    penalty out of ``grid``), tested on ``tests``; by default as many as the profile ``name`` has. With
    ``weights="random"`` the frozen network was never trained; each seed draws another one.

    Raises:
        ValueError: ``weights`` is neither "pretrained" nor "random".
    """
    if weights not in ("pretrained", "random"):
        raise ValueError(f"weights is {weights!r}; it must be 'pretrained' or 'random'")
    chosen = profile(name)
    sizes = (images or chosen.probe_images[0]), (tests or chosen.probe_images[1])
    data, _, given = sources(chosen.name)
    everything = {
        "setting": [resolution, normalize, *sizes, weights, list(grid), list(chosen.seeds)],
        "data": [data.digest, given.digest],
        "probing": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    target = runs_dir() / "probes" / f"{store.digest('cifar10', everything)}.json"

    def make(path: Path) -> None:
        path.write_text(json.dumps(asdict(_probe(resolution, normalize, sizes, chosen.name, weights, grid))))

    found = json.loads(produce(target, make).read_text())
    tuples = {name: store.tuples(value) for name, value in found.items() if name != "tests"}
    return Probed(
        **tuples, tests=tuple(Scores(**{k: store.tuples(v) for k, v in test.items()}) for test in found["tests"])
    )


def _probe(
    resolution: int, normalize: bool, sizes: tuple[int, int], name: str, weights: str, grid: Sequence[float]
) -> Probed:
    classes = len(sources(name)[0].class_names)
    results, train_accuracies, penalties = [], [], []
    for seed in profile(name).seeds:
        network = seed if weights == "random" else None
        x, y = features(resolution, normalize, "train", sizes[0], name, network)
        x_test, y_test = features(resolution, normalize, "test", sizes[1], name, network)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        train, validation = order[len(x) // 10 :], order[: len(x) // 10]
        found = fit_probe((x[train], y[train]), (x[validation], y[validation]), classes, grid)
        results.append(score(found(x_test), y_test))
        train_accuracies.append((found(x[train]).argmax(1) == y[train]).double().mean().item())
        penalties.append(found.l2)
        report(f"linear tuning at {resolution} px, seed {seed}: test accuracy {results[-1].accuracy:.4f}")
    return Probed(resolution, normalize, len(x), tuple(results), tuple(train_accuracies), tuple(penalties))
