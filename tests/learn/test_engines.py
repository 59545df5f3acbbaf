"""The plain loop and the engine on Lightning do the same, step by step; a killed run ends as if it had not been."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from hw3.data import loader
from hw3.lab import curves
from hw3.learn import checkpoints, engine, loop
from hw3.learn.precision import Precision
from hw3.learn.settings import Training, clip_gradient, optimizer_and_schedule, seed_epoch
from hw3.learn.tasks import classification
from hw3.nets.mlp import mlp

TRAINING = Training(epochs=3, batch_size=8)


def images_and_labels(n=60):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, 4, 5, generator=generator), torch.randint(0, 3, (n,), generator=generator)


def network():
    torch.manual_seed(1)
    return mlp((3, 4, 5), 3, (16, 8), dropout=0.3)


def batches(seed=5):
    return loader(*images_and_labels(), batch_size=8, seed=seed)


def fit(folder, model, training=TRAINING, task=classification, detailed=True):
    validation = loader(*images_and_labels(20), batch_size=8)
    return engine.fit(model, task, batches(), validation, training, 5, folder, detailed=detailed)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("clip", [None, 0.1])
def test_both_engines_agree_after_every_step(tmp_path, bf16, clip):
    precision, training = Precision(bf16=bf16, channels_last=True), replace(TRAINING, clip=clip)
    steps = {"plain": [], "lightning": []}

    def watched(kind, model):
        def task(net, batch):
            steps[kind].append([p.detach().clone() for p in model.parameters()])  # the weights before this step
            return classification(net, batch)

        return task

    plain, lit = network(), network()
    loop.fit(plain, watched("plain", plain), batches(), training, 5, precision)
    validation = loader(*images_and_labels(20), batch_size=8)
    task = watched("lightning", lit)

    def training_only(net, batch):
        return task(net, batch) if net.training else classification(net, batch)

    engine.fit(lit, training_only, batches(), validation, training, 5, tmp_path, precision)
    assert len(steps["plain"]) == len(steps["lightning"]) == 3 * 7
    for one, other in zip(steps["plain"], steps["lightning"], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), lit.parameters(), strict=True))
    assert not torch.equal(steps["plain"][0][0], steps["plain"][-1][0])


def test_the_plain_loop_reports_the_loss_it_saw():
    model = network()
    losses = loop.fit(model, classification, batches(), TRAINING, 5)
    assert len(losses) == 3
    assert losses[2] < losses[0]


KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import test_engines as t
from pathlib import Path
from hw3.learn.tasks import classification
calls = 0
def task(model, batch):
    global calls
    calls += model.training
    if calls == 17:  # in the middle of the third epoch
        os.kill(os.getpid(), signal.SIGKILL)
    return classification(model, batch)
t.fit(Path({folder!r}), t.network(), task=task, detailed={detailed})
"""


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("detailed", [True, False])
def test_a_killed_run_resumes_exactly(tmp_path, detailed):
    whole = network()
    fitted = fit(tmp_path / "whole", whole, detailed=detailed)
    code = KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path / "killed"), detailed=detailed)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert (tmp_path / "killed" / "checkpoints" / "last.ckpt").exists()
    resumed = network()
    again = fit(tmp_path / "killed", resumed, detailed=detailed)
    assert same(whole, resumed)
    assert list(fitted.epochs) == list(again.epochs)
    for epoch, path in fitted.epochs.items():
        first, second = checkpoints.weights_of(path), checkpoints.weights_of(again.epochs[epoch])
        assert all(torch.equal(first[name], second[name]) for name in first)
    first, second = curves.scalars(fitted.tensorboard), curves.scalars(again.tensorboard)
    del first["seconds"], second["seconds"]
    assert first == second


def test_without_details_the_best_and_the_last_epoch_are_kept(tmp_path):
    """With a rate so low that the last epoch is not the best."""
    slow = replace(TRAINING, learning_rate=1e-9)
    fitted = fit(tmp_path, network(), slow, detailed=False)
    (best,) = fitted.epochs
    assert best < 3
    assert torch.load(fitted.last, weights_only=True)["epoch"] == 2  # counted from 0


@pytest.mark.parametrize("damage", ["older", "broken", "lost"])
def test_a_kill_between_two_checkpoints_of_an_epoch_costs_nothing(tmp_path, capsys, damage):
    """The second epoch's own checkpoint is there; the one called "last" is not as far, or half written, or lost."""
    whole, resumed, seen = network(), network(), []
    fitted = fit(tmp_path, whole)
    last = fitted.last
    fitted.epochs[3].unlink()
    if damage == "older":
        shutil.copyfile(fitted.epochs[1], last)
    elif damage == "broken":
        last.write_bytes(last.read_bytes()[:999])
    else:
        last.unlink()

    def task(model, batch):
        seen.append(model.training)
        return classification(model, batch)

    again = fit(tmp_path, resumed, task=task)
    assert sum(seen) == 7  # the batches of one epoch
    assert ("is damaged" in capsys.readouterr().out) == (damage == "broken")
    assert same(whole, resumed)
    assert list(again.epochs) == [1, 2, 3]
    assert torch.load(again.last, weights_only=True)["epoch"] == 2


