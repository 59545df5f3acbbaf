"""Recorded runs: what is kept is enough to say everything again, a forgery is noticed, and the first steps can be
trained again anywhere."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from hw3.cli import main
from hw3.files import DataError
from hw3.nets.cnn import cnn
from hw3.store import digest
from hw3.studies import record as recording
from hw3.studies.record import (
    FIRST,
    LATER,
    Plan,
    compact,
    drawn,
    first_losses,
    read,
    read_arrays,
    record,
    recorded_precision,
    replay,
    replayed,
    shown,
    status,
    whole_run,
    write_arrays,
)
from hw3.studies.run import run
from hw3.train.losses import Classification, Distillation


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "project", lambda: tmp_path)
    return tmp_path / "book" / "recorded" / "rows"


class Oracle:
    """Knows the labels of all training images in every view."""

    needs = ()

    def __init__(self, experiment):
        self.what = {"teacher": "oracle"}
        labels = experiment.data.labels[experiment.split.train]
        views = 1 if experiment.shifts is None else 2 * experiment.shifts
        self.answers = torch.nn.functional.one_hot(labels, 3).half().expand(views, -1, -1)
        self.asked = 0

    def logits(self):
        self.asked += 1
        return self.answers


def taught(small, **changes):
    alone = small(name="rows/alone", histograms=False, **changes)
    return replace(alone, name="rows/taught", teacher=Oracle(alone), task=Distillation(0.5, 2.0))


def plan_of(*experiments, seeds=(0, 1), **more):
    return Plan("rows", tuple((e, seed) for seed in seeds for e in experiments), **more)


def confidence(experiment, result):
    return result.logits.softmax(1)


def test_a_record_says_what_its_runs_said(runs, small, folder):
    experiment = small(name="rows/alone")
    record(plan_of(experiment, looks={"rows/alone": {"sure": confidence}}), jobs=1)
    kept = read("rows")
    (arm,) = kept.arms("rows/alone")
    assert [r.seed for r in arm] == [0, 1]
    for recorded in arm:
        result = run(experiment, recorded.seed)
        assert torch.equal(recorded.logits.argmax(1), result.logits.argmax(1))
        torch.testing.assert_close(recorded.logits.softmax(1), result.logits.softmax(1), rtol=0.01, atol=1e-4)
        torch.testing.assert_close(
            recorded.look("sure").softmax(1), confidence(experiment, result).softmax(1), rtol=0.01, atol=1e-4
        )
        assert recorded.history == result.history
        assert recorded.test.confusion == result.test.confusion
        assert recorded.test.loss == pytest.approx(result.test.loss, abs=4e-3)
        assert (recorded.parameters, recorded.best_epoch) == (result.parameters, result.best_epoch)
        assert recorded.what == json.loads(json.dumps(result.what))
    assert torch.equal(kept.targets, experiment.data.labels[experiment.split.test])


def test_compact_logits_name_the_same_classes_with_the_same_probabilities():
    logits = 5 * torch.randn(2000, 10, generator=torch.Generator().manual_seed(0))
    logits[0] = torch.tensor([1.0, 1.0005, *[0.0] * 8])  # nearly a tie
    logits[1] = 300.0 * torch.arange(10)
    small = compact(logits)
    assert small.dtype == torch.float16
    assert torch.equal(small.argmax(1), logits.argmax(1))
    torch.testing.assert_close(small.float().softmax(1), logits.softmax(1), rtol=0.01, atol=1e-6)


def test_a_file_of_arrays_that_is_none_is_named(tmp_path):
    for content in (b"", b"no archive"):
        (tmp_path / "a.npz.xz").write_bytes(content)
        with pytest.raises(DataError, match="holds no arrays"):
            read_arrays(tmp_path / "a.npz.xz")


def test_what_is_recorded_is_not_made_again(runs, small, folder, untrained, request, monkeypatch):
    plan = plan_of(small(name="rows/alone"))
    assert [state for *_, state in status(plan)] == ["missing", "missing"]
    monkeypatch.undo()
    monkeypatch.setattr(recording, "project", lambda: folder.parent.parent.parent)
    monkeypatch.setenv("HW3_RUNS", str(runs))
    record(plan, jobs=1)
    assert [state for *_, state in status(plan)] == ["recorded", "recorded"]
    monkeypatch.setattr(recording, "run_all", lambda *_: pytest.fail("it trained"))
    record(plan, jobs=1)


def test_a_plan_is_recorded_in_its_own_order(runs, small, folder, monkeypatch):
    first, second = small(name="rows/first"), small(name="rows/second")
    order = []
    plan = Plan("rows", ((first, 0), (second, 0), (first, 1), (second, 1), (first, 2)))
    write = recording.write
    monkeypatch.setattr(recording, "write", lambda p, e, r, f: (order.append((e.name, r.seed)), write(p, e, r, f)))
    record(plan, jobs=1)
    assert order == [(e.name, seed) for e, seed in plan.runs]


def test_another_configuration_makes_a_record_stale(runs, small, folder):
    experiment = small(name="rows/alone")
    record(plan_of(experiment, seeds=(0,)), jobs=1)
    changed = replace(experiment, training=replace(experiment.training, learning_rate=0.04))
    assert [state for *_, state in status(plan_of(changed, seeds=(0,)))] == ["stale"]
    with pytest.raises(ValueError, match="another configuration"):
        replay(read("rows").arms("rows/alone")[0][0], changed)
    with pytest.raises(ValueError, match="another configuration"):
        whole_run(read("rows").arms("rows/alone")[0][0], changed)


@pytest.fixture
def one(runs, small, folder):
    """A recorded run of a student with a teacher."""
    experiment = taught(small)
    record(plan_of(experiment, seeds=(0,)), jobs=1)
    return folder, experiment


def rewrite(folder, change):
    """Change the file's values, and forge its checksum too."""
    path = folder / "taught-seed0.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["checksum"]
    change(values)
    path.write_text(json.dumps(values | {"checksum": digest(values)}), encoding="utf-8")


