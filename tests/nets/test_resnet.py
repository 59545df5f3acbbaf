import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import ResNet50_Weights, resnet18

from hw3.nets.resnet import IMAGENET_MEAN, IMAGENET_STD, FrozenBackbone, student


def test_the_student_is_torchvisions_resnet18_with_the_same_seed():
    torch.manual_seed(4)
    ours = student((3, 32, 32), 7).state_dict()
    torch.manual_seed(4)
    theirs = resnet18(num_classes=7).state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours | theirs)


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 8), ("small", 16), ("cifar", 32)])
def test_a_stem_says_how_much_of_the_image_the_first_block_sees(stem, side):
    model = student((3, 32, 32), np.int8(5), stem)
    sides = []
    model.layer1.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-2:]))
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 5)
    assert sides == [(side, side)]
    assert model.conv1.bias is None  # batch norm follows


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((3, 32, 32), 5, "vit"), "stem is 'vit'.*imagenet, small, cifar"),
        (((1, 32, 32), 5), "1 channels"),
        (((3, 32), 5), r"shape is \(3, 32\)"),
        (((3, 32, 32), 5.0), "classes is 5.0"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        student(*arguments)


def test_mean_and_deviation_are_those_that_torchvision_standardizes_with():
    theirs = ResNet50_Weights.IMAGENET1K_V1.transforms()
    assert (tuple(theirs.mean), tuple(theirs.std)) == (IMAGENET_MEAN, IMAGENET_STD)


def test_the_frozen_part_stays_bit_identical():
    torch.manual_seed(0)
    backbone = FrozenBackbone(resnet18())
    assert not any(module.training for module in backbone.modules())
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    model = nn.Sequential(backbone, nn.Linear(512, 3)).train()
    assert not any(module.training for module in backbone.modules())
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(2):
        model(torch.randn(4, 3, 32, 32)).square().mean().backward()
        optimizer.step()
    after = backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(p.requires_grad for p in backbone.parameters())
