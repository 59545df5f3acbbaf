import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from hw3.train.settings import Training, optimizer_and_schedule, seed_epoch, threads


def network():
    torch.manual_seed(1)
    return nn.Linear(6, 3)


def test_the_optimizer_is_sgd_with_nesterov_under_one_cycle():
    training, ours, theirs = Training(epochs=2), network(), network()
    optimizer, schedule = optimizer_and_schedule(ours, training, 20)
    plain = SGD(theirs.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    cycle = OneCycleLR(plain, 0.05, total_steps=20, pct_start=0.3)
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        for model, one, two in ((ours, optimizer, schedule), (theirs, plain, cycle)):
            one.zero_grad()
            model(x).square().mean().backward()
            one.step()
            two.step()
    assert torch.allclose(ours.weight, theirs.weight, rtol=1e-5)
    assert max(rates) == pytest.approx(0.05, rel=0.01)
    assert 2 < rates.index(max(rates)) < 8
    assert rates[-1] < rates[0] < max(rates) / 10


def test_a_constant_rate_stays_and_frozen_numbers_are_not_trained():
    model = network()
    model.bias.requires_grad_(False)
    optimizer, schedule = optimizer_and_schedule(model, Training(epochs=1, schedule="constant", momentum=0.5), 5)
    for _ in range(4):
        optimizer.step()
        schedule.step()
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"]) == (0.05, 0.5)
    assert [p.shape for p in group["params"]] == [model.weight.shape]


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("fields", "values", "wanted"),
    [
        (["epochs", "batch_size"], [0, -1, INF, NAN, None, 1.5, True, "3"], "a positive integer"),
        (["learning_rate", "clip"], [0, -1, INF, NAN, True, "3"], "positive and finite"),
        (["learning_rate"], [None], "positive and finite"),
        (["momentum", "warmup"], [0, 1, -0.1, 1.5, NAN, None, False], "between 0 and 1"),
        (["weight_decay"], [-1, INF, NAN, None, True], "0 or positive, and finite"),
    ],
)
def test_settings_are_within_their_ranges(fields, values, wanted):
    for field in fields:
        for value in values:
            with pytest.raises(ValueError, match=rf"^{field} is {re.escape(repr(value))}; it must be {wanted}"):
                Training(**{"epochs": 1, field: value})


def test_integers_of_any_kind_are_sizes():
    training = Training(np.int64(3), batch_size=np.int32(8), weight_decay=0, clip=np.float32(1))
    assert (type(training.epochs), type(training.batch_size)) == (int, int)
    assert training == Training(3, 8, weight_decay=0, clip=1.0)


@pytest.mark.parametrize(("field", "allowed"), [("schedule", "one-cycle, constant"), ("precision", "32-true, bf16-mi")])
def test_unknown_words_are_named_with_those_that_would_do(field, allowed):
    with pytest.raises(ValueError, match=f"{field} is 'fast'; it must be one of {allowed}"):
        Training(epochs=1, **{field: "fast"})


def test_an_epochs_masks_do_not_depend_on_earlier_ones():
    seed_epoch(3, 0)
    torch.randn(7)
    seed_epoch(3, 1)
    first = torch.randn(3)
    seed_epoch(3, 1)
    assert torch.equal(first, torch.randn(3))
    seed_epoch(2, 1)
    assert not torch.equal(first, torch.randn(3))


def test_the_number_of_threads_comes_back_also_after_an_error():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    with pytest.raises(ZeroDivisionError), threads(before + 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