def test_an_edited_file_is_noticed(one):
    folder, experiment = one
    path = folder / "taught-seed0.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"best_epoch": ', '"best_epoch": 1'), encoding="utf-8")
    with pytest.raises(DataError, match="changed after it was recorded"):
        read("rows")
    assert status(plan_of(experiment, seeds=(0,)))[0][2].startswith("damaged")


def test_forged_logits_are_noticed_even_with_a_forged_checksum(one):
    folder, _ = one
    path = folder / "taught-seed0.npz.xz"
    (labels,) = folder.glob("labels-*.npz.xz")
    all_right = 10 * torch.nn.functional.one_hot(read_arrays(labels)["test"].long(), 3).half()
    write_arrays(path, read_arrays(path) | {"test": all_right})
    with pytest.raises(DataError, match="is not what was recorded"):
        read("rows")
    rewrite(folder, lambda values: values.update(arrays=recording.sha256(path)))
    with pytest.raises(DataError, match="history says"):
        read("rows")


def test_a_swapped_label_is_noticed(one):
    folder, _ = one
    (path,) = folder.glob("labels-*.npz.xz")
    labels = read_arrays(path)
    write_arrays(path, labels | {"test": labels["test"].roll(1)})
    with pytest.raises(DataError, match="history says"):
        read("rows")


def test_an_edited_configuration_is_noticed(one):
    folder, experiment = one
    rewrite(folder, lambda values: values["what"]["training"].update(epochs=3))
    assert [state for *_, state in status(plan_of(experiment, seeds=(0,)))] == ["stale"]


