"""Question P2 (a): a new last layer on a frozen ResNet50, at several resolutions, with and without normalization, with
and without its ImageNet weights."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from hw3.data.images import ImageSet
from hw3.files import report
from hw3.store import once
from hw3.studies.pretrained import Shared, untrained
from hw3.studies.run import tuples
from hw3.train.device import fabric
from hw3.train.features import forward, prepare
from hw3.train.linear import L2_GRID, fit_linear
from hw3.train.metrics import Scores, score


@dataclass(frozen=True)
class Tuned:
    """One setting, over the seeds: which images trained and which chose the penalty is drawn anew for each.

    ``logits``: (seeds, tests, classes), of the test images whose labels are ``targets`` (tests,).
    """

    resolution: int
    normalize: bool
    images: int
    tests: tuple[Scores, ...]
    train_accuracies: tuple[float, ...]
    penalties: tuple[float, ...]
    logits: Tensor = field(compare=False)
    targets: Tensor = field(compare=False)

    @property
    def accuracies(self) -> list[float]:
        return [scores.accuracy for scores in self.tests]


def linear_tuning(
    shared: Shared,
    resolution: int,
    sizes: tuple[int, int],
    seeds: Sequence[int],
    normalize: bool = True,
    pretrained: bool = True,
    grid: Sequence[float] = L2_GRID,
) -> Tuned:
    """Linear tuning at ``resolution`` pixels on the first ``sizes[0]`` images of the training pool (nine of ten train,
    the others choose the penalty out of ``grid`` by their loss), tested on ``sizes[1]``, once for each seed. Without
    ``pretrained`` the frozen network was never trained; each seed draws another one."""
    settings = {
        "resolution": resolution,
        "normalize": normalize,
        "sizes": sizes,
        "seeds": tuple(seeds),
        "grid": tuple(grid),
    }
    origin = {"data": shared.data.digest, "weights": shared.weights.digest, "precision": shared.precision}

    def make(folder: Path) -> None:
        known = partial(shared.features, shared.backbone()) if pretrained else None
        rows = [
            _once(shared, known or partial(forward_untrained, shared, seed), seed, resolution, sizes, normalize, grid)
            for seed in seeds
        ]
        tests, accuracies, penalties, counts, logits = zip(*rows, strict=True)
        kept = {"resolution": resolution, "normalize": normalize, "images": counts[0]}
        kept |= {"tests": list(map(asdict, tests)), "train_accuracies": accuracies, "penalties": penalties}
        (folder / "tuned.json").write_text(json.dumps(kept), encoding="utf-8")
        torch.save(torch.stack(logits), folder / "logits.pt")

    what = settings | origin | {"pretrained": pretrained}
    folder = once("linear-tuning", what, make, code=(forward, prepare, fit_linear, score, untrained))
    kept = json.loads((folder / "tuned.json").read_text(encoding="utf-8"))
    tests = tuple(Scores(**{k: tuples(v) for k, v in test.items()}) for test in kept.pop("tests"))
    logits = torch.load(folder / "logits.pt", weights_only=True)
    targets = shared.data.labels[shared.pools.test[: sizes[1]]]
    return Tuned(**{name: tuples(value) for name, value in kept.items()}, tests=tests, logits=logits, targets=targets)


def forward_untrained(shared: Shared, seed: int, images: Tensor, resolution: int, normalize: bool) -> Tensor:
    """Features of a network that was never trained. They serve once: none are kept."""
    return forward(fabric(shared.precision), untrained(shared, seed), images, resolution, normalize).float()


def _once(
    shared: Shared,
    features: Callable[[Tensor, int, bool], Tensor],
    seed: int,
    resolution: int,
    sizes: tuple[int, int],
    normalize: bool,
    grid: Sequence[float],
) -> tuple[Scores, float, float, int, Tensor]:
    data: ImageSet = shared.data
    learn, tests = shared.pools.train[: sizes[0]], shared.pools.test[: sizes[1]]
    x, x_test = (features(data.images[part], resolution, normalize) for part in (learn, tests))
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    train, validation = order[len(x) // 10 :], order[: len(x) // 10]
    y = data.labels[learn]
    layer = fit_linear((x[train], y[train]), (x[validation], y[validation]), len(data.class_names), grid)
    logits = layer(x_test)
    scores = score(logits, data.labels[tests])
    report(f"linear tuning at {resolution} px, seed {seed}: test accuracy {scores.accuracy:.4f}")
    return scores, (layer(x[train]).argmax(1) == y[train]).double().mean().item(), layer.l2, len(x), logits
