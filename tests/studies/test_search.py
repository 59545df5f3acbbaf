"""The search for α and τ: a grid with the same seeds everywhere, made once, resumed, shared by workers."""

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import optuna
import pytest

from hw3.store import entries
from hw3.studies import parallel
from hw3.studies import search as searching
from hw3.studies.record import Plan, record
from hw3.studies.run import read
from hw3.studies.search import Search, Searched, Trials, recorded, search, stored
from hw3.train.losses import Distillation
from hw3.train.settings import Training

HERE = Path(__file__).parent


@pytest.fixture
def wanted(small):
    """Without a teacher the task measures by labels alone: the bookkeeping is what is looked at here."""
    short = small("mine/search", training=Training(epochs=1, batch_size=8))
    return Search(short, alphas=(0.0, 0.5, 0.9), temperatures=(2.0, 4.0), seeds=(0, 1))


@pytest.fixture
def quick(monkeypatch):
    """Runs that cost nothing, in this process."""
    calls = []

    def run_all(experiments, seeds, jobs=None):
        calls.append([experiment.name for experiment in experiments])
        return {experiment.name: [Kept(experiment.task, seed) for seed in seeds] for experiment in experiments}

    monkeypatch.setattr(searching, "run_all", run_all)
    return calls


class Kept:
    def __init__(self, task, seed):
        loss = abs(task.alpha - 0.5) + task.temperature / 100 + seed / 10
        self.validation = Trials(task.alpha, task.temperature, (), ())
        object.__setattr__(self.validation, "loss", math.nan if task.alpha == 0.9 and task.temperature > 3 else loss)
        object.__setattr__(self.validation, "accuracy", 1 - loss)


def rows(*values):
    return Searched(tuple(Trials(alpha, tau, losses, losses) for alpha, tau, losses in values))


def test_the_lowest_and_the_simplest_within_one_standard_error():
    # paired with the lowest: +.10 and +.02 (mean .06, standard error .04) is too much; ±.03 around +.01 is not
    searched = rows(
        (0.0, 2.0, (0.9, 0.9)),
        (0.5, 2.0, (0.60, 0.62)),
        (0.5, 4.0, (0.54, 0.58)),
        (0.9, 2.0, (0.50, 0.60)),
    )
    assert searched.lowest == searched.trials[3]
    assert searched.alike == [searched.trials[2], searched.trials[3]]
    assert searched.setting == searched.trials[2]  # the least alpha of those


def test_of_equal_alphas_the_least_temperature_and_never_no_teacher():
    searched = rows((0.0, 2.0, (0.1, 0.1)), (0.5, 4.0, (0.5, 0.6)), (0.5, 2.0, (0.6, 0.5)), (0.9, 2.0, (0.7, 0.7)))
    assert searched.lowest.alpha == 0.0
    assert (searched.setting.alpha, searched.setting.temperature) == (0.5, 2.0)


def test_with_one_seed_only_the_lowest_is_alike():
    searched = rows((0.5, 2.0, (0.6,)), (0.9, 2.0, (0.5,)))
    assert searched.alike == [searched.trials[1]]
    assert searched.setting == searched.trials[1]


def test_a_setting_that_diverged_is_never_the_one():
    inf = math.inf
    searched = rows((0.5, 2.0, (inf, 0.1)), (0.9, 2.0, (0.5, 0.5)))
    assert searched.setting == searched.trials[1]
    assert rows((0.5, 2.0, (inf, inf))).setting.alpha == 0.5  # nothing else is there


def test_each_setting_has_the_same_seeds_and_without_teacher_one_serves_for_all(wanted):
    variants = {experiment.name: experiment.task for experiment in wanted.variants()}
    assert variants == {
        "mine/search/alpha0-tau2": Distillation(0.0, 2.0),
        "mine/search/alpha0.5-tau2": Distillation(0.5, 2.0),
        "mine/search/alpha0.5-tau4": Distillation(0.5, 4.0),
        "mine/search/alpha0.9-tau2": Distillation(0.9, 2.0),
        "mine/search/alpha0.9-tau4": Distillation(0.9, 4.0),
    }


