"""One run: complete, kept, found again, and made again when anything that matters changed or is damaged."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hw3 import store
from hw3.data.images import Source, Split
from hw3.files import DataError
from hw3.nets.cnn import cnn
from hw3.nets.mlp import mlp
from hw3.store import entries
from hw3.studies.run import entry, read, run, stored
from hw3.train.device import fabric
from hw3.train.losses import Classification, Distillation
from hw3.train.metrics import score

HERE = Path(__file__).parent


def without_seconds(result):
    """All that must be equal to the bit."""
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in result.history]
    weights = {name: tensor.tolist() for name, tensor in result.weights.items()}
    return [result.key, result.best_epoch, result.test, result.logits.tolist(), rows, weights, result.histograms]


def test_a_result_is_complete_and_true(runs, small):
    experiment = small()
    result = run(experiment, 3)
    data, parts = experiment.data, experiment.split
    assert result.test == score(result.logits, data.labels[parts.test])
    assert len(result.logits) == len(parts.test)
    names = {f"{quantity}/{part}" for quantity in ("loss", "accuracy") for part in ("train", "validation", "test")}
    assert [set(row) for row in result.history] == [names | {"seconds"}] * 2
    assert result.epochs == 2
    assert result.curve("accuracy/test")[result.best_epoch - 1] == result.test.accuracy
    assert result.validation.accuracy == max(result.curve("accuracy/validation"))
    assert (result.name, result.seed, result.precision) == ("mine/small", 3, "32-true")
    assert (result.stand_in, result.data_source, result.class_names) == (True, "made up", data.class_names)
    assert result.seconds == pytest.approx(sum(result.curve("seconds")))
    assert result.parameters == sum(result.parameters_by_kind.values()) > 0
    assert result.multiplications > 0
    assert result.capability
    assert result.processor
    assert list(result.histograms[0]) == [name for name, _ in experiment.model(3).named_parameters()]
    files = {path.name for path in result.folder.iterdir()}
    assert files == {"entry.json", "result.json", "best.pt", "histograms.json", "tensorboard"}
    assert result.what | {"seed": 3} == entry(experiment, 3).what


def test_tensorboard_shows_what_the_result_says(runs, small):
    result = run(small(), 0)
    events = EventAccumulator(str(result.folder / "tensorboard")).Reload()
    for name in result.history[0]:
        assert [event.value for event in events.Scalars(name)] == pytest.approx(result.curve(name))


def test_what_is_not_stored_is_none_and_makes_no_store(runs, small, untrained):
    assert stored(small(), 0) is None
    assert not runs.exists()


def test_the_same_run_gives_the_same_to_the_bit(runs, small, tmp_path, monkeypatch, request):
    first = run(small(), 0)
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "elsewhere"))
    again = run(small(), 0)
    assert again.folder != first.folder
    assert without_seconds(again) == without_seconds(first)
    assert run(small(), 1).test != first.test
    request.getfixturevalue("untrained")
    for kept in (stored(small(), 0), run(small(), 0)):
        assert kept == again


def test_a_second_number_of_threads_changes_nothing_and_comes_back(runs, small, tmp_path, monkeypatch):
    first, before = run(small(), 0), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setenv("HW3_RUNS", str(tmp_path / "elsewhere"))
        assert without_seconds(run(small(), 0)) == without_seconds(first)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("file", ["best.pt", "result.json", "histograms.json", "entry.json", "tensorboard"])
@pytest.mark.parametrize(
    "damage", [lambda c: c[:-20], lambda c: b"", lambda c: c[:9] + bytes([c[9] ^ 1]) + c[10:], None]
)
def test_a_damaged_run_is_named_and_made_again(runs, small, capsys, file, damage):
    first = run(small(), 0)
    before = without_seconds(first)
    path = first.folder / file
    path = next(path.iterdir()) if path.is_dir() else path
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    again = run(small(), 0)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "is damaged" in line and "made again" in line] == lines != []
    assert without_seconds(again) == before
    assert run(small(), 0) == again


def changed(experiment):
    """Each thing that matters, changed by itself."""
    data, parts, training = experiment.data, experiment.split, experiment.training
    pixels = data.images.clone()
    pixels[0, 0, 0, 0] ^= 1
    yield "pixels", {"data": replace(data, images=pixels)}
    yield "labels", {"data": replace(data, labels=data.labels.flip(0))}
    yield "class names", {"data": replace(data, class_names=("a", "b", "c"))}
    yield "split", {"split": Split(parts.train[1:], parts.validation, parts.test)}
    yield "order", {"split": Split(parts.train.flip(0), parts.validation, parts.test)}
    yield "options", {"network": partial(experiment.network, rate=0.3)}
    yield "network", {"network": partial(mlp, widths=(8, 8))}
    values = {"epochs": 3, "batch_size": 9, "learning_rate": 0.06, "momentum": 0.8, "weight_decay": 0.0, "warmup": 0.2}
    for name, value in (values | {"schedule": "constant", "clip": 1.0, "precision": "bf16-mixed"}).items():
        yield name, {"training": replace(training, **{name: value})}
    yield "smoothing", {"task": Classification(0.1)}
    yield "alpha", {"task": Distillation(0.5, 2.0)}
    yield "temperature", {"task": Distillation(0.5, 3.0)}
    yield "shifts", {"shifts": 2}
    yield "labels known", {"labels": 20}
    yield "teacher", {"teacher": Says(0)}
    yield "another teacher", {"teacher": Says(1)}
    yield "standardize", {"standardize": False}


@dataclass(frozen=True)
class Says:
    """A teacher whose logits are random."""

    seed: int
    needs: tuple = ()

    @property
    def what(self):
        return {"teacher": "random", "seed": self.seed}

    def logits(self):
        return torch.randn(4, 45, 3, generator=torch.Generator().manual_seed(self.seed))


def test_a_key_follows_everything_that_matters_and_nothing_else(small, monkeypatch):
    experiment = small()
    key = entry(experiment, 0).key
    others = {name: entry(small(**changes), 0).key for name, changes in changed(experiment)}
    others["seed"] = entry(experiment, 1).key
    others["two processes"] = entry(experiment, 0, processes=2).key
    with monkeypatch.context() as patch:
        patch.setattr(store, "versions", lambda: {"torch": "0"})
        others["versions"] = entry(experiment, 0).key
    assert len({key, *others.values()}) == len(others) + 1, others
    data = experiment.data
    elsewhere = replace(data, files=data.files[::-1], source=Source("cache", "another disk", False))
    assert entry(small(data=elsewhere), 0).key == key
    assert entry(small(name="mine/other"), 0).key == key  # in another folder
    assert entry(small(network=partial(cnn, rate=0.2, widths=[4, 6], regularize="dropblock")), 0).key == key


def test_asking_for_a_run_trains_nothing_and_tells_all(runs, small, untrained):
    class Silent(Says):
        def logits(self):
            pytest.fail("a teacher was asked")

    experiment = small(teacher=Silent(7), task=Distillation(0.9, 4.0), shifts=2)
    place = entry(experiment, 5)
    assert place.stored() is None
    assert stored(experiment, 5) is None
    what = json.loads(json.dumps(place.what))
    assert what["seed"] == 5
    assert what["data"] == {"name": "rows", "digest": experiment.data.digest}
    assert what["split"] == {"train": 45, "validation": 18, "test": 27, "digest": experiment.split.digest}
    assert what["network"] == {
        "call": f"{cnn.__module__}.cnn",
        "widths": [4, 6],
        "regularize": "dropblock",
        "rate": 0.2,
    }
    assert (what["training"]["precision"], what["training"]["epochs"]) == ("32-true", 2)
    assert (what["task"]["alpha"], what["task"]["temperature"]) == (0.9, 4.0)
    assert what["teacher"] == {"teacher": "random", "seed": 7}
    assert not runs.exists()


def test_the_code_of_a_network_counts_for_its_own_runs_alone(small, tmp_path, monkeypatch):
    """In a copy of the package: an operator in the CNN's file, then a word in every file."""
    library = tmp_path / store.LIBRARY.name
    shutil.copytree(store.LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(store, "LIBRARY", library)

    def keys():
        return {
            name: entry(small(network=one), 0).key for name, one in (("cnn", cnn), ("mlp", partial(mlp, widths=(8,))))
        }

    first = keys()
    for path in library.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(f'"""Words."""\n\n# {path}\n{text}\n# End.\n', encoding="utf-8")
    assert keys() == first
    path = library / Path(sys.modules[cnn.__module__].__file__).relative_to(Path(store.__file__).parent)
    path.write_text(path.read_text(encoding="utf-8").replace("2 ** (len(widths) - 1)", "2 ** (len(widths) - 2)"))
    second = keys()
    assert second["cnn"] != first["cnn"]
    assert second["mlp"] == first["mlp"]
    path = library / Path(sys.modules[run.__module__].__file__).relative_to(Path(store.__file__).parent)
    path.write_text(path.read_text(encoding="utf-8").replace("self.split.train[: self.labels]", "self.split.train"))
    assert not set(keys().values()) & set(second.values())


def test_what_shows_and_what_is_drawn_are_the_labelled_first(small):
    experiment = small(labels=10)
    assert torch.equal(experiment.shown, experiment.split.train[:10])
    assert len(experiment.batches(0)) == len(small().batches(0)) == 45 // 8
    assert torch.equal(small(labels=10, teacher=Says(0)).shown, experiment.split.train)
    for plain, taught in zip(
        small(shifts=2).batches(3).epoch(1), small(shifts=2, teacher=Says(0)).batches(3).epoch(1), strict=True
    ):
        assert (len(plain), len(taught)) == (2, 3)
        assert torch.equal(plain[0], taught[0])


def test_arms_of_one_seed_share_weights_and_batches(small):
    plain, taught = small().model(3), small(teacher=Says(0), task=Distillation(0.5, 2.0)).model(3)
    other = small().model(4)
    assert all(
        torch.equal(a, b) for a, b in zip(plain.state_dict().values(), taught.state_dict().values(), strict=True)
    )
    assert not torch.equal(plain[1][0][0][0].weight, other[1][0][0][0].weight)


def test_what_cannot_be_run_is_refused(runs, small):
    with pytest.raises(ValueError, match="the device computes in bf16-mixed and mine/small asks for 32-true"):
        run(small(), 0, fabric("bf16-mixed"))
    for seed in (-1, 2**40, 10**20, 0.5, True, "0"):
        with pytest.raises(ValueError, match=f"the seed is {seed!r}"):
            run(small(), seed)
    for field in ("labels", "shifts"):
        for value in (0, -5, True, 2.0, "2"):
            with pytest.raises(ValueError, match=f"{field} is {value!r}; it must be a positive integer"):
                small(**{field: value})
    parts = small().split
    for indices, said in (
        (torch.tensor([], dtype=torch.long), "is empty"),
        (torch.tensor([-1, 999]), "from -1 to 999"),
    ):
        with pytest.raises(ValueError, match=f"the test part of the split (is|goes) ?{said.removeprefix('is ')}"):
            small(split=Split(parts.train, parts.validation, indices))
    for name in ("", "../mine", "/mine", "mine/", ".mine", "mine//small", "mine/../small", "a\nb"):
        with pytest.raises(ValueError, match="the name is"):
            small(name)
    with pytest.raises(TypeError, match="cannot stand in a configuration"):
        entry(small(network=lambda shape, classes: cnn(shape, classes, (4, 6))), 0)
    assert not runs.exists()


def test_a_read_only_store_gives_its_results(small_disk, small, monkeypatch):
    disk = small_disk(4096)
    monkeypatch.setenv("HW3_RUNS", str(disk))
    result = run(small(), 0)
    small_disk.read_only()
    assert run(small(), 0) == result
    with pytest.raises(DataError, match=r"Read-only file system.*HW3_RUNS"):
        run(small(), 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's own thread
@pytest.mark.parametrize("kilobytes", [0, 8, 24, 40, 60, 80])
def test_a_full_disk_is_named_and_the_run_goes_on_once_there_is_space(small_disk, small, monkeypatch, runs, kilobytes):
    expected = without_seconds(run(small(), 0))
    disk = small_disk(2048)
    monkeypatch.setenv("HW3_RUNS", str(disk))
    (disk / "filler").write_bytes(b"x" * (2048 - kilobytes) * 1024)
    with pytest.raises(DataError, match=r"No space left on device.*HW3_RUNS"):
        run(small(), 0)
    (disk / "filler").unlink()
    assert without_seconds(run(small(), 0)) == expected


KILLED = """
import json, os, sys
from pathlib import Path
import torch, torch.utils.tensorboard
torch.set_num_threads(1)
sys.path.insert(0, {here!r})
import conftest, test_run as t
from hw3.studies.run import run
root, expected, every = Path({root!r}), json.loads(Path({expected!r}).read_text()), 3
small = conftest.experiments_of(conftest.made_up())
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

def begins(folder, number):
    global limit
    os.environ["HW3_RUNS"], limit = str(folder), number
    run(small(), 0)

def goes_on(folder):
    os.environ["HW3_RUNS"] = str(folder)
    result = run(small(), 0)
    assert json.loads(json.dumps(t.plain(result))) == expected, folder
    (kept,) = {{path for path, record in t.entries(folder)}}
    names = {{path.name for path in kept.iterdir()}}
    assert names == {{"entry.json", "result.json", "best.pt", "histograms.json", "tensorboard"}}, names

kills, number = 0, 1
while in_a_child(lambda: begins(root / str(number), number)) == -9:
    kills += 1
    assert in_a_child(lambda: goes_on(root / str(number))) == 0, number
    number += every
print(kills)
"""


def plain(result):
    values = without_seconds(result)
    return [asdict(value) if hasattr(value, "confusion") else value for value in values]


def test_a_run_that_is_killed_before_any_change_of_a_file_ends_as_if_it_had_not_been(runs, small, tmp_path):
    """Every third of them; the store then holds this run alone and whole."""
    expected = tmp_path / "expected.json"
    expected.write_text(json.dumps(plain(run(small(), 0))))
    code = KILLED.format(here=str(HERE), root=str(tmp_path / "killed"), expected=str(expected))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= 8


TOGETHER = """
import os, sys, torch
sys.path.insert(0, sys.argv[1])
from functools import partial
import conftest
from hw3.nets.mlp import mlp
from hw3.data.images import split
from hw3.studies.run import Experiment, run
from hw3.train.device import fabric, first_process
from hw3.train.settings import Training
devices, seed = int(sys.argv[2]), eval(sys.argv[3])
device = fabric("32-true", devices)
data = conftest.made_up()
experiment = Experiment("mine/mlp", data, split(data, test=0.3, validation=0.2), partial(mlp, widths=(8,)),
                        Training(epochs=2, batch_size=9 if seed == 9 else 8))
result = run(experiment, seed, device)
if first_process():
    print(result.key, result.test.loss, len(result.history))
"""
PLACES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "PYTEST_CURRENT_TEST")


def together(tmp_path, devices, seed):
    (tmp_path / "script.py").write_text(TOGETHER)
    variables = {name: value for name, value in os.environ.items() if name not in PLACES}
    command = [sys.executable, "script.py", str(HERE), str(devices), seed]
    return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300)


