"""The one loop does what ten plain lines do, to the bit; a killed training ends as if it had not been."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.nn import functional as F

from hw3.data.batches import Batches
from hw3.data.views import views
from hw3.nets.build import build
from hw3.nets.cnn import cnn
from hw3.train.best import Best
from hw3.train.device import fabric
from hw3.train.loop import fit, predict
from hw3.train.losses import Classification, Distillation
from hw3.train.settings import Training, optimizer_and_schedule

TRAINING = Training(epochs=3, batch_size=8)


def images_and_labels(count=36):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 12, 12), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 3, (count,), generator=generator)


def network(regularize="dropblock"):
    """Batch norm, masks whose rate grows, everything that has a state."""
    return build(partial(cnn, widths=(4, 6), regularize=regularize, rate=0.3), images_and_labels()[0], 3, seed=1)


def batches(**options):
    return Batches(*images_and_labels(), batch_size=8, seed=5, **options)


def plain(model, task, batches, training, seed, cast=False):
    """What the loop is held against."""
    steps = training.epochs * len(batches)
    optimizer, schedule = optimizer_and_schedule(model, training, steps)
    for epoch in range(training.epochs):
        torch.manual_seed(seed * 1_000_003 + epoch)
        for step, batch in enumerate(batches.epoch(epoch), start=epoch * len(batches)):
            for layer in model.modules():
                layer.progress = step / steps
            with torch.autocast("cpu", torch.bfloat16, enabled=cast):
                loss = task(model.train(), batch)["loss"]
            optimizer.zero_grad()
            loss.backward()
            if training.clip:
                nn.utils.clip_grad_norm_(model.parameters(), training.clip)
            optimizer.step()
            schedule.step()


def watched(model, task, steps):
    """``task``, keeping all numbers of ``model`` before each step."""

    def step(net, batch):
        steps.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return task(net, batch)

    return step


def equal(one, other):
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("changes", [{}, {"clip": 0.1}, {"schedule": "constant", "learning_rate": 0.01}])
def test_it_equals_a_bare_loop_after_every_step(precision, changes):
    training = replace(TRAINING, precision=precision, **changes)
    ours, theirs = network(), network()
    first, second = [], []
    fit(fabric(precision), ours, watched(ours, Classification(), first), batches(), training, 5)
    plain(theirs, watched(theirs, Classification(), second), batches(), training, 5, precision == "bf16-mixed")
    assert len(first) == len(second) == 3 * 4
    assert all(equal(one, other) for one, other in zip(first, second, strict=True))
    assert equal(ours.state_dict(), theirs.state_dict())
    assert not torch.equal(first[0]["1.0.0.0.weight"], first[-1]["1.0.0.0.weight"])


def test_it_equals_a_bare_loop_with_a_teacher():
    logits = torch.randn(4, 36, 3, generator=torch.Generator().manual_seed(2))
    taught = partial(batches, views=views(2), teacher_logits=logits)
    ours, theirs = network(), network()
    fit(fabric("32-true"), ours, Distillation(0.7, 2.0), taught(), TRAINING, 5)
    plain(theirs, Distillation(0.7, 2.0), taught(), TRAINING, 5)
    assert equal(ours.state_dict(), theirs.state_dict())


def test_a_row_tells_the_mean_over_the_images_it_saw():
    model, losses, right = network("none"), [], []

    def task(net, batch):
        result = Classification()(net, batch)
        losses.append(F.cross_entropy(result["logits"].detach(), batch[1], reduction="none"))
        right.append((result["logits"].argmax(1) == batch[1]).float())
        return result

    history = fit(fabric("32-true"), model, task, batches(), TRAINING, 5)
    assert [set(row) for row in history] == [{"loss/train", "accuracy/train", "seconds"}] * 3
    for epoch, row in enumerate(history):
        part = slice(4 * epoch, 4 * epoch + 4)
        assert row["loss/train"] == pytest.approx(torch.cat(losses[part]).mean().item(), rel=1e-5)
        assert row["accuracy/train"] == pytest.approx(torch.cat(right[part]).mean().item())
        assert row["seconds"] > 0


def test_drop_rates_grow_from_nothing_to_the_end():
    model, seen = network(), []

    def task(net, batch):
        seen.append([layer.progress for layer in model.modules() if hasattr(layer, "progress")])
        return Classification()(net, batch)

    fit(fabric("32-true"), model, task, batches(), TRAINING, 5)
    assert [set(step) for step in seen] == [{step / 12} for step in range(12)]


def test_a_training_that_diverges_ends_like_any_other(tmp_path):
    wild = replace(TRAINING, learning_rate=1e20)
    model, part = network(), images_and_labels()
    best = Best(fabric("32-true"), part, part, tmp_path / "tensorboard", weights=True)
    history = fit(fabric("32-true"), model, Classification(), batches(), wild, 5, tmp_path, best)
    assert len(history) == len(best.histograms) == 3
    assert not torch.isfinite(torch.tensor(history[-1]["loss/validation"]))


def test_a_part_that_stays_in_evaluation_mode_does_so():
    class Kept(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    class Pixels(nn.Module):
        def forward(self, images):
            return images.float().flatten(1) / 255

    torch.manual_seed(1)
    model = nn.Sequential(Pixels(), nn.Linear(432, 8), Kept(8), nn.Linear(8, 3))
    fit(fabric("32-true"), model, Classification(), batches(), TRAINING, 5)
    assert torch.equal(model[2].running_mean, torch.zeros(8))
    assert torch.equal(model[2].running_var, torch.ones(8))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_prediction_is_that_of_the_network_and_restores_its_modes(precision):
    model, (images, _) = network().train(), images_and_labels()
    model[1][0].eval()
    modes = [part.training for part in model.modules()]
    logits = predict(fabric(precision), model, images, batch_size=7)
    assert [part.training for part in model.modules()] == modes
    with torch.no_grad():
        expected = model.eval()(images)
    assert logits.dtype == torch.float32
    assert not logits.requires_grad
    close = {"rtol": 1e-4, "atol": 1e-5} if precision == "32-true" else {"rtol": 0.1, "atol": 0.1}
    assert torch.allclose(logits, expected, **close)
    assert torch.equal(logits, expected) or precision == "bf16-mixed" or len(images) % 7


def followed(folder, model, task=None, epochs=3):
    """A training with everything that is kept beside it; (history, best)."""
    images, labels = images_and_labels()
    device = fabric("32-true")
    best = Best(device, (images[:20], labels[:20]), (images[20:], labels[20:]), folder / "tensorboard", weights=True)
    training = replace(TRAINING, epochs=epochs)
    history = fit(device, model, task or Classification(), batches(), training, 5, folder, best)
    best.board.write(history, best.histograms)
    best.board.close()
    return history, best


def told(folder, model, history, best):
    """All that a training ends with, as one comparable value; TensorBoard's copy too."""
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "histograms": 0}).Reload()
    names = [name for name in events.Tags()["scalars"] if name != "seconds"]
    return {
        "weights": {name: tensor.tolist() for name, tensor in model.state_dict().items()},
        "history": [{name: value for name, value in row.items() if name != "seconds"} for row in history],
        "best": [best.state["epoch"], best.state["validation"].tolist(), best.state["test"].tolist()],
        "best weights": {name: tensor.tolist() for name, tensor in best.state["weights"].items()},
        "histograms": best.histograms,
        "tensorboard": {name: [(event.step, event.value) for event in events.Scalars(name)] for name in sorted(names)},
        "drawn": {
            name: [(event.step, event.histogram_value.num) for event in events.Histograms(name)]
            for name in sorted(events.Tags()["histograms"])
        },
    }


