"""Folders, files that are written whole or not at all, locks, and the words for a disk that is full or read-only."""

import errno
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hw3 import files
from hw3.files import (
    DataError,
    bench_file,
    cache_dir,
    data_dir,
    explained,
    full,
    lock,
    report,
    runs_dir,
    sha256,
    whole,
    writing,
)


def write_half(target, error):
    with whole(target) as part:
        part.write_text("half")
        raise error


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "file"
    with pytest.raises(KeyboardInterrupt):
        write_half(target, KeyboardInterrupt())
    assert list(target.parent.iterdir()) == []
    with whole(target) as part:
        part.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_failed_second_writing_leaves_the_first(tmp_path):
    target = tmp_path / "file"
    with whole(target) as part:
        part.write_text("first")
    with pytest.raises(ValueError, match="no"):
        write_half(target, ValueError("no"))
    assert target.read_text() == "first"


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for name in ("old", "new"):
        with whole(tmp_path / "folder") as part:
            (part / "inside").mkdir(parents=True)
            (part / "inside" / name).write_text(name)
    assert [path.name for path in (tmp_path / "folder").rglob("*")] == ["inside", "new"]


def test_a_killed_writer_leaves_nothing_under_the_targets_name(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from hw3.files import whole\n"
        "with whole(Path(sys.argv[1])) as part:\n    part.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")])
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "file").exists()
    with whole(tmp_path / "file") as part:  # what it left is in nobody's way
        part.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"