def test_asking_for_a_search_makes_none(runs, wanted, untrained):
    assert stored(wanted) is None
    key = wanted.entry().key
    others = [
        Search(wanted.experiment, (0.0, 0.9), wanted.temperatures, wanted.seeds),
        Search(wanted.experiment, wanted.alphas, (2.0,), wanted.seeds),
        Search(wanted.experiment, wanted.alphas, wanted.temperatures, (0,)),
    ]
    assert len({key, *(other.entry().key for other in others)}) == 4
    assert not runs.exists()


def test_a_search_is_made_once_and_is_complete(runs, wanted, monkeypatch):
    searched = search(wanted, jobs=2)
    assert [(t.alpha, t.temperature) for t in searched.trials] == [(a, t) for a in (0, 0.5, 0.9) for t in (2, 4)]
    assert searched.trials[0].losses == searched.trials[1].losses
    kept = [read(folder) for folder, record in entries(runs) if "result.json" in record["files"]]
    assert len(kept) == 5 * 2
    losses = {(result.name, result.seed): result.validation.loss for result in kept}
    assert searched.trials[-1].losses == tuple(losses["mine/search/alpha0.9-tau4", seed] for seed in (0, 1))
    monkeypatch.setattr(searching, "run_all", lambda *_: pytest.fail("it was made again"))
    assert search(wanted) == stored(wanted) == searched


def test_further_trials_are_proposed_and_repeatable(runs, wanted, quick, tmp_path, monkeypatch):
    more = search(wanted, trials=9)
    assert len({(t.alpha, t.temperature) for t in more.trials}) == 9
    assert all(0 <= t.alpha <= 0.9 and 2 <= t.temperature <= 4 for t in more.trials)
    assert stored(wanted) is None  # another search
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "elsewhere"))
    assert search(wanted, trials=9) == more


def test_fewer_trials_than_the_grid_has_are_refused(runs, wanted):
    for trials in (0, 5):
        with pytest.raises(ValueError, match=f"the number of trials is {trials}; the grid alone has 6"):
            search(wanted, trials=trials)


def test_a_training_that_diverges_is_no_endless_search(runs, wanted, quick):
    searched = search(wanted)
    assert searched.trials[-1].losses == (math.inf, math.inf)
    assert searched.setting.alpha == 0.5


def test_a_search_that_fails_or_is_stopped_goes_on(runs, wanted, monkeypatch):
    real, calls = parallel.run_all, []

    def stopped(experiments, seeds, jobs=None):
        result = real(experiments[:2], seeds, jobs)
        raise KeyboardInterrupt(result)

    def counted(experiments, seeds, jobs=None):
        calls.append(len(experiments))
        return real(experiments, seeds, jobs)

    monkeypatch.setattr(searching, "run_all", stopped)
    with pytest.raises(KeyboardInterrupt):
        search(wanted, jobs=2)
    assert stored(wanted) is None
    monkeypatch.setattr(searching, "run_all", counted)
    assert len(search(wanted, jobs=2).trials) == 6
    assert calls[0] == 5


WORKER = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import conftest
from hw3.studies import search as searching
from hw3.studies.run import run
from hw3.studies.search import Search, search
from hw3.train.settings import Training

def run_all(experiments, seeds, jobs=None):
    print("trial", experiments[0].name, flush=True)
    if sys.argv[3] == "die":
        os.kill(os.getpid(), 9)
    time.sleep(0.5)
    return {experiment.name: [run(experiment, seed) for seed in seeds] for experiment in experiments}