def whole_training(folder):
    model = network()
    return told(folder, model, *followed(folder, model))


KILLED = """
import json, os, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {here!r})
import test_loop as t
from hw3.train.losses import Classification
import torch.utils.tensorboard
root, expected = Path({root!r}), json.loads(Path({expected!r}).read_text())
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "tempfile.mkdtemp")
count, limit = 0, 0

def audit(event, arguments):
    global count
    writes = event == "open" and isinstance(arguments[1], str) and arguments[1][:1] in "wxa"
    if limit and (writes or event in CHANGES) and str(root) in str(arguments[0]):
        count += 1
        if count == limit:
            os.kill(os.getpid(), 9)

sys.addaudithook(audit)

def in_a_child(call):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            call()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def killed_at_a_file_operation(folder, number):
    global limit
    limit = number
    t.whole_training(folder)

def killed_at_a_step(folder, number):
    steps = 0
    def task(model, batch):
        nonlocal steps
        steps += model.training
        if steps == number:
            os.kill(os.getpid(), 9)
        return Classification()(model, batch)
    t.followed(folder, t.network(), task)

def goes_on(folder):
    again = json.loads(json.dumps(t.whole_training(folder)))
    different = [name for name in expected if again[name] != expected[name]]
    assert not different, (folder, different)

for kind, call, every in (("file", killed_at_a_file_operation, {every}), ("step", killed_at_a_step, 1)):
    number, kills = 1, 0
    while in_a_child(lambda: call(root / f"{{kind}}{{number}}", number)) == -9:
        kills += 1
        assert in_a_child(lambda: goes_on(root / f"{{kind}}{{number}}")) == 0, (kind, number)
        number += every
    print(kind, kills)
"""


