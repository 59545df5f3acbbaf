"""Made-up runs: results whose logits, history and scores are what a test wants."""

import json

import pytest
import torch
from torch.nn import functional as F

from hw3.studies.run import Result
from hw3.train.metrics import score

CLASSES = ("Boot", "Sandal", "Shoe")


@pytest.fixture
def targets():
    return torch.arange(600) % 3


@pytest.fixture
def logits_of(targets):
    """Logits that are right on a share of the images, the first ones wrong or random ones."""

    def make(accuracy, seed=0, sure=4.0):
        wrong = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
        wrong = wrong[: round((1 - accuracy) * len(targets))]
        called = targets.clone()
        called[wrong] = (called[wrong] + 1) % 3
        return sure * F.one_hot(called, 3).float()

    return make


@pytest.fixture
def make_arm(tmp_path, targets, logits_of):
    """An arm of an experiment, one run for each accuracy, or for each tensor of logits."""

    def make(
        name, outcomes, *, parameters=1000, multiplications=5000, seconds=10.0, best_epoch=2, seeds=None, **changes
    ):
        results = []
        for seed, outcome in zip(seeds or range(len(outcomes)), outcomes, strict=True):
            logits = outcome if isinstance(outcome, torch.Tensor) else logits_of(outcome, seed)
            folder = tmp_path / name.replace("/", "-") / str(seed)
            folder.mkdir(parents=True)
            weights = {"w": torch.zeros(2, 2)}
            torch.save({"test": logits, "weights": weights}, folder / "best.pt")
            histograms = [{"w": ([-1.0, 0.0, 1.0], [1.0, 3.0])} for _ in range(3)]
            (folder / "histograms.json").write_text(json.dumps(histograms))
            scores = score(logits, targets)
            row = {"loss/train": 1.0, "accuracy/train": 0.97, "seconds": seconds / 3}
            row |= {f"{q}/{part}": getattr(scores, q) for q in ("loss", "accuracy") for part in ("validation", "test")}
            what = {
                "data": {"name": "shoes", "digest": "d" * 40},
                "split": {"digest": "s" * 40, "train": 10},
                "training": {"precision": "32-true"},
            }
            fields = {
                "name": name,
                "seed": seed,
                "key": "k",
                "what": what,
                "data_source": "made up",
                "stand_in": False,
                "class_names": CLASSES,
                "parameters": parameters,
                "parameters_by_kind": {"convolution": parameters // 2, "fully connected": parameters // 4, "other": 7},
                "multiplications": multiplications,
                "processor": "a processor",
                "capability": "AVX2",
                "seconds": seconds,
                "best_epoch": best_epoch,
                "validation": scores,
                "test": scores,
                "history": (row, row, row),
                "folder": folder,
            }
            results.append(Result(**fields | changes))
        return results

    return make
