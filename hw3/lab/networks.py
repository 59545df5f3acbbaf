"""The network that an experiment names, behind the standardization of its training images."""

import torch
from torch import nn

from hw3.data import ImageSet
from hw3.data.parts import Split
from hw3.lab.experiments import Experiment
from hw3.nets.models import build
from hw3.nets.normalize import Normalize, pixel_statistics


def network(config: Experiment, data: ImageSet, parts: Split, seed: int) -> nn.Module:
    """The network of ``config`` with weights drawn from ``seed``; uint8 images in, logits out."""
    mean, std = pixel_statistics(data.images[parts.train])
    torch.manual_seed(seed)
    model = build(config.model, data.shape, len(data.class_names), **config.options)
    return nn.Sequential(Normalize(mean, std), model)