def test_a_training_that_is_killed_at_any_moment_ends_as_if_it_had_not_been(tmp_path):
    """At each step, and before each change of a file: weights, history, best epoch, histograms, TensorBoard's copy."""
    expected = tmp_path / "expected.json"
    with torch.random.fork_rng():
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        expected.write_text(json.dumps(whole_training(tmp_path / "whole")))
        torch.set_num_threads(before)
    values = {"here": str(Path(__file__).parent), "root": str(tmp_path / "killed"), "expected": str(expected)}
    done = subprocess.run([sys.executable, "-c", KILLED.format(**values, every=1)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    kills = dict(line.split() for line in done.stdout.splitlines())
    assert int(kills["step"]) == 12
    assert int(kills["file"]) >= 12


@pytest.mark.parametrize(
    "damage", [lambda c: b"", lambda c: c[:999], lambda c: c[:999] + bytes([c[999] ^ 1]) + c[1000:]]
)
def test_a_damaged_checkpoint_starts_again_with_one_line_and_ends_equal(tmp_path, capsys, damage):
    expected = whole_training(tmp_path / "whole")
    followed(tmp_path / "damaged", network())
    checkpoint = tmp_path / "damaged" / "last.ckpt"
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    capsys.readouterr()
    assert whole_training(tmp_path / "damaged") == expected
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{checkpoint} is damaged; the training starts again" in line


def test_stray_files_beside_the_checkpoint_are_passed_over(tmp_path, capsys):
    expected = whole_training(tmp_path / "whole")
    torn = tmp_path / "torn"
    (torn / "tensorboard").mkdir(parents=True)
    for name in ("last (1).ckpt", "._last.ckpt", "epoch0.ckpt", ".DS_Store", "tensorboard/._events", "Thumbs.db"):
        (torn / name).write_bytes(b"junk")
    assert whole_training(torn) == expected
    assert capsys.readouterr().err == ""


def test_tensorboards_copy_is_whole_after_a_resume_even_if_it_was_lost(tmp_path):
    """Nothing is left to train, and the files are gone."""
    expected = whole_training(tmp_path / "a")
    for path in (tmp_path / "a" / "tensorboard").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert whole_training(tmp_path / "a") == expected


def test_a_finished_training_trains_nothing(tmp_path):
    first, second = network(), network()
    followed(tmp_path, first)
    history, _ = followed(tmp_path, second, lambda *_: pytest.fail("it trained"))
    assert len(history) == 3
    assert equal(first.state_dict(), second.state_dict())


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(fabric("32-true"), network(), Classification(), batches(), TRAINING, 5)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown_where_it_is_wanted(capsys):
    fit(fabric("32-true"), network(), Classification(), batches(), TRAINING, 5, progress=True)
    assert "12/12" in capsys.readouterr().err
    fit(fabric("32-true"), network(), Classification(), batches(), TRAINING, 5)
    assert capsys.readouterr().err == ""


SHARED = """
import sys, torch
from pathlib import Path
from torch import nn
from hw3.data.batches import Batches
from hw3.data.views import views
from hw3.train.device import fabric, first_process
from hw3.train.loop import fit
from hw3.train.losses import Distillation
from hw3.train.settings import Training

devices, out = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=generator)
labels = torch.randint(0, 3, (50,), generator=generator)
logits = torch.randn(4, 50, 3, generator=generator)

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)  # no batch norm: each process would see the statistics of its own share
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(), nn.Linear(16, 3))
    def forward(self, x):
        return self.body(x.float() / 255)

device = fabric("32-true", devices)
model = Scaled()
batches = Batches(images, labels, 8 // devices, 5, views(2), logits, share=(device.global_rank, devices))
training = Training(epochs=3, batch_size=8)
history = fit(device, model, Distillation(0.7, 2.0), batches, training, 5, Path(out[:-3]))
if first_process():
    torch.save([model.state_dict(), history], out)
"""
PLACES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "PYTEST_CURRENT_TEST")


def test_two_processes_equal_one_at_the_same_global_batch(tmp_path):
    (tmp_path / "script.py").write_text(SHARED)
    variables = {name: value for name, value in os.environ.items() if name not in PLACES}
    ends = []
    for devices in ("1", "2"):
        out = str(tmp_path / f"{devices}.pt")
        command = [sys.executable, "script.py", devices, out]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        ends.append(torch.load(out, weights_only=True))
    (alone, history), (shared, shared_history) = ends
    assert all(torch.allclose(alone[name], shared[name], rtol=1e-4, atol=1e-6) for name in alone)
    for row, other in zip(history, shared_history, strict=True):
        assert row["loss/train"] == pytest.approx(other["loss/train"], rel=1e-4)
        assert row["accuracy/train"] == pytest.approx(other["accuracy/train"])
