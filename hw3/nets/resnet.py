"""ResNets (He et al. 2016, arXiv 1512.03385) as torchvision builds them, and ImageNet weights for the ResNet50."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import ResNet, ResNet50_Weights, resnet18, resnet50

from hw3.data.files import DataError, produce, sha256
from hw3.data.network import reachable
from hw3.paths import cache_dir, data_dir

COMPRESSED = "resnet50-imagenet1k-pqf.pth"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Weights:
    """Pretrained weights: where they came from, what must be said of them, their SHA-256."""

    path: Path
    description: str
    notice: str
    digest: str


def imagenet_weights() -> Weights | None:
    """Weights of a ResNet50 trained on ImageNet-1k: a file in ``$HW3_DATA/weights``, torchvision's IMAGENET1K_V1 from
    the cache, or its download; None where none can be had."""
    folder = data_dir()
    given = folder / "weights" / COMPRESSED if folder else None
    if given and given.is_file():
        notice = (
            "The ImageNet weights were decoded from the vector-quantized ResNet50 of Martinez et al., Permute, "
            "Quantize, and Fine-tune (CVPR 2021, github.com/uber-research/permute-quantize-finetune), and are "
            "available under the licence of that project (non-commercial)."
        )
        return Weights(
            given, "ImageNet weights from a compressed network (Martinez et al. 2021)", notice, sha256(given)
        )
    source = ResNet50_Weights.IMAGENET1K_V1
    cached = cache_dir() / "weights" / "resnet50-imagenet1k-v1.pth"
    if not cached.exists():
        if not reachable(source.url):
            return None
        produce(cached, _download)
    notice = "The ImageNet weights are torchvision's IMAGENET1K_V1."
    return Weights(cached, "torchvision's ImageNet weights, IMAGENET1K_V1", notice, sha256(cached))


def _download(target: Path) -> None:
    try:
        torch.save(ResNet50_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True), target)
    except (OSError, RuntimeError) as error:
        raise DataError(f"the download of {ResNet50_Weights.IMAGENET1K_V1.url} broke: {error}; try again") from error


def load_resnet50(path: Path) -> ResNet:
    """A ResNet50 with the weights of ``path``, as float32; its last layer has as many outputs as they have.

    Raises:
        DataError: the file is damaged or holds another network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        model = resnet50(num_classes=len(state["fc.bias"]))
        model.load_state_dict(state)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise DataError(f"{path} holds no weights of a ResNet50: {error}") from error
    return model


STEMS = ("imagenet", "small", "cifar")


def student(classes: int, stem: str = "imagenet") -> nn.Module:
    """A ResNet18 from scratch; float images (N, 3, H, W) in, logits out.

    ``stem`` says how the network begins. "imagenet": a 7 x 7 convolution with stride 2, then max-pooling with stride 2:
    the first block sees a quarter of the height and width. "small": a 3 x 3 convolution with stride 1 and the
    max-pooling. "cifar": the 3 x 3 convolution alone, so that nothing is thrown away.

    Raises:
        ValueError: there is no such stem.
    """
    if stem not in STEMS:
        raise ValueError(f"stem is {stem!r}; it must be one of {', '.join(STEMS)}")
    model = resnet18(num_classes=classes)
    if stem != "imagenet":
        model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    if stem == "cifar":
        model.maxpool = nn.Identity()
    return model


class FrozenBackbone(nn.Module):
    """Everything of a ResNet but its last layer, frozen: no gradients, and always in evaluation mode, so that training
    what stands behind it cannot move its batch-norm statistics. Float images (N, 3, H, W) in, features (N, D) out."""

    def __init__(self, resnet: nn.Module) -> None:
        super().__init__()
        self.body = resnet
        self.body.fc = nn.Identity()
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "FrozenBackbone":
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images)
