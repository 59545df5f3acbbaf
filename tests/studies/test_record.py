"""Recorded runs: what is kept is enough to say everything again, and a forgery is noticed."""

import json
from copy import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from hw3.files import DataError
from hw3.studies import record as recording
from hw3.studies.record import Plan, compact, is_of, read, read_arrays, record, recorded_precision, status, write_arrays
from hw3.studies.run import run
from hw3.train.losses import Classification


def confidence(experiment, result):
    return result.logits.softmax(1)


def test_a_record_says_what_its_runs_said(runs, small, folder, plan_of):
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


def test_asking_what_is_recorded_trains_nothing(runs, small, folder, untrained, plan_of):
    assert [state for *_, state in status(plan_of(small(name="rows/alone")))] == ["missing", "missing"]


def test_what_is_recorded_is_not_made_again(runs, small, folder, monkeypatch, plan_of):
    plan = plan_of(small(name="rows/alone"))
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


def test_another_configuration_makes_a_record_stale(runs, small, folder, plan_of):
    experiment = small(name="rows/alone")
    record(plan_of(experiment, seeds=(0,)), jobs=1)
    changed = replace(experiment, training=replace(experiment.training, learning_rate=0.04))
    assert [state for *_, state in status(plan_of(changed, seeds=(0,)))] == ["stale"]


def test_versions_and_code_of_a_teacher_are_not_its_configuration(one, plan_of):
    _, experiment = one
    (recorded,) = read("rows").groups["rows/taught"]
    taught = [replace(experiment, teacher=copy(experiment.teacher)) for _ in range(2)]
    taught[0].teacher.what = {"teacher": "oracle", "key": "made by another version", "run": "1"}
    taught[1].teacher.what = {"teacher": "another", "key": "made by another version", "run": "1"}
    assert [is_of(recorded, e) for e in taught] == [True, False]


def test_a_student_is_stale_where_the_run_that_its_teacher_needs_is(one, small, plan_of):
    _, experiment = one
    alone = small(name="rows/alone")
    experiment.teacher.needs = [(alone, 0)]
    plan = plan_of(experiment, seeds=(0,))
    assert [state for *_, state in status(plan)] == ["recorded"]  # the other is not recorded
    record(plan_of(alone, seeds=(0,)), jobs=1)
    assert [state for *_, state in status(plan)] == ["recorded"]
    experiment.teacher.needs = [(replace(alone, training=replace(alone.training, epochs=5)), 0)]
    assert [state for *_, state in status(plan)] == ["stale"]


def test_an_edited_file_is_noticed(one, plan_of):
    folder, experiment = one
    path = folder / "taught-seed0.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"best_epoch": ', '"best_epoch": 1'), encoding="utf-8")
    with pytest.raises(DataError, match="changed after it was recorded"):
        read("rows")
    assert status(plan_of(experiment, seeds=(0,)))[0][2].startswith("damaged")


def test_forged_logits_are_noticed_even_with_a_forged_checksum(one, rewrite):
    folder, _ = one
    path = folder / "taught-seed0.npz.xz"
    (labels,) = folder.glob("labels-*.npz.xz")
    all_right = 10 * F.one_hot(read_arrays(labels)["test"].long(), 3).half()
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


def test_an_edited_configuration_is_noticed(one, plan_of, rewrite):
    folder, experiment = one
    rewrite(folder, lambda values: values["what"]["training"].update(epochs=3))
    assert [state for *_, state in status(plan_of(experiment, seeds=(0,)))] == ["stale"]


def test_what_is_not_recorded_is_named(one):
    with pytest.raises(DataError, match="rows/alone is not recorded"):
        read("rows").arms("rows/alone")
    with pytest.raises(DataError, match="nothing is recorded"):
        read("columns")
    with pytest.raises(DataError, match="weights of rows/taught, seed 0"):
        _ = read("rows").arms("rows/taught")[0][0].weights


def test_smoothing_is_recorded_as_any_task(runs, small, folder, plan_of):
    record(plan_of(small(name="rows/smooth", task=Classification(0.1)), seeds=(0,)), jobs=1)
    assert read("rows").arms("rows/smooth")[0][0].what["task"]["label_smoothing"] == 0.1


def test_later_runs_share_the_precision_of_what_is_recorded(one):
    assert recorded_precision("rows") == "32-true"
    assert recorded_precision("columns") is None
