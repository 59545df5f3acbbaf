"""Runs on scikit-learn's digits: stored once, reused, made again when anything that matters changed or is damaged."""

import json
import multiprocessing
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hw3.data import load, split
from hw3.lab import alike, experiments, store
from hw3.lab.material import SPLIT_SEED
from hw3.lab.parallel import run_all
from hw3.lab.profiles import PROFILES, profile
from hw3.lab.run import choose, run
from hw3.learn.metrics import score
from hw3.learn.precision import Precision

SMOKE = PROFILES["smoke"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def stamp(result):
    return (result.folder / "result.json").stat().st_mtime_ns


def test_a_result_is_complete_and_true(runs):
    result = run("shoes/mlp", 0, SMOKE)
    data = load("shoes", source="digits", quiet=True)
    targets = data.labels[split(data, seed=SPLIT_SEED).test]
    assert result.test == score(result.logits, targets)
    assert set(result.curves) == {f"{q}/{p}" for q in ("loss", "accuracy") for p in ("train", "validation", "test")} | {
        "seconds"
    }
    assert result.epochs == SMOKE.epochs
    assert result.curves["accuracy/test"][result.best_epoch - 1] == pytest.approx(result.test.accuracy)
    assert result.validation_accuracy == max(result.curves["accuracy/validation"])
    assert result.stand_in
    assert result.weights["1.1.weight"].shape[0] > 1
    assert (result.folder / "last.ckpt").exists()


def test_a_stored_result_is_reused_and_the_same_run_gives_the_same(runs, tmp_path, monkeypatch):
    first = run("shoes/mlp", 0, SMOKE)
    assert stamp(run("shoes/mlp", 0, SMOKE)) == stamp(first)
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "elsewhere"))
    again = run("shoes/mlp", 0, SMOKE)
    assert again.key == first.key
    assert again.test == first.test
    assert torch.equal(again.logits, first.logits)
    assert run("shoes/mlp", 1, SMOKE).test != first.test


@pytest.mark.parametrize("file", ["best.pt", "last.ckpt", "test_logits.pt", "result.json"])
def test_a_damaged_entry_is_made_again(runs, capsys, file):
    first = run("shoes/mlp", 0, SMOKE)
    path = first.folder / file
    path.write_bytes(path.read_bytes()[:-20])
    again = run("shoes/mlp", 0, SMOKE)
    assert "is damaged and will be made again" in capsys.readouterr().out
    assert again.test == first.test
    assert stamp(run("shoes/mlp", 0, SMOKE)) == stamp(again)


def test_lost_curves_and_an_edited_result_are_noticed(runs, capsys):
    first = run("shoes/mlp", 0, SMOKE)
    for path in (first.folder / "tensorboard").iterdir():
        path.unlink()
    again = run("shoes/mlp", 0, SMOKE)
    assert "is damaged" in capsys.readouterr().out
    assert list((again.folder / "tensorboard").iterdir())
    record = (again.folder / "result.json").read_text()
    (again.folder / "result.json").write_text(record.replace('"seed": 0', '"seed": 1', 1))
    assert run("shoes/mlp", 0, SMOKE).seed == 0
    assert "was edited" in capsys.readouterr().out


def test_all_arms_of_a_study_compute_alike(runs):
    mlp, cnn = run("shoes/mlp", 0, SMOKE), run("shoes/cnn", 0, SMOKE)
    assert mlp.precision == cnn.precision


def test_a_later_arm_computes_as_the_first_did_whatever_is_fastest_now(runs, monkeypatch):
    """The store was copied to a machine where another precision is the fastest."""
    monkeypatch.setattr(alike, "fastest", lambda *_: Precision(channels_last=True))
    assert run("shoes/mlp", 0, SMOKE).precision == "fp32, channels last"
    monkeypatch.setattr(alike, "fastest", lambda *_: Precision())
    assert run("shoes/mlp", 1, SMOKE).precision == "fp32, channels last"
    shutil.rmtree(runs)
    assert run("shoes/mlp", 1, SMOKE).precision == "fp32"


def test_the_key_follows_everything_that_matters(monkeypatch):
    config = experiments.experiment("shoes/mlp", SMOKE)
    key = store.key(config, 0, SMOKE, "data")
    others = [
        store.key(config, 1, SMOKE, "data"),
        store.key(config, 0, PROFILES["book"], "data"),
        store.key(config, 0, SMOKE, "other data"),
        store.key(replace(config, training=replace(config.training, learning_rate=0.1)), 0, SMOKE, "data"),
        store.key(replace(config, options={**config.options, "dropout": 0.1}), 0, SMOKE, "data"),
    ]
    monkeypatch.setattr(store, "code_digest", lambda data: "other code")
    others.append(store.key(config, 0, SMOKE, "data"))
    monkeypatch.undo()
    monkeypatch.setattr(store, "versions", lambda: {"torch": "0"})
    others.append(store.key(config, 0, SMOKE, "data"))
    monkeypatch.undo()
    assert len({key, *others}) == len(others) + 1
    assert store.key(config, 0, SMOKE, "data") == key


