"""A stranger's network on a stranger's folder of images: seeds, resume, store and comparison as the book's own have."""

import sys
from functools import partial

from torch import nn

from hw3.data.images import split
from hw3.data.load import load_folder
from hw3.show.verdicts import compare, sentence
from hw3.studies.parallel import run_all
from hw3.studies.run import Experiment
from hw3.train.settings import Training


def mine(shape, classes, width, activation=nn.ReLU):
    channels, _, _ = shape
    body = (nn.Conv2d(channels, width, 3, stride=2), nn.BatchNorm2d(width), activation(), nn.AdaptiveAvgPool2d(2))
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(4 * width, classes))


if __name__ == "__main__":
    data = load_folder(sys.argv[1], size=(24, 32))  # one folder for each class
    parts, training = split(data, test=0.3, validation=0.2), Training(epochs=2, batch_size=8)
    arms = [Experiment(f"mine/{w}", data, parts, partial(mine, width=w), training) for w in (4, 8)]
    first, second = run_all(arms, seeds=(0, 1, 2)).values()
    print(sentence(compare(first, second, data.labels[parts.test]), "the narrow one", "the wide one", "test accuracy"))
