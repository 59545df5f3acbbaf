"""What a reader takes along: notebooks that say what the page says, the reference, the edition without solutions.

``HW3_SITE`` names a finished book, whose notebooks are looked at as well.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent.parent
UNRESOLVED = ("{glue", ":::", "{doc}", "{numref}", "{ref}", "{term}", "{cite", "not set", "```{", ")=\n", "mystnb")
PAGE = """\
# Everything at once

(answer-x)=
:::{{admonition}} In short
:class: tip
It is **{{glue:text}}`five`**, says {{cite:p}}`he2016`, or {{ref}}`here <answer-x>`; see {{doc}}`kernel` and
{{numref}}`fig-convolution`.
:::

```{{code-cell}} python3
:tags: [remove-cell]
from myst_nb import glue

glue("five", 2 + 3, display=False)
```

- one thing, $a_1 * b_1$
- another with a [link](https://example.org/a_b)

| name | number |
| --- | ---: |
| first | {{glue:text}}`five` |

```{{literalinclude}} ../hw3/nets/cnn.py
:language: python
:pyobject: cnn
:lines: 1
```

:::{{note}}
A note of its own.
:::

:::{{exercise-start}} What is it?
:label: ex-what
:::
Say it.
:::{{exercise-end}}
:::

{solution}
"""
SOLUTION = """\
:::{solution-start} ex-what
:class: dropdown
:::
Nobody knows it but whoever reads a solution.

```{code-cell} python3
secret = "told in the solution"
```
:::{solution-end}
:::
"""


def build(folder, *options, repository="", **environment):
    """The site of a small book with the pages ``everything`` and ``kernel``, built as strictly as the book is."""
    for name in ("_config.yml", "requirements.txt", "hw3", "book/_ext", "book/_static", "book/references.bib"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)
    kernel = (ROOT / "book" / "theory" / "kernel.md").read_text(encoding="utf-8")
    front = kernel.split("---\n")[1]
    page = f"---\n{front}---\n\n{PAGE.format(solution=SOLUTION)}"
    (folder / "book" / "everything.md").write_text(page, encoding="utf-8")
    (folder / "book" / "kernel.md").write_text(kernel, encoding="utf-8")
    (folder / "book" / "references.md").write_text("# References\n\n```{bibliography}\n```\n", encoding="utf-8")
    chapters = "".join(f"  - file: book/{name}\n" for name in ("kernel", "references"))
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: book/everything\nchapters:\n{chapters}", encoding="utf-8")
    config = (folder / "_config.yml").read_text(encoding="utf-8")
    (folder / "_config.yml").write_text(config.replace('{url: ""', f'{{url: "{repository}"'), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-W", "-n", "--keep-going", *options]
    settings = os.environ | {"HW3_PROFILE": "smoke", "NO_COLOR": "1"} | environment
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"))


def notebook(site, name):
    return nbformat.read(site / "_sources" / "book" / f"{name}.ipynb", as_version=4)


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_a_notebook_says_what_the_page_says(site):
    text = prose(notebook(site, "everything"))
    said = [
        "# Everything at once",
        "> **In short**\n> \n> It is **5**, says [He *et al.*, 2016], or here;",
        "; see The kernel behind an output and Fig. 1.",
        "- one thing, $a_1 * b_1$\n\n- another with a [link](https://example.org/a_b)",
        "| name | number |\n| --- | ---: |\n| first | 5 |",
        "```python\ndef cnn(",
        "> **Note**\n> \n> A note of its own.",
        "> **Exercise 1 (What is it?)**\n> \n> Say it.",
        "**Solution to Exercise 1 (What is it?)**",
    ]
    assert [words for words in said if words not in text] == []


def test_a_figure_has_its_number_and_caption_behind_its_cell(site):
    cells = notebook(site, "kernel").cells
    drawn = next(i for i, cell in enumerate(cells) if "convolution_block(" in cell.source)
    assert cells[drawn + 1].source.startswith("*Fig. 1. The figure of the question.")


def test_a_notebook_has_every_cell_of_code_in_order_and_folds_what_the_page_folds(site):
    pages = ("everything", "kernel")
    for name in pages:
        source = (site.parent.parent / "book" / f"{name}.md").read_text(encoding="utf-8")
        blocks = re.findall(
            r"^```\{code-cell\} python3\n(?:---\n.*?^---\n|(?::[^\n]*\n)+)?(.*?)^```$", source, re.M | re.S
        )
        code = [cell for cell in notebook(site, name).cells if cell.cell_type == "code"]
        assert [cell.source.strip() for cell in code] == [block.strip() for block in blocks]
        folded = [cell.metadata.get("jupyter", {}).get("source_hidden", False) for cell in code]
        assert True in folded
        assert False in folded


def test_no_notebook_shows_the_books_own_notation(site):
    sites = [site, *([Path(os.environ["HW3_SITE"])] if os.environ.get("HW3_SITE") else [])]
    paths = [path for place in sites for path in (place / "_sources").rglob("*.ipynb")]
    assert len(paths) >= 2
    for path in paths:
        found = nbformat.read(path, as_version=4)
        nbformat.validate(found)
        shown = prose(found) + str([cell.metadata for cell in found.cells])
        assert [sign for sign in UNRESOLVED if sign in shown] == [], path


def test_a_notebook_runs_in_an_empty_folder(site, tmp_path, monkeypatch):
    monkeypatch.setenv("HW3_PROFILE", "smoke")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = notebook(site, "kernel")
    NotebookClient(found, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert any(cell.get("outputs") for cell in found.cells)


def test_the_first_cell_names_an_environment_that_the_project_makes(site):
    first = notebook(site, "kernel").cells[0].source
    assert "make book" in first
    assert "kernel.ipynb" in first
    extra = re.search(r"'\.\[(\w+)\]'", first)[1]
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)


def test_a_page_says_what_it_is_about_and_has_an_icon(site):
    html = (site / "book" / "kernel.html").read_text(encoding="utf-8")
    described = re.findall(r'<meta name="description" content="([^"]+)"', html)
    assert len(described) == 1
    assert described[0].startswith("A convolution turns an input of 205 × 205 × 10")
    assert len(described[0]) <= 160
    assert 'rel="icon"' in html


def test_without_a_repository_no_page_offers_to_edit_it(site):
    html = (site / "book" / "kernel.html").read_text(encoding="utf-8")
    assert not re.search(r"source-edit-button|source-issues-button|source-repository-button|executablebooks", html)


@pytest.fixture(scope="module")
def students(tmp_path_factory):
    return build(tmp_path_factory.mktemp("students"), repository="https://github.com/o/r", HW3_EDITION="student")


def test_one_line_of_the_configuration_gives_the_buttons_to_edit_and_to_report(students):
    html = (students / "book" / "kernel.html").read_text(encoding="utf-8")
    assert 'href="https://github.com/o/r/edit/main/book/kernel.md"' in html
    assert 'href="https://github.com/o/r/issues/new' in html


def test_no_file_of_the_students_edition_holds_a_solution(students):
    folder = students.parent
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    for words in (
        b"Nobody knows it but",
        b"told in the solution",
        b"is unique for stride",
        b"it has 10 filters, not 96",
    ):
        assert [path for path in files if words in path.read_bytes()] == []


def test_the_students_edition_has_everything_else(students):
    text = prose(notebook(students, "everything"))
    assert "Say it." in text
    assert "It is **5**" in text
    assert "Replace the layer by two convolutions" in prose(notebook(students, "kernel"))
    assert "Replace the layer by two convolutions" in (students / "_sources/book/kernel.md").read_text(encoding="utf-8")


def test_every_solution_of_the_book_stands_where_the_students_edition_finds_it(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    hw3book = importlib.import_module("hw3book")
    pages = list((ROOT / "book").rglob("*.md"))
    assert sum(bool(hw3book.SOLUTION.search(page.read_text(encoding="utf-8"))) for page in pages) >= 10
    for page in pages:
        assert "{solution" not in hw3book.SOLUTION.sub("", page.read_text(encoding="utf-8")), page


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A site that was built after the whole book as EPUB and as PDF."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    folder = tmp_path_factory.mktemp("whole")
    for builder in ("epub", "singlehtml"):
        build(folder, "--builder", "custom", "--custom-builder", builder)
    return build(folder)


def test_the_whole_book_as_pdf_and_epub_is_in_the_menu_of_each_page(whole):
    for kind, beginning in (("pdf", b"%PDF-"), ("epub", b"PK")):
        for page in ("everything", "kernel"):
            assert f'href="../_downloads/book.{kind}"' in (whole / "book" / f"{page}.html").read_text(encoding="utf-8")
        content = (whole / "_downloads" / f"book.{kind}").read_bytes()
        assert content.startswith(beginning)
        assert len(content) > 15_000


def test_the_epub_is_xml_with_formulas_as_mathml_and_with_figures(whole):
    with zipfile.ZipFile(whole / "_downloads" / "book.epub") as epub:
        assert epub.namelist()[0] == "mimetype"
        pages = {name: epub.read(name).decode() for name in epub.namelist() if name.endswith(".xhtml")}
        declared = epub.read("content.opf").decode()
        assert any(name.endswith(".svg") and "_images" in name for name in epub.namelist())
        names = set(epub.namelist())
    for name, text in pages.items():
        ElementTree.fromstring(text)
        assert ("<math" in text) == bool(re.search(rf'properties="mathml" href="{name}"', declared)), name
        assert "\\(" not in text
        for link in re.findall(r'(?:href|src)="([^":#?]+)[^":]*"', text):
            assert os.path.normpath(Path(name).parent / unquote(link)) in names, (name, link)
    assert "<mfrac>" in pages["book/kernel.xhtml"]
    assert "Nobody knows it but whoever reads a solution" in pages["book/everything.xhtml"]


def test_a_file_of_other_pages_is_not_offered(whole):
    site = build(whole.parent.parent, HW3_EDITION="student")
    assert "_downloads/book." not in (site / "book" / "kernel.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("room", ["theory", "data", "nets", "train"])
def test_the_reference_has_every_public_name_of_a_room(room):
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    names = importlib.import_module(f"hw3.{room}").__all__
    assert names
    assert [name for name in names if not re.search(rf"^\.\. \S+:: hw3\.{room}\.{name}$", text, re.MULTILINE)] == []
