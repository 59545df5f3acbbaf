"""Many runs at once give what one at a time gives; what is stopped or fails leaves no process and goes on later."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from hw3.nets.cnn import cnn
from hw3.store import entries
from hw3.studies import parallel
from hw3.studies.parallel import run_all
from hw3.studies.run import run, stored
from hw3.train.settings import Training

HERE = Path(__file__).parent


def plain(result):
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in result.history]
    return result.key, result.test, result.logits.tolist(), rows


def test_many_runs_equal_one_at_a_time(runs, small, tmp_path, monkeypatch, capsys):
    arms = [small("mine/a"), small("mine/b", labels=20)]
    many = run_all(arms, (1, 0), jobs=2)
    assert {name: [result.seed for result in group] for name, group in many.items()} == {
        "mine/a": [1, 0],
        "mine/b": [1, 0],
    }
    assert capsys.readouterr().err.startswith("4 runs to do, 2 at a time\n[1/4, ")
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "alone"))
    for arm in arms:
        for seed, result in zip((1, 0), many[arm.name], strict=True):
            assert plain(run(arm, seed)) == plain(result)


def test_stored_runs_are_read_damaged_ones_made_again(runs, small, capsys, monkeypatch):
    first = run_all([small()], (0, 1), jobs=1)
    capsys.readouterr()
    monkeypatch.setattr(parallel, "run", lambda *_: pytest.fail("it trained"))
    assert run_all([small()], (0, 1)) == first
    assert capsys.readouterr().err == ""
    monkeypatch.undo()
    monkeypatch.setenv("HW3_RUNS", str(runs))
    damaged = first["mine/small"][1].folder / "best.pt"
    before = plain(first["mine/small"][1])
    os.truncate(damaged, 99)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import conftest; from hw3.studies.parallel import run_all\n"
    code += "run_all([conftest.experiments_of(conftest.made_up())()], (0, 1))"
    done = subprocess.run([sys.executable, "-c", code, str(HERE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{damaged.parent} is damaged (best.pt was changed); it is made again" in done.stderr
    assert "1 runs to do" in done.stderr
    assert plain(stored(small(), 1)) == before


def test_wrong_numbers_and_equal_names_are_refused(runs, small):
    for jobs in (0, -1):
        with pytest.raises(ValueError, match=f"the number of jobs is {jobs}; it must be 1 or more"):
            run_all([small()], (0,), jobs)
    with pytest.raises(ValueError, match="called mine/small, mine/small; each needs a name of its own"):
        run_all([small(), small(labels=20)], (0,))
    assert not runs.exists()


def test_a_run_that_fails_is_named_and_finished_ones_are_kept(runs, small):
    bad = small("mine/bad", network=partial(cnn, widths=(4,)))
    with pytest.raises(RuntimeError, match=r"the run mine/bad, seed 0, failed: widths are \(4,\)"):
        run_all([small("mine/good"), bad], (0,), jobs=1)
    assert stored(small("mine/good"), 0)
    assert [path.parent.name for path, _ in entries(runs)] == ["good"]


LONG = """
import sys
sys.path.insert(0, sys.argv[1])
import conftest
from hw3.studies.parallel import run_all
from hw3.train.settings import Training
if __name__ == "__main__":
    small = conftest.experiments_of(conftest.made_up())
    for group in run_all([small("mine/long", training=Training(epochs=80, batch_size=8))], (0, 1, 2), jobs=2).values():
        print([(result.key, result.test.loss) for result in group])
"""


def of_session(session):
    """Processes of a session that live, by /proc."""
    result = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, sid = path.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(sid) == session and state != "Z":
            result.append(int(path.parent.name))
    return result


def until(true, seconds):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are asked of /proc")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_whatever_stops_the_parent_ends_its_workers_and_the_next_call_goes_on(runs, small, tmp_path, monkeypatch, name):
    (tmp_path / "script.py").write_text(LONG)
    command = [sys.executable, "script.py", str(HERE)]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    parent = subprocess.Popen(command, **options, start_new_session=True)
    assert until(lambda: len(list(runs.rglob("last.ckpt"))) >= 2, 120), parent.communicate()
    assert len(of_session(parent.pid)) >= 3
    number = getattr(signal, name)
    if name == "SIGINT":
        os.killpg(parent.pid, number)  # as a terminal does
    else:
        parent.send_signal(number)
    assert until(lambda: not of_session(parent.pid), 60), of_session(parent.pid)
    assert parent.wait(60) != 0
    done = subprocess.run(command, **options, timeout=300)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "alone"))
    alone = [run(small("mine/long", training=Training(epochs=80, batch_size=8)), seed) for seed in range(3)]
    assert done.stdout.strip() == str([(result.key, result.test.loss) for result in alone])


NOTEBOOK = """
import linecache, sys
sys.path.insert(0, sys.argv[1])
cell = '''
import conftest
from hw3.nets.mlp import mlp
from hw3.studies.parallel import run_all

def mine(shape, classes):
    return mlp(shape, classes, (8,))

small = conftest.experiments_of(conftest.made_up())
print([result.test.loss for result in run_all([small("mine/cell", network=mine)], (0, 1))["mine/cell"]])
'''
linecache.cache["<cell>"] = (len(cell), None, cell.splitlines(keepends=True), "<cell>")
exec(compile(cell, "<cell>", "exec"))
"""


def test_a_network_of_a_notebook_runs_too(runs):
    """No other process could import it."""
    outputs = [
        subprocess.run([sys.executable, "-c", NOTEBOOK, str(HERE)], capture_output=True, text=True) for _ in range(2)
    ]
    for done in outputs:
        assert done.returncode == 0, done.stderr
    assert outputs[0].stdout == outputs[1].stdout
    assert "runs to do" not in outputs[1].stderr
    assert len(list(entries(runs))) == 2
