"""Shared by all tests: caches and runs of their own, so that a user's are neither used nor touched."""

import os
import subprocess

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests beside each other on the same cores: threads of one would wait for those of the other. Torch reads this when
    # it is imported, which tests of the theory do without.
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory):
    """Downloads may come from the user's cache, if HW3_CACHE names one; runs never do."""
    os.environ["HW3_RUNS"] = str(tmp_path_factory.mktemp("runs"))
    if "HW3_CACHE" not in os.environ:
        os.environ["HW3_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ.pop("HW3_PROGRESS", None)
    os.environ.pop("HW3_PROFILE", None)


@pytest.fixture
def clean_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small_disk(tmp_path):
    """``small_disk(kilobytes)`` is an empty disk of that size, for root; ``small_disk.read_only()`` makes it so."""
    place = tmp_path / "disk"

    def mount(*arguments):
        try:
            return subprocess.run(["mount", *arguments, place], capture_output=True).returncode == 0
        except OSError:
            return False

    def make(kilobytes):
        place.mkdir()
        if not mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs"):
            pytest.skip("only root can mount a disk")
        return place

    make.read_only = lambda: mount("-o", "remount,ro")
    yield make
    if place.is_mount():
        subprocess.run(["umount", "--lazy", place], check=True)
