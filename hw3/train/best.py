"""What is looked at after each epoch: scores, the best epoch so far, and TensorBoard's copy of both."""

import math
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from hw3.train.loop import Row, predict
from hw3.train.metrics import score
from hw3.train.tensorboard import Board, histograms

Part = tuple[Tensor, Tensor]  # images and targets


class Best:
    """Scores the validation and the test part after each epoch, and keeps the epoch with the highest validation
    accuracy (among equals, the lowest loss). The test part chooses nothing.

    ``state`` of the kept epoch: ``epoch`` (from 1), ``weights``, ``validation`` and ``test`` (logits). With ``weights``
    histograms of all weights are kept for each epoch. ``folder`` is TensorBoard's.
    """

    def __init__(self, fabric: Fabric, validation: Part, test: Part, folder: Path, weights: bool = False) -> None:
        self.fabric, self.parts, self.weights = fabric, {"validation": validation, "test": test}, weights
        self.board = Board(folder)
        self.state: dict[str, Any] = {}
        self.histograms: list[dict[str, Any]] = []

    def __call__(self, model: nn.Module, history: list[Row]) -> None:
        logits = {part: predict(self.fabric, model, images) for part, (images, _) in self.parts.items()}
        for part, (_, targets) in self.parts.items():
            scores = score(logits[part], targets)
            history[-1] |= {f"loss/{part}": scores.loss, f"accuracy/{part}": scores.accuracy}
        if best_epoch(history) == len(history):
            weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
            self.state = {"epoch": len(history), "weights": weights, **logits}
        self.histograms.append(histograms(model) if self.weights else {})
        self.board.write(history, self.histograms)

    def state_dict(self) -> dict[str, Any]:
        return {"state": self.state, "histograms": self.histograms}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.state, self.histograms = state["state"], state["histograms"]


def best_epoch(history: list[Row]) -> int:
    """From 1: the highest validation accuracy, among equals the lowest loss, among equals the first."""
    losses = [row["loss/validation"] if math.isfinite(row["loss/validation"]) else math.inf for row in history]
    order = [(row["accuracy/validation"], -loss) for row, loss in zip(history, losses, strict=True)]
    return 1 + max(range(len(order)), key=order.__getitem__)
