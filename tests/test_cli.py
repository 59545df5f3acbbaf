"""The command hw3: what it prints, what it refuses, and how it stops."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hw3 import __version__, store
from hw3.cli import main
from hw3.studies import pretrained
from hw3.studies import run as running
from hw3.studies.profiles import PROFILES
from hw3.studies.shoes import LONGER

HW3 = (sys.executable, "-m", main.__module__)
SEEDS = ("--seed", "0", "--seed", "1")
STOPPED = "hw3: stopped; the same command goes on where this one was"


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    """The smallest profile, a run store that is not there yet, and this process's own signals afterwards."""
    monkeypatch.setenv("HW3_PROFILE", "smoke")
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("HW3_DATA", raising=False)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store in which two experiments were run with two seeds, and its lines."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW3_PROFILE", "smoke")
        patch.setenv("HW3_RUNS", str(folder))
        for name in ("shoes/mlp", "shoes/mlp-dropout"):
            for seed in ("0", "1"):
                assert main(["run", name, "--seed", seed]) == 0
    return folder


@pytest.fixture
def kept(finished, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(finished))
    return finished


@pytest.fixture
def copied(finished, tmp_path):
    """The same in a store that may be damaged."""
    subprocess.run(["cp", "-r", finished, tmp_path / "runs"], check=True)
    return tmp_path / "runs"


@pytest.fixture
def untrained(monkeypatch):
    """From here on, whatever trains fails the test."""
    for module in (running, pretrained):
        monkeypatch.setattr(module, "fit", lambda *_: pytest.fail("it trained"))


@pytest.fixture
def hw3(capsys):
    """``hw3(argument, ...)``: the status, the output and the errors of the command, in this process."""

    def call(*arguments):
        capsys.readouterr()
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


def refused(answer):
    """The one line of a command that refuses."""
    status, output, errors = answer
    assert (status, output) == (2, "")
    (line,) = errors.splitlines()
    return line


# What is asked


def test_the_version(hw3):
    assert hw3("--version") == (0, f"hw3 {__version__}\n", "")


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("answers", ["t1.white", "t3.dz2", "t4.kernel"]),
        ("profiles", ["smoke", "brief", "book", "full"]),
        ("benches", ["dropblock_speedup_7", "loader_speedup"]),
        ("experiments", ["shoes/mlp", "distillation/student", "distillation/labels-64-with-teacher"]),
    ],
)
def test_names_are_listed_one_a_line(hw3, untrained, what, names):
    status, output, errors = hw3("list", what)
    assert (status, errors) == (0, "")
    lines = output.splitlines()
    assert [line for line in lines if line in names] == names
    assert all(re.fullmatch(r"[\w./-]+", line) for line in lines)
    assert not Path(os.environ["HW3_RUNS"]).exists()