def test_the_code_digest_covers_what_a_run_imports():
    """Every module of hw3 that training loads is in the digest, or is configuration that the key holds itself."""
    code = "import sys, hw3.lab.run, hw3.learn.engine; print(*[m for m in sys.modules if m.startswith('hw3.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    free = {"hw3.paths", "hw3.lab", *(f"hw3.lab.{name}" for name in ("store", "experiments", "profiles", "progress"))}
    digested = {m for m in loaded if m.split(".")[1] in ("data", "nets", "learn")}
    digested |= {f"hw3.lab.{Path(name).stem}" for name in store.OF_A_STUDY["cifar10"]}
    assert set(loaded) - digested <= free


def _run_in_process(folder):
    import os

    os.environ["HW3_RUNS"] = folder
    run("shoes/mlp", 0, SMOKE)


def test_two_processes_do_the_same_run_once(runs):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_run_in_process, args=(str(runs),)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    events = list(runs.glob("shoes/mlp/*/tensorboard/events*"))
    assert len(events) == 2  # one writer trained, one wrote the test curve; a second run would have added two


def test_many_runs_in_processes_equal_one_at_a_time(runs, tmp_path, monkeypatch):
    many = run_all(["shoes/mlp", "shoes/mlp-dropout"], seeds=(0, 1), profile_name="smoke", jobs=2)
    assert [r.seed for r in many["shoes/mlp-dropout"]] == [0, 1]
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "alone"))
    assert run("shoes/mlp-dropout", 1, SMOKE).test == many["shoes/mlp-dropout"][1].test


def test_more_devices_than_there_are_are_refused(runs, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="4 devices were asked for and this machine has 2 GPUs"):
        run("shoes/mlp", 0, SMOKE, devices=4)


def test_the_best_epoch_is_the_most_accurate_then_the_surest():
    assert choose([0.8, 0.9, 0.7], [1, 2, 3], kept=(1, 2, 3)) == 2
    assert choose([0.9, 0.9, 0.9], [0.3, 0.1, 0.2], kept=(1, 2, 3)) == 2
    assert choose([0.9, 0.9, 0.9], [0.3, 0.1, 0.2], kept=(1, 3)) == 3


def test_the_command_line_runs_lists_and_refuses(runs):
    def hw3(*arguments):
        return subprocess.run([sys.executable, "-m", "hw3.cli", *arguments], capture_output=True, text=True)

    done = hw3("run", "shoes/mlp", "--seed", "3", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    assert "shoes/mlp" in done.stdout
    (listed,) = json.loads(hw3("runs", "--json").stdout)
    assert (listed["name"], listed["seed"], listed["profile"]) == ("shoes/mlp", 3, "smoke")
    assert {"data_source", "parameters", "multiplications", "seconds"} < set(listed)
    assert {"loss", "accuracy", "precision", "recall"} < set(listed["test"])
    compared = hw3("compare", "shoes/mlp", "shoes/mlp-dropout", "--profile", "smoke", "--seed", "3", "--seed", "4")
    assert compared.returncode == 0, compared.stderr
    assert "2 paired seeds" in compared.stdout
    for arguments, words in (
        (("compare", "shoes/mlp", "shoes/rnn"), "no experiment is called 'shoes/rnn'"),
        (("compare", "shoes/mlp", "shoes/mlp"), "is compared with itself"),
        (("compare", "shoes/mlp", "shoes/mlp-dropout", "--profile", "smoke", "--seed", "3"), "needs two or more"),
        (("bench", "warp"), "no figure is called 'warp'"),
        (("run", "shoes/rnn"), "no experiment matches 'shoes/rnn'"),
        (("run", "shoes/mlp", "--profile", "huge"), "the profile is 'huge'"),
        (("run", "shoes/*", "--jobs", "0"), "the number of jobs is 0"),
        (("search", "distillation", "--profile", "smoke", "--trials", "0"), "the number of trials is 0"),
        (("check", "t9", "1"), "no answer is called 't9'"),
        (("check", "t3.da", "import os"), "cannot be read as a formula"),
    ):
        refused = hw3(*arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
    assert hw3("check", "t3.da", "yhat - y").returncode == 0
    assert hw3("check", "t3.da", "y - yhat").returncode == 1


def test_an_unknown_profile_is_named(monkeypatch):
    monkeypatch.setenv("HW3_PROFILE", "enormous")
    with pytest.raises(ValueError, match=r"'enormous'.*smoke, book, full"):
        profile()
