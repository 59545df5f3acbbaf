"""The pretrained ResNet50 of the distillation study, and where it comes from on this machine."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import resnet50

from hw3.data import ImageSet, load, loader
from hw3.data.files import produce, sha256
from hw3.lab import store
from hw3.lab.profiles import Profile, profile
from hw3.lab.progress import report
from hw3.learn import loop
from hw3.learn.features import Prepared, prepare
from hw3.learn.precision import fastest
from hw3.learn.settings import Training, threads
from hw3.learn.tasks import classification
from hw3.nets.resnet import FrozenBackbone, Weights, imagenet_weights, load_resnet50
from hw3.paths import cache_dir

COARSE = 3  # classes of the labelling that a stand-in network is pretrained on
POOL_SEED = 0
THREADS = 2  # to pretrain with, the same on any number of cores


@dataclass(frozen=True)
class Pools:
    """Indices that never overlap: to pretrain a network on the spot, to train, and to test (int64, shuffled)."""

    pretrain: Tensor
    train: Tensor
    test: Tensor


def pools(data: ImageSet, train: int, test: int, pretrain: int) -> Pools:
    """At most ``train`` and ``test`` images of ``data``; its official test part tests, where it has one. ``pretrain``
    others (one half of what does not test, at most) are set apart to pretrain a network on.

    Fewer images wanted are always the first of more, so that what is known of them serves again.
    """
    generator = torch.Generator().manual_seed(POOL_SEED)
    order = torch.randperm(len(data), generator=generator)
    first_test = data.test_from if data.test_from is not None else round(0.7 * len(data))
    is_test = order >= first_test if data.test_from is not None else torch.arange(len(data)) >= first_test
    rest, tested = order[~is_test], order[is_test]
    apart = len(rest) - min(pretrain, len(rest) // 2)
    return Pools(rest[apart:], rest[:apart][:train], tested[:test])


def pretrain_on_the_spot(data: ImageSet, images: Tensor, epochs: int) -> Weights:
    """Weights of a ResNet50 trained here on ``images`` (indices) with classes put together into a few coarse ones.

    For machines that can get no ImageNet weights; they are kept in the cache.
    """
    key = store.digest("cifar10", {"data": data.digest, "images": images.tolist(), "epochs": epochs})
    target = cache_dir() / "weights" / f"resnet50-coarse-{key}.pth"

    def make(path: Path) -> None:
        report(f"no ImageNet weights at hand: a ResNet50 is pretrained on {len(images)} images of a stand-in task")
        coarse = data.labels[images] * COARSE // len(data.class_names)
        example = data.images[images[:64]], coarse[:64]
        torch.manual_seed(0)
        model = resnet50(num_classes=COARSE)
        batches = loader(data.images[images], coarse, batch_size=64, seed=0)
        training = Training(epochs=epochs, learning_rate=0.02)
        with threads(THREADS):
            precision = fastest(
                lambda: Prepared(resnet50(num_classes=COARSE), 32), classification, example, "pretraining of a ResNet50"
            )
            loop.fit(Prepared(precision.place(model), 32), classification, batches, training, 0, precision)
        torch.save(model.state_dict(), path)

    produce(target, make)
    notice = (
        f"No ImageNet weights were at hand. This build's ResNet50 was pretrained on the spot, on {len(images):,} other "
        f"images of the same source with their classes put together into {COARSE}."
    )
    return Weights(target, "a ResNet50 pretrained on the spot on a coarse labelling", notice, sha256(target))


@cache
def sources(profile_name: str) -> tuple[ImageSet, Pools, Weights]:
    """The study's images, their parts and the weights at hand, for a profile."""
    chosen: Profile = profile(profile_name)
    data = load("cifar10", source=chosen.source, quiet=True)
    weights = imagenet_weights() if chosen.source is None else None
    parts = pools(data, *chosen.probe_images, chosen.pretrain_images if weights is None else 0)
    if weights is None:
        weights = pretrain_on_the_spot(data, parts.pretrain, epochs=2)
    return data, parts, weights


@cache
def pretrained(profile_name: str) -> tuple[ImageSet, Pools, Weights, FrozenBackbone]:
    """``sources`` and the frozen network."""
    data, parts, weights = sources(profile_name)
    return data, parts, weights, FrozenBackbone(load_resnet50(weights.path))


@cache
def untrained(profile_name: str, seed: int) -> FrozenBackbone:
    """The same network with random weights drawn from ``seed``, frozen: what pretraining is measured against.

    Its batch-norm layers take their means and variances from 200 images, so that its features have a sane scale.
    """
    data, parts, _ = sources(profile_name)
    torch.manual_seed(seed)
    model = resnet50().train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # a plain average over the batches
    with torch.no_grad():
        for batch in data.images[parts.train[:200]].split(100):
            model(prepare(batch, 64, normalize=True))
    return FrozenBackbone(model)