def test_the_data_are_named_with_their_source_and_digest(hw3):
    status, output, _ = hw3("data", "--json")
    assert status == 0
    rows = json.loads(output)
    assert [row["name"] for row in rows] == ["shoes", "cifar10", "ResNet50 weights"]
    assert all("digits" in row["source"] and re.fullmatch("[0-9a-f]{64}", row["sha256"]) for row in rows[:2])


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("rnu shoes/mlp", "run"),
        ("list experimnts", "experiments"),
        ("search distilation", "distillation"),
        ("run shoes/mpl", "shoes/mlp"),
        ("compare shoes/mlp shoes/cnm", "shoes/cnn"),
        ("bench loader_sped", "loader_speedup"),
        ("check t3.dkk1 x", "t3.dk1"),
    ],
)
def test_a_name_one_letter_off_gets_the_one_that_was_perhaps_meant(hw3, untrained, words, near):
    assert f"; did you mean {near}?" in refused(hw3(*words.split()))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", "the following arguments are required: command; see hw3 -h"),
        ("run", "the following arguments are required: experiment; see hw3 run -h"),
        ("run shoes/mlp --jobs 0", "it is 0; it must be a whole number from 1"),
        ("search distillation --jobs 0", "it is 0; it must be a whole number from 1"),
        ("compare shoes/mlp shoes/cnn --jobs -2", "it is -2; it must be"),
        ("run shoes/mlp --jobs two", "it is two; it must be"),
        ("run shoes/mlp --seed -1", "it is -1; it must be a whole number from 0"),
        (f"run shoes/mlp --seed {10**20}", f"it is {10**20}; it must be"),
        (f"run shoes/mlp --seed {2**63 - 1}", f"it is {2**63 - 1}; it must be"),
        (f"compare shoes/mlp shoes/cnn --seed {2**40}", f"it is {2**40}; it must be"),
        ("run shoes/mlp --seed 0.5", "it is 0.5; it must be"),
        ("run shoes/mlp --devices 0", "it is 0; it must be"),
        ("run shoes/mlp --num-nodes 0", "it is 0; it must be"),
        ("run shoes/mlp --devices 999", "the number of devices is 999; this machine has "),
        ("data --jsn", "unrecognized arguments: --jsn; see hw3 -h"),
        ("data --profile hug", "the profile is 'hug'"),
        ("runs --jsn", "unrecognized arguments: --jsn"),
        ("compare shoes/mlp", "the following arguments are required: second"),
        ("compare shoes/mlp zzz", "no experiment matches 'zzz'"),
        ("compare shoes/mlp shoes/cnn --profile hug", "the profile is 'hug'"),
        ("search distillation --trials two", "argument --trials: invalid int value: 'two'"),
        ("search distillation --profile hug", "the profile is 'hug'"),
        ("check t3.da", "the following arguments are required: formula"),
        ("check t3.da x y", "unrecognized arguments: y"),
        ("check t3.da y#2", "the sign '#' is not allowed"),
        ("search distillation --trials 0", "the number of trials is 0; the grid alone has 2"),
        ("run shoes/mlp --profile hug", f"the profile is 'hug'; it must be one of {', '.join(PROFILES)}"),
        ("list experiments --profile hug", "the profile is 'hug'"),
        ("run zzz", "no experiment matches 'zzz'; there are shoes/mlp, "),
        ("search distillation --storage nowhere://x", "the storage nowhere://x cannot be used"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(hw3, untrained, words, wanted):
    assert wanted in refused(hw3(*words.split()))


def test_a_wrong_variable_is_named(hw3, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", "~nobodyatall/runs")
    assert "HW3_RUNS is '~nobodyatall/runs', which names no folder" in refused(hw3("runs"))
    monkeypatch.setenv("HW3_PROFILE", "hug")
    assert "the profile is 'hug'" in refused(hw3("run", "shoes/mlp"))


VARIABLES = {
    "HW3_PROFILE=hug": (
        "the profile is 'hug'",
        ("data", "run shoes/mlp", "compare shoes/mlp shoes/cnn", "search distillation"),
    ),
    "HW3_DATA=/nowhere": ("HW3_DATA is '/nowhere', which is not a folder", ("run shoes/mlp --profile brief",)),
    "HW3_RUNS=~nobodyatall": ("HW3_RUNS is '~nobodyatall'", ("run shoes/mlp", "runs", "compare shoes/mlp shoes/cnn")),
    "HW3_RUNS=/proc/nowhere": ("/proc/nowhere", ("run shoes/mlp --seed 0", "runs", "search distillation")),
    "HW3_CACHE=~nobodyatall": ("HW3_CACHE is '~nobodyatall'", ("data --profile brief", "runs --prune")),
}


@pytest.mark.parametrize(("setting", "words"), [(s, w) for s, (_, every) in VARIABLES.items() for w in every])
def test_a_wrong_variable_is_named_by_every_command_that_reads_it(hw3, monkeypatch, untrained, setting, words):
    monkeypatch.setenv(*setting.split("="))
    status, _, errors = hw3(*words.split())
    assert status == 2
    assert VARIABLES[setting][0] in errors.splitlines()[-1]
    assert "Traceback" not in errors


# Runs


def test_a_run_is_trained_once_and_its_stored_result_printed_again(hw3, request):
    first = hw3("run", "shoes/mlp", "--seed", "3")
    line = (
        r"shoes/mlp +seed 3  accuracy 0\.\d{4}  loss \d\.\d{4} +208,481 parameters +\d+\.\d s  (32-true|bf16-mixed)  "
    )
    assert first[0] == 0
    assert re.match(line, first[1])
    request.getfixturevalue("untrained")
    assert hw3("run", "shoes/mlp", "--seed", "3", "--seed", "3") == (0, first[1], "")


def test_several_stored_runs_start_no_process(hw3, kept, untrained):
    status, output, errors = hw3("run", "shoes/mlp", "shoes/mlp-d*", *SEEDS, "--jobs", "2")
    assert (status, errors) == (0, "")
    assert [line.split()[::2][:2] for line in output.splitlines()] == [
        [name, seed] for name in ("shoes/mlp", "shoes/mlp-dropout") for seed in ("0", "1")
    ]


def test_a_dry_run_of_everything_is_complete_and_trains_nothing(hw3, untrained):
    status, output, errors = hw3("run", "*", "--dry-run")
    assert (status, errors) == (0, "")
    rows = json.loads(output)
    names = hw3("list", "experiments")[1].split()
    assert [(row["name"], row["seed"]) for row in rows] == [(name, seed) for name in names for seed in (0, 1, 2)]
    smoke, complete = PROFILES["smoke"], {"data", "split", "network", "training", "task", "shifts", "labels", "teacher"}
    for row in rows:
        waits = re.search("teacher|distilled|wrong", row["name"])
        if waits and row["name"] != "distillation/teacher-tuned":
            assert row["state"] == "to train, when the search has found alpha and the temperature"
            continue
        assert (row["state"], complete - row.keys()) == ("to train", set())
        longer = LONGER if re.match("shoes/(mlp-long|few)", row["name"]) else 1
        epochs = longer * smoke.epochs if row["name"].startswith("shoes") else smoke.distillation.epochs
        assert (row["training"]["epochs"], len(row["data"]["digest"])) == (epochs, 64)
        assert re.fullmatch("[0-9a-f]{16}", row["key"])
    assert len({row["key"] for row in rows if "key" in row}) == sum("key" in row for row in rows)
    assert not Path(os.environ["HW3_RUNS"]).exists()


def test_a_dry_run_says_what_is_stored(hw3, kept, untrained):
    rows = json.loads(hw3("run", "shoes/mlp", "shoes/cnn-dropout", "--seed", "1", "--dry-run")[1])
    assert [(row["name"], row["state"]) for row in rows] == [
        ("shoes/mlp", "stored"),
        ("shoes/cnn-dropout", "to train"),
    ]
    assert (kept / "shoes" / "mlp" / f"seed1-{rows[0]['key']}").is_dir()


def test_stored_results_are_listed_as_text_and_as_json(hw3, kept):
    status, output, errors = hw3("runs")
    assert (status, errors) == (0, "")
    assert output == hw3("run", "shoes/mlp", "shoes/mlp-d*", *SEEDS)[1]
    rows = json.loads(hw3("runs", "--json")[1])
    assert [(row["name"], row["seed"]) for row in rows] == [
        (name, seed) for name in ("shoes/mlp", "shoes/mlp-dropout") for seed in (0, 1)
    ]
    for row, line in zip(rows, output.splitlines(), strict=True):
        assert f"accuracy {row['test']['accuracy']:.4f}" in line
        assert row["data_source"] in line


def test_an_empty_store_is_called_empty_and_one_that_is_not_there_is_named(hw3, tmp_path):
    for words in (["runs"], ["runs", "--json"], ["runs", "--prune"]):
        assert re.search("/runs is not there; .*HW3_RUNS", refused(hw3(*words)))
    (tmp_path / "runs").mkdir()
    assert hw3("runs") == (0, "", f"no finished run in {tmp_path / 'runs'}\n")
    assert json.loads(hw3("runs", "--json")[1]) == []


def test_a_read_only_store_is_read(hw3, finished, small_disk, monkeypatch, untrained):
    disk = small_disk(64 * 1024)
    subprocess.run(["cp", "-r", f"{finished}/.", disk], check=True)
    small_disk.read_only()
    monkeypatch.setenv("HW3_RUNS", str(disk))
    assert len(hw3("runs")[1].splitlines()) == 4
    assert hw3("run", "shoes/mlp", *SEEDS)[0] == 0


def test_what_cannot_be_read_is_passed_over_by_name(hw3, copied):
    one, two, old, _ = sorted(copied.glob("shoes/*/seed*"))
    (one / "result.json").write_text("{}")
    (two / "result.json").unlink()
    (two / "result.json").mkdir()
    (old / "entry.json").unlink()  # as versions before 0.2 kept a run
    for _ in range(2):
        status, output, errors = hw3("runs")
        assert (status, len(output.splitlines())) == (0, 1)
        assert errors.splitlines() == [
            f"{one} is damaged (result.json was changed), passed over",
            f"{two} is damaged (result.json was changed), passed over",
            f"{old} is of another version, passed over",
        ]
    status, _, errors = hw3("run", "shoes/mlp", "--seed", "0")
    assert (status, "it is made again" in errors) == (0, True)
    assert len(hw3("runs")[1].splitlines()) == 2


def test_pruning_says_what_could_go_and_removes_it_only_with_yes(hw3, copied, clean_cache, monkeypatch):
    assert "/cache is not there" in hw3("runs", "--prune")[2]
    clean_cache.mkdir()
    assert hw3("runs", "--prune") == (0, "0.0 MB in all\n", "")
    with monkeypatch.context() as patch:
        patch.setattr(store, "versions", lambda: {"torch": "0"})
        assert hw3("runs", "--prune")[1].count("would go: ") == 4
    (old,) = copied.glob("shoes/mlp/seed0-*")
    record = json.loads((old / "entry.json").read_text())
    (old / "entry.json").write_text(json.dumps(record | {"checksum": ""}))
    (clean_cache / "features").mkdir()
    (clean_cache / "features" / "old.npz").write_bytes(b"x" * 300_000)
    status, output, _ = hw3("runs", "--prune")
    lines = output.splitlines()
    assert status == 0
    assert re.fullmatch(rf"would go: {re.escape(str(old))} \(\d+\.\d MB\)", lines[0])
    assert lines[1] == f"would go: {clean_cache / 'features' / 'old.npz'} (0.3 MB)"
    assert lines[2].endswith("MB in all; add --yes to remove them")
    assert old.exists()
    assert hw3("runs", "--prune", "--yes")[1] == output.replace("would go", "removed").replace(
        "; add --yes to remove them", ""
    )
    assert not old.exists()
    assert not any((clean_cache / "features").iterdir())
    assert len(hw3("runs")[1].splitlines()) == 3


def test_two_experiments_are_compared_by_seed_and_in_words(hw3, kept, untrained):
    status, output, errors = hw3("compare", "shoes/mlp-dropout", "shoes/mlp", *SEEDS)
    assert (status, errors) == (0, "")
    runs = {(row["name"], row["seed"]): row["test"]["accuracy"] for row in json.loads(hw3("runs", "--json")[1])}
    *pairs, sentence = output.splitlines()
    assert pairs == [
        f"seed {seed}: test accuracy {runs['shoes/mlp-dropout', seed]:.4f} and {runs['shoes/mlp', seed]:.4f}"
        for seed in (0, 1)
    ]
    assert "shoes/mlp-dropout" in sentence
    assert "test accuracy" in sentence


def test_one_seed_is_compared_as_one(hw3, kept, untrained):
    status, output, _ = hw3("compare", "shoes/mlp-dropout", "shoes/mlp", "--seed", "1", "--seed", "1")
    assert status == 0
    (pair, sentence) = output.splitlines()
    assert pair.startswith("seed 1: ")
    assert sentence.startswith("One seed cannot tell the test accuracy of")


@pytest.mark.parametrize("second", ["shoes/mlp", "shoes/cnn*"])
def test_a_comparison_takes_two_experiments(hw3, untrained, second):
    assert "two different experiments are compared, and these are shoes/mlp, shoes/" in refused(
        hw3("compare", "shoes/mlp", second)
    )


# Answers


@pytest.mark.parametrize("formula", ["-(y-yhat)", "yhat - y", "-y+ŷ"])
def test_a_right_formula_may_begin_with_a_minus(hw3, formula):
    status, output, errors = hw3("check", "t3.da", formula)
    assert (status, errors) == (0, "")
    assert output.startswith("Right: ")


def test_a_wrong_formula_gets_a_point_and_a_hint_only_if_asked(hw3):
    plain = hw3("check", "t3.da", "y - yhat")
    assert plain[0] == 1
    assert re.match(r"Not yet: at y = .* The sign is wrong\.\n$", plain[1])
    for words in (["--hint", "t3.da", "-(yhat-y)"], ["t3.da", "-(yhat-y)", "--hint"]):
        status, output, _ = hw3("check", *words)
        assert (status, "The chain rule" in output) == (1, True)
    near = hw3("check", "t1.white", "141.67")[1]
    assert "rounded" in near
    assert "425" not in near


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "__import__('os').system('touch hostile')",
        "9**9**9**9",
        "(" * 9999,
        "\0",
        "lambda: 0",
        "1/0",
        "ŷ" * 400,
        "--x--",
    ],
)
def test_a_hostile_formula_is_refused_in_one_line(hw3, tmp_path, monkeypatch, formula):
    monkeypatch.chdir(tmp_path)
    assert refused(hw3("check", "t3.da", formula)).startswith("hw3: ")
    assert list(tmp_path.iterdir()) == []


