"""The book's machinery on tiny books: strict builds can fail, and the cache knows the code."""

import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jupytext
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


COMMAND = (str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-W", "-n", "--keep-going")


def environment():
    return os.environ | {"HW3_PROFILE": "smoke", "NO_COLOR": "1"}


def build(folder, page, *options):
    """Status and output of the same strict build as `make book`."""
    (folder / "book" / "index.md").write_text(FRONT + page)
    done = subprocess.run([*COMMAND, *options], cwd=folder, capture_output=True, text=True, env=environment())
    return done.returncode, done.stdout + done.stderr


def number(folder):
    html = (folder / "_build" / "html" / "book" / "index.html").read_text()
    return re.search(r"The layer has\s*(?:<[^>]*>)*\s*(\d+)", html)[1]


FIGURE = """
```{code-cell} python3
---
mystnb:
  figure: {name: fig-nothing, caption: Nothing is drawn here.}
  image: {alt: Nothing at all.}
---
drawn = None
```
"""
DEFECTS = {  # what would be published in silence, and the words that the build must say
    "a cell that warns": ("\n```{code-cell} python3\nimport warnings\nwarnings.warn('mind the gap')\n```\n", "stderr"),
    "a figure that no cell draws": (FIGURE, "the cell of the figure fig-nothing drew none"),
    "an unbalanced brace": ("\n$$ \\frac{1}{2 $$\n", "{ stands 2 times and } 1 times"),
    "an unknown command in a formula": (
        "\nIt is $\\nosuchmacro x$.\n",
        "MathJax does not know the command \\nosuchmacro",
    ),
    "a dangling reference": ("\nSee {ref}`nowhere-at-all`.\n", "nowhere-at-all"),
    "an undefined glue key": ("\nIt is {glue:text}`no_such_key`.\n", "no_such_key"),
    "a failure that a tag hides": (
        "\n```{code-cell} python3\n:tags: [raises-exception]\nraise ValueError('hidden')\n```\n",
        "a cell has the tag raises-exception",
    ),
    "a cell that a tag skips": (
        "\n```{code-cell} python3\n:tags: [skip-execution]\n1 / 1\n```\n",
        "a cell has the tag skip-execution",
    ),
    "a raising cell": ("\n```{code-cell} python3\nraise OSError('on purpose')\n```\n", "on purpose"),
}


def test_a_broken_book_fails_every_time_and_names_each_defect(tiny):
    page = GOOD + "".join(text for text, _ in DEFECTS.values())
    for _ in range(2):
        status, output = build(tiny, page, "--all")
        assert status != 0
        missing = [name for name, (_, words) in DEFECTS.items() if words not in output]
        assert not missing, output


@pytest.mark.parametrize(
    "defect", ["a cell that warns", "a figure that no cell draws", "an unknown command in a formula"]
)
def test_one_defect_is_enough(tiny, defect):
    text, words = DEFECTS[defect]
    status, output = build(tiny, GOOD + text)
    assert status != 0
    assert words in output


def test_errors_that_are_allowed_are_refused(tiny):
    config = tiny / "_config.yml"
    config.write_text(config.read_text().replace("allow_errors: false", "allow_errors: true"))
    status, output = build(tiny, GOOD)
    assert status != 0
    assert "allow_errors is set" in output


def test_solutions_that_are_hidden_by_name_only_are_refused(tiny):
    config = tiny / "_config.yml"
    config.write_text(config.read_text().replace("    numfig: true", "    numfig: true\n    hide_solutions: true"))
    status, output = build(tiny, GOOD)
    assert status != 0
    assert "hide_solutions is set" in output


@pytest.mark.parametrize("builder", ["text", "latex"])
def test_a_builder_that_would_lose_figures_or_numbers_is_refused(tiny, builder):
    status, output = build(tiny, GOOD, "--builder", "custom", "--custom-builder", builder)
    assert status != 0
    assert f"the builder is {builder}; pages come out whole with one of html, singlehtml, epub" in output
    assert not list(tiny.glob("_build/*/*/index.*"))


def test_a_page_that_was_deleted_leaves_nothing_that_fails(tiny):
    contents = tiny / "_toc.yml"
    contents.write_text("format: jb-book\nroot: book/index\nchapters:\n  - file: book/second\n")
    (tiny / "book" / "second.md").write_text(FRONT + GOOD.replace("count", "number").replace("tiny", "second"))
    status, output = build(tiny, GOOD)
    assert status == 0, output
    (tiny / "book" / "second.md").unlink()
    contents.write_text("format: jb-book\nroot: book/index\n")
    status, output = build(tiny, GOOD)
    assert status == 0, output


WORKING = """
```{code-cell} python3
import subprocess, sys, time
from pathlib import Path
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path("begun").touch()
time.sleep(600)
```
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are asked of /proc")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGKILL"])
def test_a_build_that_is_stopped_leaves_no_process_and_the_next_one_goes_on(tiny, tmp_path, monkeypatch, name):
    """Neither a kernel nor what its cells started."""
    monkeypatch.setenv("HW3_RUNS", str(tmp_path / "runs"))

    def living():
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = f"HW3_RUNS={tmp_path / 'runs'}".encode() in (path / "environ").read_bytes().split(b"\0")
                if ours and (path / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" "))
        return found

    (tiny / "book" / "index.md").write_text(FRONT + GOOD + WORKING)
    with (tmp_path / "log").open("w") as log:
        parent = subprocess.Popen(COMMAND, cwd=tiny, stdout=log, stderr=log, env=environment(), start_new_session=True)
        while not (tiny / "book" / "begun").exists():
            assert parent.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
    assert len(living()) >= 3
    parent.send_signal(getattr(signal, name))
    parent.wait()
    end = time.monotonic() + 60
    while living() and time.monotonic() < end:
        time.sleep(0.1)
    assert living() == []
    status, output = build(tiny, GOOD)
    assert status == 0, output
    assert number(tiny) == "5"


def test_a_full_disk_for_temporary_files_is_named_with_its_variable(tiny, small_disk, monkeypatch):
    place = small_disk(64)
    monkeypatch.setenv("TMPDIR", str(place))
    (place / "other").write_bytes(b"x" * 60 * 1024)
    status, output = build(tiny, GOOD)
    assert status != 0
    assert re.search(rf"{place}.*name another folder by TMPDIR", output), output
    (place / "other").unlink()


def test_the_callers_environment_changes_no_page(tiny, tmp_path, monkeypatch):
    """A backend without pictures, foreign settings of matplotlib, a foreign kernel, another code page."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["false"], "display_name": "Foreign", "language": "python"}')
    rc = tmp_path / "matplotlibrc"
    rc.write_text("figure.figsize: 1, 1\nlines.linewidth: 9\n")
    page = (ROOT / "book" / "theory" / "kernel.md").read_text().split("---\n", 2)[2]
    status, output = build(tiny, page)
    assert status == 0, output
    before = {p.name: p.read_bytes() for p in (tiny / "_build" / "html" / "_images").glob("*.svg")}
    assert before
    shutil.rmtree(tiny / "_build")
    foreign = {
        "MPLBACKEND": "agg",
        "MATPLOTLIBRC": str(rc),
        "JUPYTER_PATH": str(kernel.parent.parent),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONHASHSEED": "7",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    status, output = build(tiny, page)
    assert status == 0, output
    assert {p.name: p.read_bytes() for p in (tiny / "_build" / "html" / "_images").glob("*.svg")} == before


def test_a_build_leaves_no_temporary_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    status, output = build(tiny, GOOD)
    assert status == 0, output
    assert not list((tmp_path / "tmp").glob("hw3-*"))


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
    source.write_text(original.replace("return (weights + 1) *", "return (weights + 2) *"))
    assert source.read_text() != original
    status, output = build(tiny, GOOD + "\nMore prose.\n")
    assert status == 0, output
    assert "Executed notebook" in output
    assert number(tiny) == "6"

    source.write_text(original + "\n# a remark\n")  # the old entry is still there: words mean nothing
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


UNITS = r"%|per ?cent|points|nats|parameters|multiplications|images|times (as|faster|slower|more|fewer)"
TYPED = [
    re.compile(rf"\d[\d,.]* ?({UNITS})"),
    re.compile(r"\b(two|three|four|five|ten) times (as|faster|slower)"),
    re.compile(r"(accuracy|loss|error|precision|recall)( of| is| was|:)? (about )?\d*\.?\d+"),
    re.compile(r"\bclearly (better|worse|higher|lower)"),
]
# Of the question, the data set, the method; 3.3 % is a cited paper's count of near copies. What a quiz supposes is no
# result; test_quizzes.py computes its right choice.
BY_NATURE = ("70 %", "15,000", "50,000", "5,000 of each", "40 + 40", "95 %", "3.3 %")


def test_no_page_has_a_number_typed_beside_a_result_word():
    typed = []
    for page in (ROOT / "book").rglob("*.md"):
        prose = re.sub(
            r"```.*?```|:::+\{(admonition\} Question|quiz\}).*?\n:::", "", page.read_text(encoding="utf-8"), flags=re.S
        )
        prose = re.sub(r"\{[\w:]+\}`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", "_", prose, flags=re.S)
        for line in prose.splitlines():
            if any(p.search(line) for p in TYPED) and not any(words in line for words in BY_NATURE):
                typed.append(f"{page.name}: {line}")
    assert not typed, "\n".join(typed)


def test_no_cell_and_no_caption_has_a_typed_result():
    typed = []
    for page in (ROOT / "book").rglob("*.md"):
        for cell in jupytext.reads(page.read_text(encoding="utf-8"), fmt="md:myst").cells:
            if cell.cell_type != "code":
                continue
            shown = cell.metadata.get("mystnb", {})
            words = [shown.get("figure", {}).get("caption", ""), shown.get("image", {}).get("alt", "")]
            words += [n.value for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Constant)]
            texts = [
                word for word in words if isinstance(word, str) and not re.fullmatch(r"[+,.\d]*%", word)
            ]  # a format
            typed += [f"{page.name}: {text}" for text in texts if any(p.search(text) for p in TYPED)]
    assert not typed, "\n".join(typed)
