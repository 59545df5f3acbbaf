"""TensorBoard's copy of a training's history. The history itself is part of the result; nothing is read from here."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import nn

BINS = 64


def histograms(model: nn.Module) -> dict[str, Any]:
    """How the finite numbers of each tensor are distributed: ``{name: (edges (65,), counts (64,))}`` as lists."""
    result = {}
    for name, weights in model.named_parameters():
        values = weights.detach().float().cpu().flatten()
        values = values[values.isfinite()]
        low, high = (values.min().item(), values.max().item()) if len(values) else (0.0, 0.0)
        equal = values.new_tensor([float(len(values))] + [0.0] * (BINS - 1))
        counts = values.histc(BINS, low, high) if low < high else equal
        width = (high - low or 1.0) / BINS
        result[name] = ([low + width * i for i in range(BINS + 1)], counts.tolist())
    return result


class Board:
    """Event files in ``folder``. The first ``write`` replaces what an earlier, killed training left there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.written = folder, 0
        self.writer: Any = None

    def write(self, history: list[dict[str, float]], weights: list[dict[str, Any]]) -> None:
        """Add the epochs of ``history`` that are not there yet, with the ``histograms`` of each."""
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter  # takes a second, and a stored result does not need it

            shutil.rmtree(self.folder, ignore_errors=True)
            self.writer = SummaryWriter(str(self.folder))
        for epoch in range(self.written + 1, len(history) + 1):
            for name, value in history[epoch - 1].items():
                self.writer.add_scalar(name, value, epoch)
            for name, (edges, counts) in weights[epoch - 1].items():
                middle = [(a + b) / 2 for a, b in pairwise(edges)]
                self.writer.add_histogram_raw(
                    f"weights/{name}",
                    edges[0],
                    edges[-1],
                    sum(counts),
                    sum(c * m for c, m in zip(counts, middle, strict=True)),
                    sum(c * m * m for c, m in zip(counts, middle, strict=True)),
                    edges[1:],
                    counts,
                    epoch,
                )
        self.written = len(history)
        self.writer.flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