def test_the_first_steps_agree_to_the_bit_and_ask_no_teacher(one):
    _, experiment = one
    asked = experiment.teacher.asked
    again = replay(read("rows").arms("rows/taught")[0][0], experiment)
    assert (again.equal, again.agrees, again.alike, again.changed) == (True, True, True, False)
    assert (again.first, again.later) == (0, 0)
    assert again.steps == 2 * len(experiment.batches(0))  # the whole training is shorter than the kept steps
    assert experiment.teacher.asked == asked + 1  # by this test alone


def test_a_changed_loss_does_not_agree(one):
    _, experiment = one
    recorded = read("rows").arms("rows/taught")[0][0]
    other = replace(experiment, task=Distillation(0.4, 2.0))
    forged = replace(recorded, what=json.loads(json.dumps(other.what)))
    assert not replay(forged, other).agrees
    elsewhere = replace(recorded, trace=tuple(loss + 2 * FIRST for loss in recorded.trace))
    assert not replay(elsewhere, experiment).agrees


def test_on_another_machine_small_differences_agree(one, monkeypatch):
    _, experiment = one
    recorded = read("rows").arms("rows/taught")[0][0]
    monkeypatch.setattr(recording, "capability", lambda: "another")
    first, *later = recorded.trace
    near = replace(recorded, trace=(first + FIRST / 2, *(loss + LATER / 2 for loss in later)))
    assert replay(near, experiment).agrees
    far = replace(recorded, trace=(first + 2 * FIRST, *later))
    assert not replay(far, experiment).agrees
    drifted = replace(recorded, trace=(first, *(loss + 2 * LATER for loss in later)))
    assert not replay(drifted, experiment).agrees


def test_changed_code_is_said(one, monkeypatch):
    _, experiment = one
    recorded = replace(read("rows").arms("rows/taught")[0][0], code={"ours": "of yesterday"})
    again = replay(recorded, experiment)
    assert again.changed
    assert again.agrees  # its losses still do


def test_the_trace_is_that_of_the_run(runs, small):
    """The mean of an epoch's first losses is what the history says of that epoch."""
    experiment = small(name="rows/alone")
    losses, answers = first_losses(experiment, 3, "32-true", steps=len(experiment.batches(3)))
    assert np.mean(losses) == pytest.approx(run(experiment, 3).history[0]["loss/train"])
    assert answers == []


def test_a_run_without_first_losses_cannot_be_replayed(runs, small, folder):
    experiment = small(name="rows/alone")
    record(plan_of(experiment, seeds=(0,), untraced=("rows/alone",)), jobs=1)
    with pytest.raises(ValueError, match="without its first losses"):
        replay(read("rows").arms("rows/alone")[0][0], experiment)


def test_a_whole_run_can_be_repeated(one, runs):
    _, experiment = one
    recorded = read("rows").arms("rows/taught")[0][0]
    again = whole_run(recorded, experiment)
    assert again.history[-1]["loss/test"] == recorded.history[-1]["loss/test"]
    assert not again.folder.exists()  # its own store is gone


def test_what_is_replayed_is_drawn_from_what_can_be(runs, small, folder):
    alone, other = small(name="rows/alone"), small(name="rows/other")
    record(plan_of(alone, other, untraced=("rows/other",)), jobs=1)
    assert drawn(read("rows")).name == "rows/alone"


def test_pages_show_the_record_or_else_their_own_runs(runs, small, folder):
    alone, wide = small(name="rows/alone"), small(name="rows/wide", network=partial(cnn, widths=(6, 6)))
    assert not shown("rows", [alone, wide], (5, 6)).recorded
    record(plan_of(alone), jobs=1)
    mixed = shown("rows", [alone, wide], (5, 6))
    assert not mixed.recorded
    assert [r.seed for r in mixed.groups["rows/wide"]] == [5, 6]
    record(plan_of(wide, seeds=(0, 1, 2)), jobs=1)
    both = shown("rows", [alone, wide], (5, 6))
    assert both.recorded
    assert [r.seed for r in both.groups["rows/wide"]] == [0, 1]  # paired
    assert "recorded" in both.words


