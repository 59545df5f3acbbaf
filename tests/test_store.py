"""The one memory: what changes a key and what does not, what is made again, and who waits."""

import hashlib
import json
import linecache
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hw3 import store
from hw3.files import DataError
from hw3.store import Entry, closure, current, described, entries, leftovers, once, read, remove

FILES = {
    "top.py": '"""Words."""\nfrom hw3.room.middle import twice\n\ndef top(x):\n    """More."""\n    return twice(x)\n',
    "room/__init__.py": "",
    "room/middle.py": "def twice(x):\n    from hw3.room import low  # needed here alone\n    return low.two * x\n",
    "room/low.py": "two = 1 + 1\n",
    "room/unused.py": "three = 3\n",
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small package of the same name, to change."""
    root = tmp_path / "hw3"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(store, "LIBRARY", root)
    return root


def key(module="hw3.top", what=()):
    return Entry("kind", dict(what), (ModuleType(module),), Path("root")).key


def edit(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_code_is_followed_through_all_imports_also_inside_functions(library):
    assert list(closure(["hw3.top"])) == ["hw3.room", "hw3.room.low", "hw3.room.middle", "hw3.top"]
    assert list(closure(["hw3.room.low", "torch", "json.decoder"])) == ["hw3.room.low"]


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("room/low.py", "two = 1 + 1\n", "# why\ntwo = 1 + 1  # because\n\n"),
        ("top.py", '"""Words."""', '"""Other words."""'),
        ("top.py", '    """More."""\n', ""),
        ("room/middle.py", "def twice(x):\n", 'def twice(x):\n    """New."""\n'),
        ("room/unused.py", "3", "4"),
        ("top.py", "from hw3.room.unused", "from hw3.room.unused import Four\n    from hw3.room.unused"),
    ],
)
def test_a_comment_a_docstring_an_unused_file_change_no_key(library, file, before, after):
    edit(library / "top.py", "\n\ndef", "\n\nif TYPE_CHECKING:\n    from hw3.room.unused import Three\n\n\ndef")
    first = key()
    edit(library / file, before, after)
    (library / "room" / "new.py").write_text("four = 4\n")
    assert key() == first


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("room/low.py", "1 + 1", "1 - 1"),
        ("room/middle.py", "low.two * x", "low.two / x"),
        ("top.py", "return twice(x)", "return twice(x) or None"),
        ("room/low.py", "two = 1 + 1\n", "two = 1 + 1\nthree = 3\n"),
        ("room/__init__.py", "", "two = 2"),
    ],
)
def test_an_operator_anywhere_below_does(library, file, before, after):
    first, beside = key(), key("hw3.room.unused")
    edit(library / file, before, after)
    assert key() != first
    assert key("hw3.room.unused") == beside


def test_no_module_of_the_package_imports_by_a_relative_name():
    """Those are not followed."""
    for path in Path(store.__file__).parent.rglob("*.py"):
        assert not any(line.lstrip().startswith("from .") for line in path.read_text(encoding="utf-8").splitlines())


def test_a_key_follows_what_is_asked_and_the_versions(monkeypatch):
    first = key("hw3.files", {"seed": 0})
    assert key("hw3.files", {"seed": 0}) == first
    others = [key("hw3.files", {"seed": 1}), key("hw3.theory.layers", {"seed": 0})]
    monkeypatch.setattr(store, "versions", lambda: {"torch": "0"})
    others.append(key("hw3.files", {"seed": 0}))
    assert len({first, *others}) == 4


MINE = "from hw3.room import twice\nfrom torch import nn\n\ndef network(x):\n    return twice(x) + 1\n"


def stranger(tmp_path, monkeypatch, text, name="mine"):
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop(name, None)
    module = ModuleType(name)
    module.__file__ = str(tmp_path / f"{name}.py")
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, name, module)
    return Entry("kind", {}, (module.network,), Path("root")).key


def test_a_strangers_code_counts_by_its_file_and_by_what_it_uses_of_ours(library, tmp_path, monkeypatch):
    """Here by a name that a room only hands on, as ``from hw3.nets import sized_cnn`` does."""
    room = ModuleType("hw3.room")
    room.twice = lambda x: 2 * x
    room.twice.__module__ = "hw3.room.middle"
    monkeypatch.setitem(sys.modules, "hw3.room", room)
    first = stranger(tmp_path, monkeypatch, MINE)
    assert stranger(tmp_path, monkeypatch, "# mine\n" + MINE) == first
    assert stranger(tmp_path, monkeypatch, MINE.replace("+ 1", "- 1")) != first
    edit(library / "room" / "low.py", "1 + 1", "1 - 1")
    assert stranger(tmp_path, monkeypatch, MINE) != first


def test_what_a_partial_function_hands_on_counts(library):
    def handing(*things):
        return Entry("kind", {}, (partial(double, *things),), Path("root")).key

    one, other = (type(name, (), {"__module__": f"hw3.room.{name}"}) for name in ("low", "unused"))
    first = handing(3, one)
    assert len({first, handing(3), handing(3, other), handing(3, partial(double, other))}) == 3
    edit(library / "room" / "low.py", "1 + 1", "1 - 1")
    assert handing(3, one) != first


def test_code_of_a_notebook_counts_by_its_own_definition(tmp_path, monkeypatch):
    def in_a_cell(text):
        """As IPython does it: no file, and the source in the line cache."""
        module, name = ModuleType("cell"), f"<cell {abs(hash(text))}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), module.__dict__)
        monkeypatch.setitem(sys.modules, "cell", module)
        return Entry("kind", {}, (module.network,), Path("root")).key

    first = in_a_cell("def network(x):\n    return x + 1\n")
    assert in_a_cell("y = 1\n\ndef network(x):\n    # why\n    return x + 1\n") == first
    assert in_a_cell("def network(x):\n    return x - 1\n") != first


def test_code_without_a_text_is_refused():
    scope = {"__name__": "nowhere"}
    exec("def network(x): return x", scope)
    with pytest.raises(TypeError, match="source of <function network"):
        _ = Entry("kind", {}, (scope["network"],), Path("root")).key


@dataclass(frozen=True)
class Settings:
    rate: float
    sizes: tuple[int, ...] = (1, 2)


class Color(Enum):
    RED = 1


def double(x, by=2):
    return by * x


class Doubler:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return self.by * x

    def call(self, x):
        return self.by * x


def test_descriptions_are_plain_and_complete():
    plain = described(
        {
            "settings": Settings(0.1),
            "call": partial(double, 3, by=Settings(0.2, ())),
            "function": double,
            "class": Settings,
            3: [None, True, 1.5, "x"],
            "asked": SimpleNamespace(what={"digest": "abc"}),
        }
    )
    here = double.__module__
    assert plain == {
        "settings": {"kind": "Settings", "rate": 0.1, "sizes": [1, 2]},
        "call": {
            "call": f"{here}.double",
            "argument 0": 3,
            "by": {"kind": "Settings", "rate": 0.2, "sizes": []},
        },
        "function": {"call": f"{here}.double"},
        "class": {"call": f"{here}.Settings"},
        "3": [None, True, 1.5, "x"],
        "asked": {"digest": "abc"},
    }
    assert json.loads(json.dumps(plain)) == plain


def closed_over(width):
    def network(x):
        return width * x

    return network


@pytest.mark.parametrize(
    "thing",
    [
        Path("x"),
        {1, 2},
        b"x",
        Color.RED,
        object(),
        lambda x: x,
        closed_over(3),
        Doubler(3),
        Doubler(3).call,
        partial(lambda x, y: x, 1),
    ],
)
def test_what_has_no_plain_description_is_refused(thing):
    """A lambda or an inner function holds values that its name does not tell: two of them would share a key."""
    with pytest.raises(TypeError, match="cannot stand in a configuration"):
        described({"deep": [thing]})


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


def counted(calls, text="made"):
    def make(folder):
        calls.append(folder)
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text(text)

    return make


def test_what_is_asked_twice_is_made_once(root):
    calls = []
    first, again, other = (once("kind/of", {"n": n}, counted(calls), root=root, label="seed0") for n in (1, 1, 2))
    assert first == again != other
    assert len(calls) == 2
    assert (first / "deep" / "file").read_text() == "made"
    assert first.parent == root / "kind" / "of"
    assert first.name.startswith("seed0-")
    record = read(first)
    assert record["what"] == {"n": 1}
    assert list(record["files"]) == ["deep/file"]
    assert {p.name for p in first.parent.iterdir() if not p.name.startswith(".")} == {first.name, other.name}


def test_by_default_it_is_kept_with_the_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "here"))
    assert once("kind", {}, counted([])).is_relative_to(tmp_path / "here")


def flip(path):
    content = bytearray(path.read_bytes())
    content[1] ^= 1
    path.write_bytes(content)


def replace_by_folder(path):
    path.unlink()
    (path / "inside").mkdir(parents=True)


def edit_record(path):
    edit(path, '"n": 1', '"n": 2')


def reseal(path, **changes):
    """Another record with a right checksum."""
    record = json.loads(path.read_text()) | changes
    del record["checksum"]
    record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(record))


DAMAGES = {
    "a bit flipped": ("deep/file", flip),
    "cut": ("deep/file", lambda path: path.write_bytes(path.read_bytes()[:-1])),
    "empty": ("deep/file", lambda path: path.write_bytes(b"")),
    "missing": ("deep/file", Path.unlink),
    "a folder instead": ("deep/file", replace_by_folder),
    "record edited": ("entry.json", edit_record),
    "record cut": ("entry.json", lambda path: path.write_bytes(path.read_bytes()[:-9])),
    "record empty": ("entry.json", lambda path: path.write_bytes(b"")),
    "record missing": ("entry.json", Path.unlink),
    "record a folder": ("entry.json", replace_by_folder),
    "record a list": ("entry.json", lambda path: path.write_text("[1]")),
    "record of nothing": ("entry.json", lambda path: path.write_text("{}")),
    "record nested": ("entry.json", lambda path: path.write_text("[" * 100_000)),
    "record a pipe": ("entry.json", lambda path: path.unlink() or os.mkfifo(path)),
    **{
        f"sealed with files {files}": ("entry.json", partial(reseal, files=files))
        for files in (None, [], ["deep/file"], {"deep/file": [1]}, {"deep/file": None})
    },
    "record no text": ("entry.json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
    "everything gone": ("deep/file", lambda path: shutil.rmtree(path.parent.parent) or path.parent.parent.mkdir()),
    "a file instead of all": (
        "deep/file",
        lambda path: shutil.rmtree(path.parent.parent) or path.parent.parent.write_text("x"),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_named_and_made_again(root, capsys, damage):
    calls = []
    folder = once("kind", {"n": 1}, counted(calls), root=root)
    file, harm = DAMAGES[damage]
    harm(folder / file)
    for _ in range(3):  # the second call and the third work too
        assert once("kind", {"n": 1}, counted(calls), root=root) == folder
        assert (folder / "deep" / "file").read_text() == "made"
    assert len(calls) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"{folder} is damaged" in lines[0]
    assert "made again" in lines[0]


def test_asking_whether_something_is_stored_makes_nothing(root):
    place = Entry("kind", {"n": 1}, (counted,), root)
    assert place.stored() is None
    assert not root.exists()
    assert place.made(counted([])) == place.stored() == place.folder


def test_a_read_only_store_gives_what_it_has_and_names_itself_for_the_rest(small_disk, monkeypatch):
    disk = small_disk(256)
    monkeypatch.setenv("HW3_RUNS", str(disk))
    folder = once("kind", {"n": 1}, counted([]))
    small_disk.read_only()
    assert once("kind", {"n": 1}, counted([])) == folder
    assert [path for path, _ in entries(disk)] == [folder]
    for kind in ("kind", "another"):
        with pytest.raises(DataError, match=r"Read-only file system.*HW3_RUNS"):
            once(kind, {"n": 2}, counted([]))


def test_a_full_disk_is_named_and_costs_nothing_once_there_is_space(small_disk, monkeypatch):
    disk = small_disk(128)
    monkeypatch.setenv("HW3_RUNS", str(disk))
    size = [10**6]

    def make(folder):
        (folder / "file").write_bytes(b"x" * size[0])

    with pytest.raises(DataError, match=r"No space left on device.*HW3_RUNS"):
        once("kind", {}, make)
    size[0] = 1000
    assert (once("kind", {}, make) / "file").stat().st_size == 1000


def test_a_failed_make_leaves_no_entry_and_the_next_may_go_on_from_it(root):
    def fails(folder):
        (folder / "half").write_text("half")
        raise ValueError("no")

    def goes_on(folder):
        (folder / "whole").write_text((folder / "half").read_text() + " and half")
        (folder / "half").unlink()

    with pytest.raises(ValueError, match="no"):
        once("kind", {}, fails, root=root)
    assert list(entries(root)) == []
    assert (once("kind", {}, goes_on, root=root) / "whole").read_text() == "half and half"


SLOW = """
import os, sys, time
from pathlib import Path
from hw3.files import whole
from hw3.store import Entry
def make(folder):
    with open(sys.argv[2], "a") as log:
        log.write(f"{os.getpid()}\\n")
    if sys.argv[3] == "kill":
        with whole(folder / "file") as path:
            path.write_text("half")
            os.kill(os.getpid(), 9)
    time.sleep(1)
    (folder / "file").write_text("made")
print(Entry("kind", {}, (Entry,), Path(sys.argv[1])).made(make))
"""


def process(root, log, mode="make"):
    command = [sys.executable, "-c", SLOW, str(root), str(log), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_ask_at_once_make_it_once(root, tmp_path):
    processes = [process(root, tmp_path / "log") for _ in range(3)]
    outputs = [one.communicate(timeout=60) for one in processes]
    assert [one.returncode for one in processes] == [0] * 3, outputs
    assert len({out for out, _ in outputs}) == 1
    assert len((tmp_path / "log").read_text().split()) == 1


def test_a_kill_in_the_middle_leaves_no_entry_and_the_next_goes_on(root, tmp_path):
    killed = process(root, tmp_path / "log", "kill")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert list(entries(root)) == []
    after = process(root, tmp_path / "log")
    out, err = after.communicate(timeout=60)
    assert after.returncode == 0, err
    assert [path.name for path in sorted(Path(out.strip()).rglob("*"))] == ["entry.json", "file"]  # nothing of before


def test_processes_that_meet_a_damaged_entry_make_it_again_once(root, tmp_path):
    assert process(root, tmp_path / "log").wait(60) == 0
    ((folder, _),) = entries(root)
    (folder / "file").write_text("madly")
    processes = [process(root, tmp_path / "log") for _ in range(3)]
    outputs = [one.communicate(timeout=60) for one in processes]
    assert [one.returncode for one in processes] == [0] * 3, outputs
    assert (folder / "file").read_text() == "made"
    assert len((tmp_path / "log").read_text().split()) == 2
    assert sum(err.count("made again") for _, err in outputs) == 1


def test_a_worker_that_is_forked_while_another_makes_waits(root):
    context = multiprocessing.get_context("fork")
    begun, log = context.Event(), root.parent / "log"

    def make(folder):
        with log.open("a") as file:
            file.write("made\n")
        begun.set()
        (folder / "file").write_text("made")

    workers = [context.Process(target=once, args=("kind", {}, make), kwargs={"root": root}) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 3
    assert log.read_text() == "made\n"


def test_entries_are_listed_and_what_is_no_entry_is_passed_over(root, capsys):
    folder = once("a/b", {"n": 1}, counted([]), root=root)
    damaged = once("a/b", {"n": 2}, counted([]), root=root)
    (damaged / "deep" / "file").unlink()
    (root / "a" / "notes.txt").write_text("mine")
    old = root / "shoes" / "mlp" / "seed0-123"
    old.mkdir(parents=True)
    (old / "result.json").write_text("{}")
    newer = once("c", {}, counted([]), root=root)
    record = json.loads((newer / "entry.json").read_text())
    record["format"] += 1
    del record["checksum"]
    record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    (newer / "entry.json").write_text(json.dumps(record))
    kept = dict(entries(root))
    assert kept[folder]["what"] == {"n": 1}
    assert [path for path, record in kept.items() if record is None] == [damaged, newer, old]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert f"{damaged} is damaged" in lines[0]
    assert f"{newer} is of another version, passed over" in lines[1]
    assert f"{old} is of another version, passed over" in lines[2]
    assert "made again" not in "".join(lines)


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path / 'typo'} is not there"):
        list(entries(tmp_path / "typo"))


def test_entries_of_code_or_versions_that_changed_are_not_current(library, root, monkeypatch):
    folder = Entry("kind", {}, (ModuleType("hw3.top"),), root).made(counted([]))
    record = read(folder)
    assert current(record)
    edit(library / "top.py", '"""Words."""', '"""Others."""')
    assert current(record)
    monkeypatch.setattr(store, "versions", lambda: {"torch": "0"})
    assert not current(record)
    monkeypatch.undo()
    monkeypatch.setattr(store, "LIBRARY", library)
    edit(library / "room" / "low.py", "1 + 1", "1 - 1")
    assert not current(record)
    edit(library / "room" / "low.py", "1 - 1", "1 + 1")
    assert current(record)
    (library / "top.py").unlink()
    assert not current(record)


def test_a_strangers_entry_stays_current_while_ours_does(root):
    """Its own code is not at hand when someone tidies up."""
    assert current(read(Entry("kind", {}, (double,), root).made(counted([]))))


def test_the_code_that_counts_is_that_of_the_beginning(library, root):
    """Someone edits while it is being made: the entry is that of the old code."""

    def make(folder):
        edit(library / "top.py", "return twice(x)", "return -twice(x)")

    place = Entry("kind", {}, (ModuleType("hw3.top"),), root)
    record = read(place.made(make))
    assert not current(record)
    assert place.stored() is None


def test_an_entry_can_be_taken_away(root):
    folder = once("kind", {}, counted([]), root=root)
    remove(folder)
    assert list(entries(root)) == []
    with pytest.raises(DataError, match=str(folder)):
        remove(folder)


def test_files_of_earlier_versions_are_found(root):
    for name in ("decoded/a.npy", "features/b.npy", "features/.b.lock"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    once("features", {}, counted([]), root=root)
    assert leftovers(root) == [root / "decoded" / "a.npy", root / "features" / "b.npy"]
