"""ResNets (He et al. 2016, arXiv 1512.03385) as torchvision builds them."""

from torch import Tensor, nn
from torchvision.models import resnet18

from hw3.nets.sizing import image_shape
from hw3.theory.sizes import whole

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STEMS = ("imagenet", "small", "cifar")


def student(shape: tuple[int, int, int], classes: int, stem: str = "imagenet") -> nn.Module:
    """A ResNet18 from scratch; float images (N, 3, H, W) with ``shape`` = (3, H, W) in, logits (N, ``classes``) out.

    ``stem`` says how the network begins. "imagenet": a 7 x 7 convolution with stride 2, then max-pooling with stride 2:
    the first block sees a quarter of the height and width. "small": a 3 x 3 convolution with stride 1 and the
    max-pooling. "cifar": the 3 x 3 convolution alone, so that nothing is thrown away.

    Raises:
        ValueError: there is no such stem, or the images have not 3 channels.
    """
    if image_shape(shape)[0] != 3:
        raise ValueError(f"the images have {shape[0]} channels; a ResNet takes 3 (repeat a grey one)")
    if stem not in STEMS:
        raise ValueError(f"stem is {stem!r}; it must be one of {', '.join(STEMS)}")
    model = resnet18(num_classes=whole("classes", classes))
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