def test_a_damaged_record_is_not_passed_over(one, small):
    folder, experiment = one
    record(plan_of(experiment), jobs=1)
    (folder / "taught-seed0.npz.xz").write_bytes(b"")
    with pytest.raises(DataError, match="not what was recorded"):
        shown("rows", [experiment], (0,))


def test_what_is_not_recorded_is_named(one):
    with pytest.raises(DataError, match="rows/alone is not recorded"):
        read("rows").arms("rows/alone")
    with pytest.raises(DataError, match="nothing is recorded"):
        read("columns")
    with pytest.raises(DataError, match="weights of rows/taught, seed 0"):
        _ = read("rows").arms("rows/taught")[0][0].weights


def test_smoothing_is_recorded_as_any_task(runs, small, folder):
    record(plan_of(small(name="rows/smooth", task=Classification(0.1)), seeds=(0,)), jobs=1)
    assert read("rows").arms("rows/smooth")[0][0].what["task"]["label_smoothing"] == 0.1


@pytest.fixture
def command(monkeypatch, one):
    """``hw3`` with the plan of ``one``, under the name of a study that it knows."""
    folder, experiment = one
    folder.rename(folder.with_name("shoes"))
    named = replace(experiment, name="shoes/taught")
    for path in folder.with_name("shoes").glob("*.json"):
        forged = json.loads(path.read_text(encoding="utf-8")) | {"name": "shoes/taught"}
        del forged["checksum"]
        path.write_text(json.dumps(forged | {"checksum": digest(forged)}), encoding="utf-8")
    plan = Plan("shoes", ((named, 0), (named, 1)))
    monkeypatch.setattr("hw3.studies.experiments.plan", lambda *_: plan)
    return main


def test_the_command_says_what_is_recorded_and_what_is_missing(command, capsys):
    assert command(["record", "shoes", "--status"]) == 0
    told = capsys.readouterr().out
    assert "shoes/taught                             seed 0  recorded" in told
    assert "seed 1  missing" in told
    assert "1 of 2 runs are recorded" in told


def test_the_command_trains_the_first_steps_or_all_of_a_run_again(command, capsys):
    assert command(["replay", "shoes/taught", "--steps"]) == 0
    assert "first loss 0 nats off" in capsys.readouterr().out
    assert command(["replay", "shoes/taught"]) == 0
    recorded, again = capsys.readouterr().out.splitlines()
    assert recorded.split()[1:3] == again.split()[1:3]  # the accuracy; the recorded loss is rounded


def test_the_command_names_what_is_not_recorded(command, capsys):
    assert command(["replay", "shoes/taught", "--seed", "7"]) == 2
    assert "shoes/taught, seed 7, is not recorded" in capsys.readouterr().err
    assert command(["replay", "mine/wide"]) == 2
    assert "'mine/wide' is not recorded; the records are shoes and distillation" in capsys.readouterr().err


def test_later_runs_share_the_precision_of_what_is_recorded(one):
    assert recorded_precision("rows") == "32-true"
    assert recorded_precision("columns") is None


def test_a_plan_that_this_machine_cannot_repeat_is_said_to_be_so(one):
    _, experiment = one
    again = replayed(plan_of(experiment, seeds=(0,)))
    assert again.agrees
    other = replace(experiment, data=replace(experiment.data, labels=experiment.data.labels.flip(0)))
    assert "not at hand here" in replayed(plan_of(other, seeds=(0,)))
    changed = replace(experiment, task=Distillation(0.1, 2.0))
    with pytest.raises(ValueError, match="another configuration"):
        replayed(plan_of(changed, seeds=(0,)))


def test_a_record_that_this_code_does_not_compute_fails_the_build(one, monkeypatch):
    folder, experiment = one
    rewrite(folder, lambda values: values.update(trace=[loss + 1 for loss in values["trace"]]))
    with pytest.raises(RuntimeError, match=r"rows/taught, seed 0, trained again for .* first loss is 1 nats off"):
        replayed(plan_of(experiment, seeds=(0,)))
