import numpy as np
import pytest
import torch
from torch import nn

from hw3.nets import count


def test_counts_agree_with_hand_counts():
    net = nn.Sequential(nn.Conv2d(3, 4, (3, 1), padding=(1, 0)), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 25, 2))
    assert count.parameters(net) == (3 * 3 * 4 + 4) + 8 + (100 * 2 + 2)
    assert count.by_kind(net) == {"convolution": 40, "fully connected": 202, "other": 8}
    before = net[1].running_mean.clone()
    net[1].eval()
    assert count.multiplications(net, (3, 5, 5)) == 25 * 4 * 9 + 100 * 2
    assert torch.equal(net[1].running_mean, before)
    assert net.training
    assert not net[1].training


def test_a_frozen_number_is_not_trainable():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 3))
    net[0].bias.requires_grad_(False)
    assert count.parameters(net) == 18 + 12 + 3
    assert count.by_kind(net) == {"convolution": 18, "fully connected": 15, "other": 0}


def test_a_layer_with_one_output_is_counted_too():
    net = nn.Sequential(nn.Conv2d(2, 1, 3), nn.Flatten(), nn.Linear(9, 1))
    assert count.multiplications(net, (2, 5, 5)) == 9 * 18 + 9


def test_counting_leaves_no_hook_behind_also_after_an_error():
    net = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(RuntimeError):
        count.multiplications(net, (3, 5, 6))
    assert count.multiplications(net, (3, 5, 4)) == 3 * 5 * 3 * 4
    assert not net[0]._forward_hooks


def test_groups_multiply_their_own_channels_only():
    assert count.multiplications(nn.Conv2d(4, 8, 3, groups=4), (4, 3, 3)) == 8 * 9


def test_other_convolutions_count_too():
    line = nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 5, 4, stride=2))
    assert count.multiplications(line, (3, 4, 5)) == 9 * 5 * (3 * 4)
    assert count.by_kind(line) == {"convolution": 5 * 3 * 4 + 5, "fully connected": 0, "other": 0}
    larger = nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2)
    assert count.multiplications(larger, (6, 5, 7)) == 5 * 7 * 6 * (2 * 9)  # each input into 2 channels of its group
    assert count.by_kind(larger)["convolution"] == count.parameters(larger)
    volume = nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv3d(1, 2, 3))
    assert count.multiplications(volume, (3, 5, 5)) == 1 * 3 * 3 * 2 * 27


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 5.0), (3, 0, 5), (True, 5, 5)])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        count.multiplications(nn.Conv2d(3, 4, 3), shape)


def test_integers_of_numpy_do_not_overflow():
    shape = np.array([3, 100, 120], dtype=np.int8)
    assert count.multiplications(nn.Conv2d(3, 4, 3, padding=1), shape) == 100 * 120 * 4 * 27
