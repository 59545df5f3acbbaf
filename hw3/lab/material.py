"""What a run is made of: its images, its network, its loss, how batches are drawn, and over what devices."""

import os
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.data import DataLoader

from hw3.data import ImageSet, load, loader, split
from hw3.data.parts import Split
from hw3.data.views import view_loader, views
from hw3.lab import study, teachers
from hw3.lab.alike import one_precision
from hw3.lab.backbone import sources
from hw3.lab.experiments import Experiment, Study, experiment
from hw3.lab.networks import network
from hw3.lab.profiles import Profile
from hw3.lab.store import Result
from hw3.learn.distillation import Distillation
from hw3.learn.precision import Precision
from hw3.learn.tasks import Task, classification

SPLIT_SEED = 0  # every run sees the same three parts; the seed of a run moves weights, batches and masks
REFERENCE = {"shoes": "shoes/cnn"}  # whose speed decides the precision


@dataclass(frozen=True)
class Spread:
    """The devices that a run is spread over."""

    devices: int = 1
    num_nodes: int = 1

    @property
    def processes(self) -> int:
        return self.devices * self.num_nodes

    @property
    def splits_statistics(self) -> bool:
        """Does batch norm see a share of each batch? Lightning synchronizes it on GPUs only."""
        return self.processes > 1 and not torch.cuda.is_available()


def first_process() -> bool:
    """Is this the process that stores results? (Lightning, torchrun and Slurm each tell the others by a variable.)"""
    names = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
    return all(int(os.environ.get(name) or 0) == 0 for name in names)


@dataclass(frozen=True)
class Material:
    """``task`` says what a step on one of the ``batches`` computes; ``detailed``: is every epoch kept?"""

    data: ImageSet
    parts: Split
    model: nn.Module
    task: Task
    precision: Precision
    batches: DataLoader
    detailed: bool


def material(config: Experiment, seed: int, profile: Profile, spread: Spread, tuned: Result | None) -> Material:
    """Everything that ``config`` names. ``tuned`` is the run of the tuned teacher, where that is the teacher."""
    size = config.training.batch_size // spread.processes
    if config.study is not None:
        return _distilling(config, config.study, seed, profile, size, tuned)
    data = load(config.data, source=profile.source, quiet=True)
    parts = split(data, seed=SPLIT_SEED)
    train = data.images[parts.train], data.labels[parts.train]
    # One precision for all networks of a data set, so that two arms never differ in it: the fastest for the largest.
    reference = experiment(REFERENCE[config.data], profile)
    example = train[0][: config.training.batch_size], train[1][: config.training.batch_size]
    precision = one_precision(reference, profile, partial(network, reference, data, parts, 0), example)
    batches = loader(*train, batch_size=size, seed=seed, channels_last=precision.channels_last)
    model = network(config, data, parts, seed)
    return Material(data, parts, model, classification, precision, batches, detailed=True)


def _distilling(
    config: Experiment, given: Study, seed: int, profile: Profile, size: int, tuned: Result | None
) -> Material:
    data, _, _ = sources(profile.name)
    parts = study.parts(given, profile.name)
    precision = study.precision_of(config.model, profile.name)
    task: Task = classification
    answers, shown = None, study.labelled(given, parts)
    if given.teacher is not None:
        assert given.alpha is not None
        assert given.temperature is not None
        task, shown = Distillation(given.alpha, given.temperature), parts.train
        answers = teachers.answers(given, profile.name, tuned)
    if config.model == "resnet50":
        head = teachers.linear(given, profile.name).probe
        model = study.whole_network(profile.name, given.resolution, head)
    else:
        model = network(config, data, parts, seed)
    images, labels = data.images[shown], data.labels[shown]
    batches = view_loader(images, labels, views(given.shifts), size, seed, draws=len(parts.train), answers=answers)
    return Material(data, parts, model, task, precision, batches, detailed=False)
