"""The cells of the pages, read as a program: nothing unused, and no long logic where nobody sees it."""

import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [path for path in sorted((ROOT / "book").rglob("*.md")) if "{code-cell}" in path.read_text(encoding="utf-8")]
SHORT = 10  # lines of a cell that a page removes


def cells(path):
    return [cell for cell in jupytext.read(path, fmt="md:myst").cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_cells_import_and_name_nothing_that_they_do_not_use(path):
    code = "\n".join(cell.source.rstrip(";") for cell in cells(path))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", "--stdin-filename", "page.py", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_removed_cell_holds_no_long_logic(path):
    removed = [cell.source for cell in cells(path) if "remove-cell" in cell.metadata.get("tags", [])]
    assert [source for source in removed if len(source.splitlines()) > SHORT] == []
