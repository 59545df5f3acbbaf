"""A small experiment on made-up images, a run store and a record of one's own, and a training that must not happen."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from hw3.data.images import ImageSet, Source, split
from hw3.nets.cnn import cnn
from hw3.store import digest
from hw3.studies import pretrained
from hw3.studies import record as recording
from hw3.studies import run as running
from hw3.studies.record import Plan, record
from hw3.studies.run import Experiment
from hw3.train.losses import Distillation
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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the record "rows" lies."""
    monkeypatch.setattr(recording, "project", lambda: tmp_path)
    return tmp_path / "book" / "recorded" / "rows"


class Oracle:
    """Knows the labels of all training images in every view."""

    needs = ()

    def __init__(self, experiment):
        self.what = {"teacher": "oracle"}
        labels = experiment.data.labels[experiment.split.train]
        views = 1 if experiment.shifts is None else 2 * experiment.shifts
        self.answers = F.one_hot(labels, 3).half().expand(views, -1, -1)
        self.asked = 0

    def logits(self):
        self.asked += 1
        return self.answers


@pytest.fixture
def plan_of():
    """``plan_of(experiment..., seeds=...)``: what the record "rows" is to hold."""

    def make(*experiments, seeds=(0, 1), **more):
        return Plan("rows", tuple((e, seed) for seed in seeds for e in experiments), **more)

    return make


@pytest.fixture
def one(runs, small, folder, plan_of):
    """A recorded run, "rows/taught" with seed 0, of a student with a teacher; its folder and its experiment."""
    alone = small(name="rows/alone", histograms=False)
    experiment = replace(alone, name="rows/taught", teacher=Oracle(alone), task=Distillation(0.5, 2.0))
    record(plan_of(experiment, seeds=(0,)), jobs=1)
    return folder, experiment


@pytest.fixture
def rewrite():
    """``rewrite(folder, change)``: forge the values of every recorded run, and their checksums too."""

    def forge(folder, change):
        for path in folder.glob("*-seed*.json"):
            values = json.loads(path.read_text(encoding="utf-8"))
            del values["checksum"]
            change(values)
            path.write_text(json.dumps(values | {"checksum": digest(values)}), encoding="utf-8")

    return forge
