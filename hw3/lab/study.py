"""The distillation study's images and networks: what a run of ``hw3.lab.run`` on CIFAR-10 is made of."""

import torch
from torch import Tensor, nn

from hw3.data import ImageSet
from hw3.data.parts import Split
from hw3.lab.backbone import sources
from hw3.lab.experiments import Experiment, Study, experiment
from hw3.lab.profiles import profile
from hw3.learn.features import WholeNetwork
from hw3.learn.precision import Precision, fastest
from hw3.learn.probe import Probe
from hw3.learn.tasks import classification
from hw3.nets.normalize import Normalize, pixel_statistics
from hw3.nets.resnet import load_resnet50, student


def parts(study: Study, profile_name: str) -> Split:
    """Indices of the images to train, to choose and to test; a quarter, at most, of what is at hand chooses."""
    _, pools, _ = sources(profile_name)
    pool = pools.train[: study.images + study.validation]
    chooses = min(study.validation, len(pool) // 4)
    return Split(pool[:-chooses], pool[-chooses:], pools.test[: study.tests])


def labelled(study: Study, split: Split) -> Tensor:
    """The training images whose labels may be used: the first ``study.labels``, or all."""
    return split.train if study.labels is None else split.train[: study.labels]


def network(config: Experiment, data: ImageSet, split: Split, seed: int) -> nn.Module:
    """A student with weights drawn from ``seed``; uint8 images in, logits out."""
    mean, std = pixel_statistics(data.images[split.train])
    torch.manual_seed(seed)
    return nn.Sequential(Normalize(mean, std), student(len(data.class_names), **config.options))


def whole_network(profile_name: str, resolution: int, head: Probe | None = None) -> nn.Module:
    """The pretrained ResNet50, every layer trainable; uint8 images in, logits out. Its last layer starts as ``head``,
    the solution of linear tuning."""
    data, _, weights = sources(profile_name)
    body = load_resnet50(weights.path)
    body.fc = nn.Linear(body.fc.weight.shape[1], len(data.class_names))  # type: ignore[union-attr, index, arg-type]
    if head is not None:
        with torch.no_grad():
            body.fc.weight.copy_(head.weight)
            body.fc.bias.copy_(head.bias)
    return WholeNetwork(body, resolution)


def precision_of(config: Experiment, profile_name: str) -> Precision:
    """What is fastest on this machine for the kind of network, the same for all students."""
    assert config.study is not None
    data, _, _ = sources(profile_name)
    split = parts(config.study, profile_name)
    batch = split.train[: config.training.batch_size]

    def build() -> nn.Module:
        if config.model == "resnet50":
            return whole_network(profile_name, config.study.resolution)  # type: ignore[union-attr]
        return network(experiment("distillation/student", profile(profile_name)), data, split, seed=0)

    return fastest(build, classification, (data.images[batch], data.labels[batch]), config.model)
