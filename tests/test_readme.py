"""The README's own code runs as it stands there, and its commands exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from hw3.cli import parser
from hw3.store import entries
from hw3.studies.run import read

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


THEORY, OWN = blocks("python")
COMMANDS = [line for block in blocks("bash") for line in block.splitlines() if re.search(r"\bhw3 ", line)]


def test_the_short_example_prints_what_its_comments_say(capsys):
    exec(THEORY, {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"print\(.*\)  # (.*)$", THEORY, re.MULTILINE)


def test_the_own_experiment_is_short_enough_to_read():
    assert len([line for line in OWN.splitlines() if line.strip()]) <= 20


@pytest.fixture
def leaves(tmp_path, monkeypatch):
    """Two classes of small images, brighter above or below, with the names that people give."""
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("HW3_DATA", raising=False)
    generator = torch.Generator().manual_seed(0)
    for number, name in enumerate(("Eiche (alt)", "maple & co")):
        (tmp_path / "leaves" / name).mkdir(parents=True)
        for index in range(24):
            pixels = torch.randint(0, 120, (30, 40, 3), dtype=torch.uint8, generator=generator)
            pixels[15 * number : 15 * number + 15] += 90
            ending = (".png", ".jpg", ".JPEG")[index % 3]
            Image.fromarray(pixels.numpy()).save(tmp_path / "leaves" / name / f"Blatt Nr. {index}{ending}")
    return tmp_path


def test_the_own_experiment_runs_as_it_stands_and_trains_nothing_the_second_time(leaves):
    (leaves / "mine.py").write_text(OWN, encoding="utf-8")
    first, second = (
        subprocess.run([sys.executable, "mine.py"], cwd=leaves, capture_output=True, text=True) for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "6 runs to do" in first.stderr
    assert "runs to do" not in second.stderr
    assert first.stdout == second.stdout
    assert re.fullmatch(r"[A-Z].*test accuracy.*\.\n", first.stdout)
    results = [read(folder) for folder, _ in entries(leaves / "runs")]
    assert {(result.name, result.seed) for result in results} == {
        (f"leaves/{name}", seed) for name in ("network", "wide") for seed in (0, 1, 2)
    }
    assert {result.class_names for result in results} == {("Eiche (alt)", "maple & co")}
    assert {result.epochs for result in results} == {3}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_exists(line):
    words = shlex.split(line, comments=True)
    parsed = parser().parse_args(words[words.index("hw3") + 1 :])
    assert callable(parsed.call)


def test_there_are_commands_in_the_readme():
    assert len(COMMANDS) >= 12
