"""The distillation study's images and its tuned network, and the precision of each kind of network in it."""

import torch
from torch import Tensor, nn

from hw3.data.parts import Split
from hw3.lab.alike import one_precision
from hw3.lab.backbone import sources
from hw3.lab.experiments import TUNED, Study, experiment
from hw3.lab.networks import network
from hw3.lab.profiles import profile
from hw3.learn.features import WholeNetwork
from hw3.learn.precision import Precision
from hw3.learn.probe import Probe
from hw3.nets.resnet import load_resnet50


def parts(study: Study, profile_name: str) -> Split:
    """Indices of the images to train, to choose and to test. Where there are fewer than the study wants, its parts keep
    their proportion."""
    _, pools, _ = sources(profile_name)
    pool = pools.train[: study.images + study.validation]
    chooses = len(pool) * study.validation // (study.images + study.validation)
    return Split(pool[:-chooses], pool[-chooses:], pools.test[: study.tests])


def labelled(study: Study, split: Split) -> Tensor:
    """The training images whose labels may be used: the first ``study.labels``, or all."""
    return split.train if study.labels is None else split.train[: study.labels]


def whole_network(profile_name: str, resolution: int, head: Probe | None = None) -> nn.Module:
    """The pretrained ResNet50, every layer trainable; uint8 images in, logits out. Its last layer starts as ``head``,
    the solution of linear tuning."""
    data, _, weights = sources(profile_name)
    body = load_resnet50(weights.path)
    body.fc = nn.Linear(body.fc.in_features, len(data.class_names))
    if head is not None:
        with torch.no_grad():
            body.fc.weight.copy_(head.weight)
            body.fc.bias.copy_(head.bias)
    return WholeNetwork(body, resolution)


def precision_of(model: str, profile_name: str) -> Precision:
    """How networks of this kind compute, "resnet18" or "resnet50"; the same for all students and for the search."""
    chosen = profile(profile_name)
    config = experiment(TUNED if model == "resnet50" else "distillation/student", chosen)
    given = config.study
    assert given is not None
    data, _, _ = sources(profile_name)
    split = parts(given, profile_name)
    batch = split.train[: config.training.batch_size]

    def build() -> nn.Module:
        if model == "resnet50":
            return whole_network(profile_name, given.resolution)
        return network(config, data, split, seed=0)

    return one_precision(config, chosen, build, (data.images[batch], data.labels[batch]))
