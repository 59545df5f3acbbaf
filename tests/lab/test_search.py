"""The search for α and τ on scikit-learn's digits: made once, resumed exactly, shared by workers through PostgreSQL."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hw3.lab import search
from hw3.lab.profiles import PROFILES
from hw3.lab.together import search_together

SMOKE = PROFILES["smoke"]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "runs"))
    search.best.cache_clear()
    yield tmp_path / "runs"
    search.best.cache_clear()


@pytest.fixture
def quick(monkeypatch):
    """An objective that costs nothing, for tests of the bookkeeping; its best place is α = .3."""

    def objective(trial, chosen):
        alpha = trial.suggest_float("alpha", *search.ALPHA[:2], step=search.ALPHA[2])
        temperature = trial.suggest_float("temperature", *search.TEMPERATURE, log=True)
        value = 1 - abs(alpha - 0.3) - abs(temperature - 2) / 100
        trial.report(value, 0)
        if trial.should_prune():
            raise optuna.TrialPruned
        return value

    monkeypatch.setattr(search, "_objective", objective)


def rows(study):
    finished = study.get_trials(states=search.FINISHED)
    return [(t.state, t.params, t.intermediate_values) for t in finished]


def test_a_real_search_is_made_once_and_gives_the_same_again(runs, tmp_path, monkeypatch):
    first = search.search("smoke")
    assert len(rows(first)) == SMOKE.distilling.trials
    assert rows(first)[0][1] == search.USUAL
    monkeypatch.setattr(search, "_objective", lambda *_: pytest.fail("a finished search ran again"))
    assert rows(search.search("smoke")) == rows(first)
    alpha, temperature = search.best("smoke")
    assert 0.1 <= alpha <= 1
    assert 1 <= temperature <= 8
    monkeypatch.undo()
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "elsewhere"))
    assert rows(search.search("smoke")) == rows(first)


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(runs, quick, tmp_path, monkeypatch):
    whole = rows(search.search("smoke", trials=9))
    assert {state for state, _, _ in whole} == set(search.FINISHED)  # some were pruned
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "elsewhere"))
    search.search("smoke", trials=4)
    search.open_study("smoke").ask()  # a trial that was begun when its process was killed
    again = rows(search.search("smoke", trials=9))
    assert [params for _, params, _ in again] == [params for _, params, _ in whole]


def test_a_search_killed_in_its_first_trial_tries_the_usual_values_again(runs, quick):
    study = search.open_study("smoke")
    study.enqueue_trial(search.USUAL)
    study.ask()
    assert rows(search.search("smoke", trials=1))[0][1] == search.USUAL


def test_workers_that_share_a_study_do_not_propose_the_same(runs, quick, tmp_path):
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    proposed = []
    for _ in range(2):  # each as if the other did not exist
        study = search.open_study("smoke", f"{url}{len(proposed)}")
        search._fill(study, SMOKE, 3, together=True)
        proposed.append([params["temperature"] for _, params, _ in rows(study)])
    assert proposed[0][0] == proposed[1][0] == search.USUAL["temperature"]
    assert proposed[0][1:] != proposed[1][1:]


def test_a_trial_is_pruned_before_its_last_epoch_or_not_at_all(runs, monkeypatch):
    """A training that was carried to its end counts as complete, however bad."""
    monkeypatch.setattr(search.Trial, "should_prune", lambda self: True)
    monkeypatch.setattr(search, "USUAL", {"alpha": 0.5, "temperature": 2.0})
    (only,) = search.search("smoke", trials=1).get_trials(states=search.FINISHED)
    assert only.state.name == "PRUNED"
    assert list(only.intermediate_values) == [0]
    long = replace(SMOKE, distilling=replace(SMOKE.distilling, search_epochs=1))
    monkeypatch.setattr(search, "profile", lambda name: long)
    (only,) = search.search("smoke", trials=1).get_trials(states=search.FINISHED)
    assert only.state.name == "COMPLETE"


def test_the_name_follows_what_matters(runs, monkeypatch):
    before = search._name(SMOKE)
    assert search._name(SMOKE) == before
    monkeypatch.setattr(search, "TEMPERATURE", (1.0, 20.0))
    assert search._name(SMOKE) != before


def test_a_storage_that_cannot_be_used_is_named_without_its_password(runs):
    for url in (
        "postgresql://someone:secret@127.0.0.1:1/nowhere",
        "postgresql://someone:se?secret@127.0.0.1:1/nowhere",
        "postgresql://127.0.0.1:1/nowhere?user=someone&password=secret",
    ):
        with pytest.raises(ValueError, match="the storage") as caught:
            search.open_study("smoke", url)
        assert "127.0.0.1:1/nowhere" in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_trial_that_ends_late_changes_nothing(runs, quick, tmp_path):
    """Runs may have begun with what the others found; a search for more trials is another matter."""
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    first = search_together("smoke", url, trials=3).best_params
    late = search.open_study("smoke", url)
    late.enqueue_trial({"alpha": 0.3, "temperature": 2.0})  # the best place
    search._fill(late, SMOKE, 4, together=True)
    assert search_together("smoke", url, trials=3).best_params != first
    assert search.open_study("smoke").best_params == first
    search_together("smoke", url, trials=4)
    assert search.open_study("smoke").best_params == late.best_params != first


def _servers():
    found = [Path(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)]
    on_path = shutil.which("postgres")
    return found[0].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A PostgreSQL server of the test's own on a free port of this machine; its URL."""
    programs = _servers()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    as_user = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        for part in (folder, *folder.parents):  # it must be able to reach its folder below pytest's own
            if part == Path(tempfile.gettempdir()):
                break
            part.chmod(0o755)
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"

    def call(*command):
        subprocess.run([*as_user, *map(str, command)], check=True, capture_output=True, cwd=folder, timeout=120)

    call(programs / "initdb", "-D", data, "-U", "hw3", "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    call(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql://hw3@127.0.0.1:{port}/postgres"
    call(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def test_two_workers_search_together_in_postgresql(runs, postgres, monkeypatch):
    """Real trials: two processes of the command line share one study, and each trial is made once."""
    command = [sys.executable, "-m", "hw3.cli", "search", "distillation", "--profile", "smoke", "--trials", "4"]
    workers = [
        subprocess.Popen([*command, "--storage", postgres], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [worker.communicate(timeout=500) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert all("best: alpha" in out for out, _ in outputs)
    study = search.open_study("smoke", postgres)
    finished = study.get_trials(states=search.FINISHED)
    assert 4 <= len(finished) <= 5  # two workers may both begin a last one
    assert len({trial.number for trial in finished}) == len(finished)
    made = [err.count("search, trial") for _, err in outputs]
    assert min(made) >= 1, made  # each worker did some
    assert sum(made) == len(finished)
    monkeypatch.setattr(search, "_objective", lambda *_: pytest.fail("the runs do not find what was searched"))
    best = search.search("smoke", trials=4).best_trial  # from the run store, without the database
    assert best.params == study.best_params