def test_processes_that_share_a_run_store_it_once(runs, tmp_path):
    alone, shared, again = (together(tmp_path, devices, "0") for devices in (1, 2, 2))
    for done in (alone, shared, again):
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1
    assert shared.stdout.split()[0] != alone.stdout.split()[0]  # batch norm sees the shares
    assert again.stdout == shared.stdout
    assert float(shared.stdout.split()[1]) == pytest.approx(float(alone.stdout.split()[1]), rel=0.5)
    assert len(list(entries(runs))) == 2


def test_processes_with_different_runs_are_refused(runs, tmp_path):
    """Their gradients would be averaged without a complaint: the networks have the same shapes."""
    done = together(tmp_path, 2, 'int(os.environ.get("LOCAL_RANK", "0"))')
    assert done.returncode != 0
    assert "would train different runs together (mine/mlp/seed0-" in done.stderr
    assert list(entries(runs)) == [] if runs.exists() else True


def test_a_batch_that_cannot_be_divided_is_refused(runs, tmp_path):
    done = together(tmp_path, 2, "9")
    assert "a batch of 9 cannot be divided among 2 devices" in done.stderr
    assert not runs.exists()


def test_processes_that_ask_for_the_same_run_train_it_once(runs, tmp_path):
    (tmp_path / "script.py").write_text(TOGETHER)
    command = [sys.executable, "script.py", str(HERE), "1", "0"]
    processes = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1]
    ((folder, _),) = entries(runs)
    assert len(list((folder / "tensorboard").iterdir())) == 1
    assert read(folder).epochs == 2


def test_a_network_of_uint8_images_may_do_without_standardization(runs, small):
    result = run(small(standardize=False, network=partial(whole, scale=255.0)), 0)
    assert result.weights["1.weight"].shape == (3, 432)
    assert result.multiplications == 3 * 432


class Scaled(torch.nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, images):
        return images.flatten(1) / self.scale


def whole(shape, classes, scale):
    channels, height, width = shape
    return torch.nn.Sequential(Scaled(scale), torch.nn.Linear(channels * height * width, classes))