def test_what_is_written_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """Else a power cut could leave an empty file under the name."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def settled(handle):
        calls.append(("fsync", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        fsync(handle)

    def renamed(source, target):
        calls.append(("rename", Path(target).name))
        replace(source, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("the name of an open file is asked of /proc")
    monkeypatch.setattr(os, "fsync", settled)
    monkeypatch.setattr(os, "replace", renamed)
    with whole(tmp_path / "folder") as part:
        part.mkdir()
        (part / "file").write_text("x")
    assert calls.index(("fsync", "file")) < calls.index(("rename", "folder"))
    assert calls.index(("fsync", "folder")) < calls.index(("rename", "folder"))
    assert calls[-1] == ("fsync", tmp_path.name)  # the folder that holds the new name


def test_a_full_disk_names_the_place_and_the_variable(tmp_path, monkeypatch):
    places = {"HW3_RUNS": tmp_path / "runs", "HW3_CACHE": tmp_path / "cache", "TMPDIR": tmp_path / "tmp"}
    for name, place in places.items():
        place.mkdir()
        monkeypatch.setenv(name, str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)  # asked anew of TMPDIR
    for name, place in places.items():
        with pytest.raises(DataError, match=rf"{place / 'file'} .*No space left.*{name}$"):
            write_half(place / "file", OSError(errno.ENOSPC, "No space left on device"))
        assert list(place.iterdir()) == []
    with pytest.raises(DataError, match=r"elsewhere/file .*free space or correct its rights"):
        write_half(tmp_path / "elsewhere" / "file", OSError(errno.ENOSPC, "No space left on device"))


def test_a_disk_that_is_really_full_is_named(small_disk, monkeypatch):
    place = small_disk(64)
    monkeypatch.setenv("HW3_RUNS", str(place))
    with (
        pytest.raises(DataError, match=rf"{place / 'file'} .*No space left on device.*HW3_RUNS"),
        whole(place / "file") as part,
    ):
        part.write_bytes(b"x" * 10**6)
    assert list(place.iterdir()) == []
    with whole(place / "file") as part:
        part.write_bytes(b"x" * 1000)


def test_a_full_place_is_found_where_an_error_names_no_file(small_disk, tmp_path, monkeypatch):
    """Python does not say which file it was writing."""
    place = small_disk(64)
    for name in ("HW3_RUNS", "HW3_CACHE", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert full() == []
    monkeypatch.setenv("TMPDIR", str(place))
    with (place / "file").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 64 * 1024)
        with pytest.raises(OSError, match="No space left") as caught:
            os.pwrite(file.fileno(), b"x", 64 * 1024)
    assert caught.value.filename is None
    words = f"{place} has 0 bytes left; free space there, or name another folder by TMPDIR"
    assert full(1) == [words]
    assert explained(caught.value) == f"No space left on device; {words}"


def test_an_error_of_the_system_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(tmp_path))
    named = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "deep" / "file"))
    assert re.fullmatch(r".*/deep/file cannot be written: No space left.* by HW3_RUNS", explained(named))
    assert explained(FileNotFoundError(errno.ENOENT, "No such file", "x")) == "[Errno 2] No such file: 'x'"
    monkeypatch.setenv("HW3_RUNS", "/proc/nowhere")
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/nowhere")
    assert explained(missing) == (
        "/proc/nowhere cannot be a folder (No such file or directory); name another one by HW3_RUNS"
    )
    monkeypatch.setenv("HW3_RUNS", str(tmp_path))
    absent = FileNotFoundError(errno.ENOENT, "No such file", str(tmp_path / "mine.txt"))
    assert explained(absent) == str(absent)  # of a file in a folder that is there nothing else is known


def test_torchs_own_words_for_a_full_disk_become_ours(small_disk, monkeypatch):
    import torch

    place = small_disk(64)
    monkeypatch.setenv("HW3_CACHE", str(place))
    with pytest.raises(DataError, match=r"No space left on device.*HW3_CACHE"), writing(place / "weights"):
        torch.save(torch.zeros(10**6), place / "weights")


def test_a_read_only_disk_is_named_by_whatever_writes_there(small_disk, monkeypatch):
    place = small_disk(64)
    monkeypatch.setenv("HW3_RUNS", str(place))
    small_disk.read_only()
    words = r"Read-only file system.*HW3_RUNS"
    with pytest.raises(DataError, match=words), whole(place / "file") as part:
        part.write_text("x")
    with pytest.raises(DataError, match=words), lock(place / "file"):
        pass
    with pytest.raises(DataError, match=words), lock(place / "deeper" / "file"):
        pass


def test_other_errors_pass_as_they_are(tmp_path):
    for error in (OSError(errno.EIO, "Input/output error"), RuntimeError("no disk in it"), ValueError("no")):
        with pytest.raises(type(error)) as caught:
            write_half(tmp_path / "file", error)
        assert caught.value is error


def test_a_file_that_cannot_be_read_is_not_taken_for_one_that_cannot_be_written(tmp_path):
    """Work that writes may read elsewhere."""
    elsewhere, entry = str(tmp_path / "data" / "image.jpg"), tmp_path / "runs" / "entry"
    denied, full = (errno.EACCES, "Permission denied"), (errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError, match=elsewhere), writing(entry):
        raise PermissionError(*denied, elsewhere)
    with pytest.raises(DataError, match=r"runs/entry cannot be written: Permission denied"), writing(entry):
        raise PermissionError(*denied, str(entry / "x"))
    with pytest.raises(DataError, match=rf"{elsewhere} cannot be written: No space left"), writing(entry):
        raise OSError(*full, elsewhere)


def hold(target, log, begun):
    with lock(target):
        begun.set()
        with log.open("a") as file:
            file.write("in ")
            file.flush()
            file.write("out ")


def hold_for_ever(target, begun):
    with lock(target):
        begun.set()
        signal.pause()


def test_a_lock_admits_one_process_and_is_freed_by_a_kill(tmp_path):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    holder = context.Process(target=hold_for_ever, args=(tmp_path / "x", begun))
    holder.start()
    assert begun.wait(30)
    others = [context.Process(target=hold, args=(tmp_path / "x", tmp_path / "log", context.Event())) for _ in range(3)]
    for other in others:
        other.start()
    others[0].join(0.5)
    assert not (tmp_path / "log").exists()  # they wait
    holder.kill()
    for other in others:
        other.join(30)
    assert (tmp_path / "log").read_text() == "in out " * 3


def test_a_line_goes_to_standard_error_or_to_the_file_that_is_named(tmp_path, monkeypatch, capsys):
    report("one")
    monkeypatch.setenv("HW3_PROGRESS", str(tmp_path / "progress"))
    report("zwei · 二")
    report("three")
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "one\n")
    assert (tmp_path / "progress").read_text(encoding="utf-8") == "zwei · 二\nthree\n"


def test_a_file_for_lines_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_PROGRESS", str(tmp_path / "nowhere" / "lines"))
    with pytest.raises(DataError, match=r"HW3_PROGRESS is .*lines, which cannot be written: No such file"):
        report("one line")


def test_the_variables_name_the_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "a b [1]" / "..") + "/läufe")
    monkeypatch.setenv("HW3_CACHE", "~/somewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert runs_dir() == tmp_path / "läufe"
    assert cache_dir() == tmp_path / "somewhere"
    monkeypatch.delenv("HW3_RUNS")
    monkeypatch.setenv("HW3_CACHE", "")
    assert runs_dir().name == "runs"
    assert cache_dir().name == "hw3"
    assert bench_file().parts[-2:] == ("_build", "bench.json")


def test_a_name_that_means_no_folder_is_refused_with_its_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_RUNS", "~nobodyatall/runs")
    with pytest.raises(DataError, match="HW3_RUNS is '~nobodyatall/runs'"):
        runs_dir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("x")
    for value, advice in (
        ("nothing", "correct it"),
        ("file", "name the folder that it lies in"),
        ("loop", "correct it"),
    ):
        monkeypatch.setenv("HW3_DATA", str(tmp_path / value))
        with pytest.raises(DataError, match=f"HW3_DATA is '{tmp_path / value}'.*{advice}"):
            data_dir()


def test_data_are_where_the_variable_says_or_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_DATA", str(tmp_path))
    assert data_dir() == tmp_path
    for value in ("", "stand-ins", "standins"):
        monkeypatch.setenv("HW3_DATA", value)
        assert data_dir() is None
    monkeypatch.delenv("HW3_DATA")
    assert data_dir() is None


def test_a_checksum_is_that_of_the_bytes(tmp_path):
    (tmp_path / "one").write_text("1")
    assert sha256(tmp_path / "one") == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    with pytest.raises(DataError, match=f"{tmp_path / 'two'} cannot be read: No such file"):
        sha256(tmp_path / "two")


def test_installed_by_itself_results_go_to_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "site" / "hw3").mkdir(parents=True)
    monkeypatch.setattr(files, "__file__", str(tmp_path / "site" / "hw3" / "files.py"))
    monkeypatch.delenv("HW3_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert runs_dir() == tmp_path / "runs"
