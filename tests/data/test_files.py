import errno
import multiprocessing

import pytest

from hw3.data.files import DataError, manifest, produce, whole


def _write_half(target, error):
    with whole(target) as part:
        part.write_text("half")
        raise error


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "file"
    with pytest.raises(KeyboardInterrupt):
        _write_half(target, KeyboardInterrupt())
    assert list(target.parent.iterdir()) == []
    with whole(target) as part:
        part.write_text("whole")
    assert target.read_text() == "whole"


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    target = tmp_path / "file"
    with pytest.raises(DataError, match=rf"{target}.*No space left.*HW3_CACHE"):
        _write_half(target, OSError(errno.ENOSPC, "No space left on device"))
    assert not target.exists()


def _slow(target, log):
    def make(path):
        with log.open("a") as file:
            file.write("made\n")
        path.write_text("x" * 1000)

    produce(target, make)


def test_two_processes_make_it_once(tmp_path):
    context = multiprocessing.get_context("fork")
    arguments = (tmp_path / "target", tmp_path / "log")
    processes = [context.Process(target=_slow, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 4
    assert (tmp_path / "log").read_text() == "made\n"


def test_the_digest_follows_content_and_names(tmp_path, clean_cache):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    before = manifest(tmp_path, [one, two])
    assert before.files["one"] == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"  # sha256 of "1"
    assert manifest(tmp_path, [one, two]).digest == before.digest
    one.write_text("11")
    assert manifest(tmp_path, [one, two]).digest != before.digest
