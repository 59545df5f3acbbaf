"""A small experiment on made-up images, a run store of one's own, and a training that must not happen."""

from functools import partial

import pytest
import torch

from hw3.data.images import ImageSet, Source, split
from hw3.nets.cnn import cnn
from hw3.studies import pretrained
from hw3.studies import run as running
from hw3.studies.run import Experiment
from hw3.train.settings import Training


def made_up(seed=0, count=90):
    """Three classes of 12 x 12 pixels: noise, brighter in one of three rows."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 150, (count, 12, 12, 3), dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)
    labels = torch.arange(count) % 3
    for label in range(3):
        images[labels == label, :, 4 * label : 4 * label + 4] += 60
    files = tuple(f"{index}.png" for index in range(count))
    return ImageSet("rows", images, labels, ("top", "middle", "bottom"), files, Source("folder", "made up", True))


@pytest.fixture
def small():
    """``small(name, field=value...)``: an experiment that takes a fraction of a second."""
    return experiments_of(made_up())


def experiments_of(data):
    parts = split(data, test=0.3, validation=0.2)
    network = partial(cnn, widths=(4, 6), regularize="dropblock", rate=0.2)
    training = Training(epochs=2, batch_size=8)

    def make(name="mine/small", **changes):
        fields = {"data": data, "split": parts, "network": network, "training": training, "histograms": True}
        return Experiment(name, **fields | changes)

    return make


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def untrained(monkeypatch):
    """From here on, whatever trains fails the test."""
    for module in (running, pretrained):
        monkeypatch.setattr(module, "fit", lambda *_: pytest.fail("it trained"))
