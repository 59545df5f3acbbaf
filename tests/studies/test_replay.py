"""A recorded run is trained again: its first steps to the bit, or elsewhere within what is allowed, and all of it."""

import json
from dataclasses import replace

import pytest

from hw3.cli import main
from hw3.studies import replay as replaying
from hw3.studies.record import Plan, read, record
from hw3.studies.replay import FIRST, LATER, drawn, find, replay, replayed, whole_run
from hw3.train.losses import Distillation


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
    monkeypatch.setattr(replaying, "capability", lambda: "another")
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


def test_where_nothing_is_recorded_nothing_is_replayed(small, folder, plan_of):
    assert "No run of this study is recorded yet" in replayed(plan_of(small(name="rows/alone")))


def test_a_run_without_first_losses_cannot_be_replayed(runs, small, folder, plan_of):
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


def test_what_is_replayed_is_drawn_from_what_can_be(runs, small, folder, plan_of):
    alone, other = small(name="rows/alone"), small(name="rows/other")
    record(plan_of(alone, other, untraced=("rows/other",)), jobs=1)
    assert drawn(read("rows")).name == "rows/alone"


def test_a_plan_that_this_machine_cannot_repeat_is_said_to_be_so(one, plan_of):
    _, experiment = one
    again = replayed(plan_of(experiment, seeds=(0,)))
    assert again.agrees
    other = replace(experiment, data=replace(experiment.data, labels=experiment.data.labels.flip(0)))
    assert "not at hand here" in replayed(plan_of(other, seeds=(0,)))
    changed = replace(experiment, task=Distillation(0.1, 2.0))
    with pytest.raises(ValueError, match="another configuration"):
        replayed(plan_of(changed, seeds=(0,)))


def test_a_record_that_this_code_does_not_compute_fails_the_build(one, monkeypatch, plan_of, rewrite):
    folder, experiment = one
    rewrite(folder, lambda values: values.update(trace=[loss + 1 for loss in values["trace"]]))
    with pytest.raises(RuntimeError, match=r"rows/taught, seed 0, trained again for .* first loss is 1 nats off"):
        replayed(plan_of(experiment, seeds=(0,)))


def test_another_configuration_is_not_replayed(one):
    _, experiment = one
    recorded, changed = read("rows").arms("rows/taught")[0][0], replace(experiment, task=Distillation(0.1, 2.0))
    for again in (replay, whole_run):
        with pytest.raises(ValueError, match="another configuration"):
            again(recorded, changed)


def test_a_run_is_found_by_its_name_and_seed(one, plan_of):
    _, experiment = one
    recorded, planned = find(plan_of(experiment), "rows/taught", 0)
    assert (recorded.name, recorded.seed, planned) == ("rows/taught", 0, experiment)
    with pytest.raises(KeyError, match="rows/taught, seed 7, is not recorded"):
        find(plan_of(experiment), "rows/taught", 7)
    with pytest.raises(KeyError, match="rows/wide is not recorded"):
        find(plan_of(experiment), "rows/wide", 0)


# As the command asks for it


@pytest.fixture
def command(monkeypatch, one, rewrite):
    """``hw3`` with the plan of ``one``, under the name of a study that it knows."""
    folder, experiment = one
    named = replace(experiment, name="shoes/taught")
    rewrite(folder.rename(folder.with_name("shoes")), lambda values: values.update(name=named.name))
    monkeypatch.setattr("hw3.studies.experiments.plan", lambda *_: Plan("shoes", ((named, 0), (named, 1))))
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
    assert "'mine/wide' is not recorded; the records are shoes, distillation, search" in capsys.readouterr().err
