"""Downloads: a silent server is not waited for again and again, and what was fetched stays."""

import os
import socket
import time
import urllib.error
import urllib.request

import pytest

from hw3.data.download import archive, fetched, kept, official, reachable
from hw3.files import DataError

URL = "https://example.invalid/data.tar.gz"


@pytest.fixture
def server(monkeypatch):
    """A server that notes when it is asked, and answers as the test says."""
    asked = []

    class Server:
        error: Exception | None = socket.gaierror(-2, "Name or service not known")

        def __call__(self, request, timeout):
            asked.append(request.full_url)
            if self.error:
                raise self.error
            return open(os.devnull, "rb")

    server = Server()
    server.asked = asked
    monkeypatch.setattr(urllib.request, "urlopen", server)
    return server


def test_a_silent_server_is_asked_once_in_ten_minutes(server, cache):
    assert not reachable(URL)
    assert not reachable(URL + "?other")
    assert len(server.asked) == 1
    server.error = None
    (memo,) = (cache / "unreachable").iterdir()
    os.utime(memo, (time.time() - 601,) * 2)
    assert reachable(URL)


def test_a_server_is_asked_again_after_the_clock_was_set_back(server, cache):
    assert not reachable(URL)
    (memo,) = (cache / "unreachable").iterdir()
    os.utime(memo, (time.time() + 3600 * 24 * 365,) * 2)
    server.error = None
    assert reachable(URL)


def test_any_answer_is_an_answer(server):
    server.error = urllib.error.HTTPError(URL, 403, "Forbidden", None, None)
    assert reachable(URL)


def test_a_cache_that_cannot_be_written_is_no_error(server, cache, monkeypatch):
    (cache / "file").write_text("x")
    monkeypatch.setenv("HW3_CACHE", str(cache / "file"))
    assert not reachable(URL)


def test_what_was_fetched_is_kept_whatever_changes_in_this_package(monkeypatch):
    folder = fetched("some", lambda folder: (folder / "file").write_text("x"))
    monkeypatch.setattr("hw3.store.versions", lambda: {"torch": "99"})
    assert kept("some") == folder
    assert fetched("some", lambda folder: pytest.fail("fetched again")) == folder
    assert kept("other") is None


@pytest.mark.parametrize(
    ("there", "answers", "hw3_data", "kind", "expected"),
    [
        (True, True, None, None, "cache"),
        (True, False, None, "cache", "cache"),
        (True, True, None, "kaggle", "kaggle"),
        (False, True, None, None, "kaggle"),
        (False, True, None, "kaggle", "kaggle"),
        (False, False, None, None, None),
        (False, True, None, "cache", None),
        (False, True, None, "digits", None),
        (True, True, "stand-ins", None, None),
        (True, True, "stand-ins", "cache", "cache"),
    ],
)
def test_where_the_official_files_come_from(monkeypatch, there, answers, hw3_data, kind, expected):
    def fetch(folder):
        (folder / "file").write_text("x")

    if there:
        fetched("some", fetch)
    if hw3_data:
        monkeypatch.setenv("HW3_DATA", hw3_data)
    monkeypatch.setattr("hw3.data.download.reachable", lambda url: answers)
    result = official("some", "kaggle", URL, fetch, kind)
    assert (result and result[1]) == expected
    assert result is None or (result[0] / "file").read_text() == "x"


def test_a_download_that_breaks_names_its_address(tmp_path):
    missing = (tmp_path / "gone.tar.gz").as_uri()
    with pytest.raises(DataError, match=rf"the download of {missing} broke .*; try again"):
        archive(missing, "0" * 32, tmp_path)
