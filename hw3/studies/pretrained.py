"""What the studies on CIFAR-10 share: images, their parts, and a pretrained ResNet50."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.models import resnet50

from hw3.data.batches import Batches
from hw3.data.images import ImageSet
from hw3.data.load import load
from hw3.files import cache_dir, report
from hw3.nets.resnet import FrozenBackbone
from hw3.nets.weights import Weights, imagenet_weights, load_resnet50
from hw3.store import Entry, described
from hw3.train.device import fabric
from hw3.train.features import extract, prepare
from hw3.train.loop import LAST, fit
from hw3.train.losses import Classification
from hw3.train.settings import Training, threads

if TYPE_CHECKING:  # what a profile wants stands in the configurations: its file is no part of a key
    from hw3.studies.profiles import Profile

COARSE = 3  # classes of the labelling that a stand-in network is pretrained on
POOL_SEED = 0


@dataclass(frozen=True)
class MadeHere:
    """Weights of a ResNet50 for machines that can get no ImageNet weights: trained here, when they are first read, on
    ``images`` (indices) of ``data`` with classes put together into a few coarse ones. They are kept in the cache.

    ``why`` there are no others is said in the notice.
    """

    data: ImageSet
    images: Tensor
    training: Training
    why: str = "No ImageNet weights were at hand."

    @property
    def entry(self) -> Entry:
        """Where they are kept. Asking trains nothing."""
        images = hashlib.sha256(self.images.numpy().tobytes()).hexdigest()
        what = {"data": self.data.digest, "images": images, "training": self.training}
        return Entry("weights", described(what), (type(self),), cache_dir(), "resnet50-coarse")

    @property
    def what(self) -> dict[str, str]:
        return {"weights": self.digest}

    @property
    def digest(self) -> str:
        """What they are made from, since it decides what they are."""
        return self.entry.key

    @property
    def path(self) -> Path:
        return self.entry.made(self._make) / "resnet50.pth"

    @property
    def description(self) -> str:
        return "a ResNet50 pretrained on the spot on a coarse labelling"

    @property
    def notice(self) -> str:
        return (
            f"{self.why} This build's ResNet50 was pretrained on the spot, on {len(self.images):,} other images of the "
            f"same source with their classes put together into {COARSE}."
        )

    def _make(self, folder: Path) -> None:
        report(f"no ImageNet weights here: a ResNet50 is pretrained on {len(self.images)} images of a stand-in task")
        coarse = self.data.labels[self.images] * COARSE // len(self.data.class_names)
        batches = Batches(self.data.images[self.images], coarse, self.training.batch_size, seed=0)
        torch.manual_seed(0)
        body = resnet50(num_classes=COARSE).to(memory_format=torch.channels_last)
        with threads(1):
            device = fabric(self.training.precision)
            fit(device, _Prepared(body), Classification(), batches, self.training, 0, folder)
        torch.save(body.cpu().state_dict(), folder / "resnet50.pth")
        (folder / LAST).unlink()


@dataclass(frozen=True)
class Pools:
    """Indices that never overlap: to pretrain a network on the spot, to train, and to test (int64, shuffled)."""

    pretrain: Tensor
    train: Tensor
    test: Tensor


@dataclass(frozen=True)
class Shared:
    """Images, pools of their indices, the weights at hand, and the precision that all networks compute in."""

    data: ImageSet
    pools: Pools
    weights: Weights | MadeHere
    precision: str

    def backbone(self) -> FrozenBackbone:
        """The pretrained network without its last layer."""
        return FrozenBackbone(load_resnet50(self.weights.path))

    def features(self, backbone: FrozenBackbone, images: Tensor, resolution: int, normalize: bool = True) -> Tensor:
        """(N, D), float32, of uint8 ``images`` (N, 3, H, W), made or read. ``backbone`` must be that of ``weights``."""
        return extract(fabric(self.precision), backbone, images, self.weights.digest, resolution, normalize)


def shared(profile: "Profile") -> Shared:
    """Read the images and find the weights, for ``profile``; where there are none, some are made when they are read."""
    data = load("cifar10", source=profile.source, quiet=True)
    weights: Weights | MadeHere | None = imagenet_weights() if profile.source is None else None
    parts = pools(data, *profile.probe_images, profile.pretrain_images if weights is None else 0)
    if weights is None:
        made_here = MadeHere(data, parts.pretrain, Training(2, learning_rate=0.02, precision=profile.precision))
        unused = f"The profile {profile.name} does not use ImageNet weights."
        weights = made_here if profile.source is None else replace(made_here, why=unused)
    return Shared(data, parts, weights, profile.precision)


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


class _Prepared(nn.Module):
    """The network behind ``prepare``, its batch-norm statistics free to move."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        return self.body(prepare(images, 32, normalize=True))


def untrained(shared: Shared, seed: int) -> FrozenBackbone:
    """The same network with random weights drawn from ``seed``, frozen: what pretraining is measured against.

    Its batch-norm layers take their means and variances from 200 images, so that its features have a sane scale.
    """
    torch.manual_seed(seed)
    model = resnet50().train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # a plain average over the batches
    with torch.no_grad():
        for batch in shared.data.images[shared.pools.train[:200]].split(100):
            model(prepare(batch, 64, normalize=True))
    return FrozenBackbone(model)
