"""The book's machinery on tiny books: strict builds can fail, and the cache knows the code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
FRONT = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

"""
GOOD = """\
# A tiny book

```{code-cell} python3
from myst_nb import glue
from hw3.theory import kernel

glue("count", kernel.parameters(2, 1, 1), display=False)
```

The layer has {glue:text}`count` parameters.
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    for name in ("_config.yml", "requirements.txt", "hw3", "book/_ext", "book/_static", "book/references.bib"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    return folder


@pytest.fixture
def tiny(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "book"))


def build(folder, page, *options):
    """Status and output of the same strict build as `make book`."""
    (folder / "book" / "index.md").write_text(FRONT + page)
    environment = os.environ | {"HW3_PROFILE": "smoke", "NO_COLOR": "1"}
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-W", "-n", "--keep-going", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr


def number(folder):
    html = (folder / "_build" / "html" / "book" / "index.html").read_text()
    return re.search(r"The layer has\s*(?:<[^>]*>)*\s*(\d+)", html)[1]


BROKEN = {
    "raising cell": (GOOD + "\n```{code-cell} python3\nraise OSError('on purpose')\n```\n", "on purpose"),
    "dangling reference": (GOOD + "\nSee {ref}`nowhere-at-all`.\n", "nowhere-at-all"),
    "undefined glue key": (GOOD + "\nIt is {glue:text}`no_such_key`.\n", "no_such_key"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_book_fails_every_time(tiny, defect):
    page, words = BROKEN[defect]
    for _ in range(2):
        status, output = build(tiny, page, "--all")
        assert status != 0
        assert words in output


def test_the_cache_knows_the_code_and_not_the_prose(tiny):
    status, output = build(tiny, GOOD)
    assert status == 0, output
    assert "Executed notebook" in output
    assert number(tiny) == "5"

    status, output = build(tiny, GOOD + "\nMore prose.\n")
    assert status == 0, output
    assert "Executed notebook" not in output
    assert "More prose" in (tiny / "_build" / "html" / "book" / "index.html").read_text()

    source = tiny / "hw3" / "theory" / "kernel.py"
    original = source.read_text()
    source.write_text(original.replace("in_channels + 1) * out_channels", "in_channels + 2) * out_channels"))
    assert source.read_text() != original
    status, output = build(tiny, GOOD + "\nMore prose.\n")
    assert status == 0, output
    assert "Executed notebook" in output
    assert number(tiny) == "6"

    source.write_text(original)  # the old entry is still there
    status, output = build(tiny, GOOD + "\nMore prose.\n")
    assert status == 0, output
    assert "Executed notebook" not in output
    assert number(tiny) == "5"


def test_figures_are_the_same_bytes_from_build_to_build(tiny):
    page = (ROOT / "book" / "theory" / "kernel.md").read_text().split("---\n", 2)[2]
    pictures = []
    for _ in range(2):
        shutil.rmtree(tiny / "_build", ignore_errors=True)
        status, output = build(tiny, page)
        assert status == 0, output
        found = sorted((tiny / "_build" / "html" / "_images").glob("*.svg"))
        pictures.append({path.name: path.read_bytes() for path in found})
    assert len(pictures[0]) == 1
    assert pictures[0] == pictures[1]


def test_the_configuration_has_no_misspelt_execution_key():
    """Jupyter Book passes over a key that it does not know."""
    known = {"execute_notebooks", "timeout", "allow_errors", "stderr_output", "cache", "exclude_patterns"}
    configuration = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert set(configuration["execute"]) <= known
    assert configuration["execute"]["execute_notebooks"] == "cache"


def test_every_page_is_in_the_table_of_contents_and_would_be_run():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = {contents["root"], *(c["file"] for part in contents["parts"] for c in part["chapters"])}
    pages = {
        str(p.relative_to(ROOT).with_suffix(""))
        for p in (ROOT / "book").rglob("*.md")
        if not p.parent.name.startswith("_")
    }
    assert listed == pages
    for page in pages:
        text = (ROOT / f"{page}.md").read_text()
        if "{code-cell}" in text:
            assert text.startswith("---\njupytext:"), page
            assert "\nkernelspec:\n" in text, page


def test_no_page_has_a_number_typed_beside_a_result_word():
    pattern = re.compile(r"\d+(\.\d+)? ?(%|percent|points|accuracy|times faster)")
    for page in (ROOT / "book").rglob("*.md"):
        prose = re.sub(r"```.*?```|:::\{admonition\} Question.*?:::", "", page.read_text(), flags=re.S)
        typed = [line for line in prose.splitlines() if pattern.search(line) and not re.search("glue|cite|arXiv", line)]
        assert not [line for line in typed if "70 %" not in line], page  # 70 % is the question's own number