@pytest.mark.parametrize("damage", ["older", "broken", "lost"])
def test_a_kill_between_the_two_checkpoints_of_the_final_epoch(tmp_path, damage):
    """Nothing is left to train, and the last checkpoint is that of the final epoch all the same."""
    whole, resumed = network(), network()
    fitted = fit(tmp_path, whole)
    if damage == "older":
        shutil.copyfile(fitted.epochs[1], fitted.last)
    elif damage == "broken":
        fitted.last.write_bytes(fitted.last.read_bytes()[:999])
    else:
        fitted.last.unlink()
    again = fit(tmp_path, resumed)
    assert list(again.epochs) == [1, 2, 3]
    assert torch.load(again.last, weights_only=True)["epoch"] == 2
    first, second = checkpoints.weights_of(again.last), dict(whole.state_dict())
    assert all(torch.equal(first[name], second[name]) for name in second)


@pytest.mark.parametrize(("detailed", "again"), [(True, 2), (False, 3)])
def test_an_epoch_whose_checkpoint_is_damaged_is_trained_again(tmp_path, detailed, again):
    """Where every epoch is kept, from there on; where only the best one is, from the start."""
    whole, resumed, seen = network(), network(), []
    fitted = fit(tmp_path, whole, detailed=detailed)
    path = fitted.epochs[2 if detailed else max(fitted.epochs)]
    before = {epoch: checkpoints.weights_of(path) for epoch, path in fitted.epochs.items()}
    path.write_bytes(path.read_bytes()[:999])

    def task(model, batch):
        seen.append(model.training)
        return classification(model, batch)

    after = fit(tmp_path, resumed, task=task, detailed=detailed).epochs
    assert sum(seen) == 7 * again
    assert same(whole, resumed)
    assert list(after) == list(before)
    for epoch, weights in before.items():
        assert all(torch.equal(tensor, checkpoints.weights_of(after[epoch])[name]) for name, tensor in weights.items())


def test_damaged_checkpoints_start_over(tmp_path, capsys):
    whole, other = network(), network()
    fit(tmp_path / "whole", whole)
    checkpoint = tmp_path / "damaged" / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"not a checkpoint")
    (checkpoint.parent / "epoch0.ckpt").write_bytes(b"nor this")
    fitted = fit(tmp_path / "damaged", other)
    assert "is damaged" in capsys.readouterr().out
    assert fitted.last.name == "last.ckpt"
    assert all(checkpoints.weights_of(path) for path in (fitted.last, *fitted.epochs.values()))
    assert same(whole, other)


def test_tensorboard_files_hold_what_was_trained(tmp_path):
    model = network()
    fitted = fit(tmp_path, model)
    values = curves.scalars(fitted.tensorboard)
    assert {len(v) for v in values.values()} == {3}
    targets = images_and_labels(20)[1]
    logits = loop.predict(model, images_and_labels(20)[0])
    loss = nn.functional.cross_entropy(logits, targets).item()
    assert values["loss/validation"][-1] == pytest.approx(loss, rel=1e-5)
    assert values["accuracy/validation"][-1] == pytest.approx((logits.argmax(1) == targets).float().mean().item())
    history = curves.histograms(fitted.tensorboard, "weights/1.weight")
    assert [step for step, _, _ in history] == [1, 2, 3]
    assert history[-1][2].sum() == model[1].weight.numel()


def test_the_learning_rate_rises_and_falls():
    optimizer, schedule = optimizer_and_schedule(network(), TRAINING, 20)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert max(rates) == pytest.approx(TRAINING.learning_rate, rel=0.01)
    assert 2 < rates.index(max(rates)) < 8
    assert rates[-1] < rates[0] < max(rates) / 10


def test_prediction_restores_the_mode_and_ignores_dropout():
    model, (images, _) = network().train(), images_and_labels()
    first, second = loop.predict(model, images), loop.predict(model, images, batch_size=7)
    assert model.training
    assert torch.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("field", ["epochs", "batch_size", "learning_rate", "clip"])
def test_settings_must_be_positive(field):
    with pytest.raises(ValueError, match=f"{field} is 0"):
        Training(**{"epochs": 1, field: 0})


def test_an_epochs_masks_do_not_depend_on_earlier_ones():
    seed_epoch(3, 0)
    torch.randn(7)
    seed_epoch(3, 1)
    first = torch.randn(3)
    seed_epoch(3, 1)
    assert torch.equal(first, torch.randn(3))


def test_a_part_that_stays_in_evaluation_mode_does_so_in_both_engines(tmp_path):
    class Kept(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    def model():
        torch.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(60, 8), Kept(8), nn.Linear(8, 3))

    plain, lit = model(), model()
    loop.fit(plain, classification, batches(), TRAINING, 5)
    fit(tmp_path, lit)
    for trained in (plain, lit):
        assert torch.equal(trained[2].running_mean, torch.zeros(8))
        assert torch.equal(trained[2].running_var, torch.ones(8))
    assert torch.equal(plain[1].weight, lit[1].weight)


def test_a_long_gradient_is_shortened_and_a_short_one_is_not():
    model = nn.Linear(3, 1)
    for length, clip, expected in ((5.0, 1.0, 1.0), (0.5, 1.0, 0.5), (5.0, None, 5.0)):
        model.weight.grad = torch.tensor([[length, 0.0, 0.0]])
        model.bias.grad = torch.zeros(1)
        clip_gradient(model, Training(epochs=1, clip=clip))
        assert model.weight.grad.norm().item() == pytest.approx(expected, rel=1e-4)