# Stopping


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_gives_one_line_and_its_status(hw3, monkeypatch, name, status):
    def stopped(*_):
        os.kill(os.getpid(), getattr(signal, name))
        time.sleep(10)

    monkeypatch.setattr(running, "fit", stopped)
    assert hw3("run", "shoes/mlp", "--seed", "0") == (status, "", STOPPED + "\n")


def test_what_nohup_ignores_stays_ignored(hw3):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert hw3("list", "profiles")[0] == 0
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_reader_that_has_seen_enough_breaks_nothing():
    """As in ``hw3 runs | head -1``."""
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run([*HW3, "list", "answers"], stdout=writes, stderr=subprocess.PIPE)
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")


def of_session(session):
    """Processes of a session that live, by /proc."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields[path.parent.name] = path.read_text().rpartition(")")[2].split()
    return [process for process, (state, _, _, group, *_) in fields.items() if int(group) == session and state != "Z"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are asked of /proc")
def test_a_stopped_command_leaves_no_process_and_the_same_command_goes_on(hw3, tmp_path):
    """Ctrl-C, then a terminal that closes, each after the first run that ends; then one more run."""
    command = [*HW3, "run", "shoes/cnn", "shoes/cnn-dropout", "--jobs", "2"]
    left = every = 6
    for number in (signal.SIGINT, signal.SIGHUP):
        with (tmp_path / "errors").open("w+") as errors:
            parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
            while parent.poll() is None and "[1/" not in (tmp_path / "errors").read_text():
                time.sleep(0.05)
        assert len(of_session(parent.pid)) >= 3
        os.killpg(parent.pid, number)  # as a terminal does
        end = time.monotonic() + 60  # not a measure of speed: under load an interpreter ends in seconds
        while of_session(parent.pid) and time.monotonic() < end:
            time.sleep(0.05)
        assert of_session(parent.pid) == []
        lines = (tmp_path / "errors").read_text().splitlines()
        assert parent.wait(60) == 128 + number
        assert lines[0] == f"{left} runs to do, 2 at a time"
        assert [line for line in lines[1:] if not line.startswith("[")] == [STOPPED]
        left = every - len(list(Path(os.environ["HW3_RUNS"]).glob("shoes/*/seed*")))
        assert left < int(lines[0].split()[0])
    rows = json.loads(hw3(*command[3:], "--dry-run")[1])
    one, *others = [row for row in rows if row["state"] == "to train"]
    assert len(others) == left - 1
    assert hw3("run", one["name"], "--seed", str(one["seed"]))[0] == 0


def test_yes_alone_removes_nothing(capsys):
    assert main(["runs", "--yes"]) == 2
    assert "say --prune --yes" in capsys.readouterr().err


def test_a_formula_in_pieces_is_told_about_quotes(capsys):
    with pytest.raises(SystemExit):
        main(["check", "t3.da", "yhat", "-", "y"])
    assert "put a formula in quotes" in capsys.readouterr().err