searching.run_all = run_all
small = conftest.experiments_of(conftest.made_up())
short = small("mine/search", training=Training(epochs=1, batch_size=8))
found = search(Search(short, (0.0, 0.5, 0.9), (2.0, 4.0), (0, 1)), storage=sys.argv[2])
print("best", found.setting.alpha, found.setting.temperature)
"""


def worker(url, mode="work"):
    command = [sys.executable, "-c", WORKER, str(HERE), url, mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def share(url, wanted, monkeypatch):
    """One worker dies in its first trial; two others share the rest, and each setting is tried."""
    died = worker(url, "die")
    assert died.wait(120) == -signal.SIGKILL
    workers = [worker(url) for _ in range(2)]
    outputs = [one.communicate(timeout=300) for one in workers]
    assert [one.returncode for one in workers] == [0, 0], outputs
    assert len({out.splitlines()[-1] for out, _ in outputs}) == 1
    assert outputs[0][0].splitlines()[-1].startswith("best ")
    tried = [out.count("trial ") for out, _ in outputs]
    assert min(tried) >= 1, outputs
    assert 6 <= sum(tried) < 12, outputs  # two workers may begin the same, but not each time
    monkeypatch.setattr(searching, "run_all", lambda *_: pytest.fail("it was made again"))
    assert {(t.alpha, t.temperature) for t in search(wanted).trials} == {(a, t) for a in (0, 0.5, 0.9) for t in (2, 4)}


def test_workers_share_a_search_in_one_file_and_one_run_store(runs, wanted, tmp_path, monkeypatch):
    share(f"sqlite:///{tmp_path / 'shared.db'}", wanted, monkeypatch)


def test_a_storage_that_cannot_be_used_is_named_without_its_password(runs, wanted):
    for url in (
        "postgresql://someone:secret@127.0.0.1:1/nowhere",
        "postgresql://someone:se?secret@127.0.0.1:1/nowhere",
        "postgresql://127.0.0.1:1/nowhere?user=someone&password=secret",
        "nonsense:secret",
    ):
        with pytest.raises(ValueError, match=r"the storage .* cannot be used: ") as caught:
            search(wanted, storage=url)
        assert "127.0.0.1:1/nowhere" in str(caught.value) or "nonsense:..." in str(caught.value)
        assert "secret" not in str(caught.value)
    assert stored(wanted) is None


def programs():
    folders = [Path(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)]
    on_path = shutil.which("postgres")
    return folders[0].parent if folders else Path(on_path).parent if on_path else None


@pytest.fixture
def postgres(tmp_path_factory):
    """A PostgreSQL server of the test's own on a free port of this machine; its URL."""
    binaries = programs()
    if binaries is None:
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

    call(binaries / "initdb", "-D", data, "-U", "hw3", "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    call(binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql://hw3@127.0.0.1:{port}/postgres"
    call(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def test_workers_share_a_search_in_postgresql(runs, wanted, postgres, monkeypatch):
    share(postgres, wanted, monkeypatch)
    name = f"distillation-{wanted.entry().key}"
    assert optuna.load_study(study_name=name, storage=postgres).best_value > 0


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a run failed")])
def test_a_search_that_stops_prints_no_traceback_of_its_own(runs, wanted, tmp_path, monkeypatch, caplog, error):
    def run_all(*_):
        raise error

    monkeypatch.setattr(searching, "run_all", run_all)
    logger = optuna.logging.get_logger("optuna")
    logger.addHandler(caplog.handler)
    try:
        with pytest.raises(type(error)):
            search(wanted, storage=f"sqlite:///{tmp_path}/search.db")
    finally:
        logger.removeHandler(caplog.handler)
    assert not caplog.records


@pytest.mark.parametrize(("words", "stops"), [("Cannot tell a COMPLETE trial.", False), ("another error", True)])
def test_a_trial_that_another_worker_finished_first_stops_nothing(runs, wanted, quick, monkeypatch, words, stops):
    once_more = optuna.Study.optimize
    left = [words]

    def optimize(study, *arguments, **options):
        once_more(study, *arguments, **options)
        if left:
            raise ValueError(left.pop())

    monkeypatch.setattr(optuna.Study, "optimize", optimize)
    if stops:
        with pytest.raises(ValueError, match=words):
            search(wanted)
    else:
        assert len(search(wanted).settings) == 5


def test_a_recorded_search_says_what_the_search_found_once_its_grid_is_whole(runs, folder, wanted):
    assert recorded("rows") is None
    found = search(wanted)  # its runs are in the store, and recorded from there
    every = [(variant, seed) for seed in wanted.seeds for variant in wanted.variants()]
    untraced = tuple(variant.name for variant in wanted.variants())
    record(Plan("rows", tuple(every[:4]), untraced=untraced), jobs=1)
    assert recorded("rows") is None  # α = 0.9, τ = 4 is missing
    record(Plan("rows", tuple(every), untraced=untraced), jobs=1)
    kept, trials = recorded("rows")
    assert len(trials) == len(kept.trials) * len(wanted.seeds)
    assert len(kept.settings) == len(found.settings) == 5
    mine = {(t.alpha, t.temperature): t for t in found.trials}
    assert {(t.alpha, t.temperature) for t in kept.trials} == set(mine)
    for trial in kept.trials:
        assert trial.losses == pytest.approx(mine[trial.alpha, trial.temperature].losses, abs=4e-3)
        assert trial.accuracies == mine[trial.alpha, trial.temperature].accuracies
