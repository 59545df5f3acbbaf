"""The built pages in a real browser, and each page as a notebook.

``HW3_SITE`` names a finished book (``_build/html``) to look at, and ``HW3_SITE_RUNS`` the run store of a smoke book, so
that notebooks need not train again; without ``HW3_SITE`` a smoke book is built here first.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent.parent
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [CONTENTS["root"], *(c["file"] for part in CONTENTS["parts"] for c in part["chapters"])]
NOTEBOOKS = [page for page in PAGES if "{code-cell}" in (ROOT / f"{page}.md").read_text()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if os.environ.get("HW3_SITE"):
        return Path(os.environ["HW3_SITE"]).resolve()
    output = tmp_path_factory.mktemp("site")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(ROOT), "-W", "-n", "--keep-going"]
    environment = os.environ | {"HW3_PROFILE": "smoke"}
    done = subprocess.run(
        [*command, "--path-output", str(output)], cwd=output, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return output / "_build" / "html"


@pytest.fixture(params=["light"])
def page(browser, request):
    context = browser.new_context(color_scheme=request.param)
    opened = context.new_page()
    opened.problems = []
    opened.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or opened.problems.append(r.url))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("console", lambda line: line.type == "error" and opened.problems.append(line.text))
    yield opened
    context.close()


def open_page(page, site, name):
    page.goto(f"file://{site}/{name}.html")
    page.wait_for_function("window.MathJax === undefined || !!window.MathJax.startup?.promise")
    page.evaluate("window.MathJax && window.MathJax.startup.promise")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_no_other_server_and_has_no_error(page, site, name):
    open_page(page, site, name)
    assert page.problems == []
    assert page.locator("mjx-merror").count() == 0
    assert page.title()


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_does_not_scroll_sideways(page, site, name):
    page.set_viewport_size({"width": 390, "height": 800})
    open_page(page, site, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", PAGES)
def test_figures_have_a_caption_a_number_and_an_alternative_text(page, site, name):
    open_page(page, site, name)
    for picture in page.locator("article img").all():
        alternative = picture.get_attribute("alt") or ""
        assert len(alternative) > 30, alternative
        assert ".svg" not in alternative
    captions = page.locator("article figure figcaption").all_text_contents()
    assert all(caption.strip().startswith("Fig.") and len(caption) > 20 for caption in captions)
    assert len(captions) == page.locator("article figure img").count()


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_on_the_whole_page(page, site, name):
    from axe_playwright_python.sync_playwright import Axe

    open_page(page, site, name)
    found = Axe().run(page).response["violations"]
    told = [(v["id"], [node["html"][:150] for node in v["nodes"]]) for v in found]
    assert told == []


THEORY = [name for name in PAGES if "/theory/" in name or name.endswith(("/index", "/glossary", "/loss"))]
WIDER = """() => [...document.querySelectorAll("article :is(mjx-container[display], pre, table, div:has(> table))")]
    .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth)
    .map(e => `${e.scrollWidth} > ${e.clientWidth}: ${e.textContent.trim().slice(0, 60)}`)"""


@pytest.mark.parametrize("name", PAGES)
def test_no_formula_table_or_code_is_wider_than_its_column(page, site, name):
    for width in (1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        open_page(page, site, name)
        assert page.evaluate(WIDER) == [], width


@pytest.mark.parametrize("name", PAGES)
def test_paper_cuts_nothing_and_shows_no_solution(page, site, name):
    page.set_viewport_size({"width": 700, "height": 900})
    open_page(page, site, name)
    page.emulate_media(media="print")
    assert page.evaluate(WIDER) == []
    assert not any(solution.is_visible() for solution in page.locator("article .solution").all())
    assert page.locator("article p:not(.admonition-title)").first.is_visible()


def test_on_a_phone_a_wide_table_is_a_list_of_rows_with_the_names_of_the_columns(page, site):
    page.set_viewport_size({"width": 390, "height": 900})
    open_page(page, site, "book/shoes/cnn")
    first = page.locator("table.stacked").first.locator("tbody tr").first
    columns = [cell.get_attribute("data-column") for cell in first.locator("td").all()]
    assert columns == ["network", "parameters", "loss (nats)", "accuracy", "precision", "recall"]
    assert re.fullmatch(r"[\d.]+% \([\d.]+ to [\d.]+%\)", first.locator("td").nth(3).inner_text().strip())
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_function("!document.querySelector('.stacked')")


PARTS = [*("T1 (a)", "T1 (b)", "T2"), *(f"T3 ({x})" for x in "abcde"), *(f"T4 ({x})" for x in "abc")]
PARTS += [*(f"P1 ({x})" for x in "abcdefg"), *(f"P2 ({x})" for x in "abcd")]


def test_the_front_page_answers_every_part_and_links_to_where_it_is_derived(page, site):
    open_page(page, site, "book/index")
    rows = {row.locator("td").first.inner_text().strip(): row for row in page.locator("article tbody tr").all()}
    for part in PARTS:
        answer = rows[part].locator("td").nth(1).inner_text()
        assert len(answer.strip()) > 8, part
        assert "#" in rows[part].locator("td a").first.get_attribute("href"), part


@pytest.mark.parametrize("name", [name for name in THEORY if "/theory/" in name])
def test_in_the_answer_box_of_a_theory_page_only_numbers_are_bold(page, site, name):
    open_page(page, site, name)
    bold = page.locator("article .admonition.tip strong").all_text_contents()
    assert bold
    assert all(re.fullmatch(r"[\d,./]+( and [\d,./]+)*", text) for text in bold), bold


def test_links_and_anchors_lead_somewhere(page, site):
    anchors = {}
    for name in PAGES:
        open_page(page, site, name)
        ids = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        links = page.evaluate("[...document.querySelectorAll('article a[href], nav a[href]')].map(e => e.href)")
        anchors[f"file://{site}/{name}.html"] = (ids, links)
    for source, (_, links) in anchors.items():
        for link in links:
            target, fragment = urldefrag(link)
            if urlsplit(target).scheme == "file":
                assert Path(unquote(urlsplit(target).path)).exists(), (source, link)
            if fragment and target in anchors:
                assert unquote(fragment) in anchors[target][0], (source, link)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_page_runs_as_a_notebook_from_top_to_bottom(site, name, tmp_path, monkeypatch):
    path = site / "_sources" / f"{name}.ipynb"
    assert f"{path.name}" in (site / f"{name}.html").read_text()
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    monkeypatch.setenv("HW3_PROFILE", "smoke")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    if os.environ.get("HW3_SITE_RUNS"):
        monkeypatch.setenv("HW3_RUNS", os.environ["HW3_SITE_RUNS"])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()


def test_the_stand_in_is_said_on_every_page_that_depends_on_it(site):
    for name in (page for page in NOTEBOOKS if "data_notice" in (ROOT / f"{page}.md").read_text()):
        html = (site / f"{name}.html").read_text()
        real = re.search(r"The images of this build come from [^<]+ [\d,]+ in all", html)
        assert ("Stand-in data" in html) != bool(real), name
