"""What a reader tries on a page, in a real browser that gets the site from a server.

``HW3_SITE`` names a finished book (``_build/html``) to look at; without it one of the theory pages is built here.
"""

import functools
import http.server
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from hw3.theory import ANSWERS

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
THEORY = [f"book/theory/{name}" for name in ("box-filter", "layers", "backpropagation", "kernel")]


def build(folder, pages, **environment):
    """A smoke book of some pages, made in a copy of the project in ``folder``; the site and what the build said."""
    for name in ("_config.yml", "requirements.txt", "hw3", "book"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    chapters = {"chapters": [{"file": page} for page in pages[1:]]} if pages[1:] else {}
    (folder / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": pages[0]} | chapters))
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder)]
    environment = os.environ | {"HW3_PROFILE": "smoke"} | environment
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "_build" / "html", done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if os.environ.get("HW3_SITE"):
        return Path(os.environ["HW3_SITE"]).resolve()
    return build(tmp_path_factory.mktemp("site"), THEORY)[0]


@pytest.fixture(scope="module")
def served(site):
    """The address of a server with the site."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


def watched(page, allowed=("file:", "data:", "blob:")):
    """``page``, with a list of the requests that leave the site and of what its console says."""
    page.problems = []
    page.on("request", lambda r: r.url.startswith(allowed) or page.problems.append(r.url))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    unasked = "favicon.ico"  # the browser's own wish
    page.on(
        "console",
        lambda line: (
            line.type not in ("error", "warning") or unasked in line.location["url"] or page.problems.append(line.text)
        ),
    )
    return page


@pytest.fixture(scope="module")
def live(browser, served, site):
    """A page on which Python stays loaded from test to test."""
    if not (site / "_static" / "python").is_dir():
        pytest.skip("this site was built without Python in its pages: npm or its registry was not at hand")
    page = watched(browser.new_page(), allowed=(served, "data:", "blob:"))
    page.goto(f"{served}/book/theory/backpropagation.html")
    yield page
    page.close()


def verdict(page, box, formula, press="Enter"):
    """What the form of a box says about a formula."""
    form = page.locator(".try-form").nth(box)
    form.locator("input").fill(formula)
    form.locator("output").evaluate("e => e.dataset.state = 'asked'")
    form.locator("input").press("Enter") if press == "Enter" else form.get_by_role("button", name=press).click()
    page.wait_for_function(
        "box => ['right', 'wrong'].includes(document.querySelectorAll('.try-form output')[box].dataset.state)",
        arg=box,
        timeout=120_000,
    )
    return form.locator("output").inner_text()


def test_a_right_formula_is_called_right(live):
    assert verdict(live, 0, "(yhat - y) v_1").startswith("Right")


def test_a_wrong_formula_is_refuted_by_numbers(live):
    assert re.search("Not yet: at .* this gives .* and the answer is", verdict(live, 0, "yhat*v1"))


def test_a_hint_helps_with_a_wrong_formula(live):
    assert "chain rule" in verdict(live, 0, "yhat*v1", press="Hint")
    assert "chain rule" not in verdict(live, 0, "yhat*v1")


def test_the_answer_is_chosen_from_those_of_the_part(live):
    live.locator(".try-form select").nth(0).select_option("t3.da")
    assert verdict(live, 0, "yhat - y").startswith("Right")
    live.locator(".try-form select").nth(0).select_option("t3.dw1")
    assert verdict(live, 0, "yhat - y").startswith("Not yet")


@pytest.mark.parametrize("formula", ["__import__('os')", "(" * 200, "9^9^9^9"])
def test_a_hostile_formula_is_refused_with_the_checkers_words(live, formula):
    assert verdict(live, 0, formula).startswith("Not read:")


def test_an_empty_formula_is_asked_for(live):
    form = live.locator(".try-form").nth(0)
    form.locator("input").fill("")
    form.get_by_role("button", name="Check").click()
    assert form.locator("output").inner_text().startswith("Type a formula")


def test_python_asks_no_other_server_and_is_silent(live):
    verdict(live, 1, "delta1*[z1 > max(z2, 0)]")
    assert live.problems == []


def test_verdicts_are_read_out_and_inputs_have_names(live):
    for form in live.locator(".try-form").all():
        assert form.get_by_label("Your formula for").count() == 1
        assert form.locator("output").evaluate("e => e.tagName") == "OUTPUT"  # a live region by itself


def test_a_page_opened_as_a_file_says_that_it_must_be_served(browser, site):
    if not (site / "_static" / "python").is_dir():
        pytest.skip("this site was built without Python in its pages")
    page = watched(browser.new_page())
    page.goto(f"file://{site}/book/theory/backpropagation.html")
    box = page.locator(".try-answer").first
    assert "make serve" in box.inner_text()
    assert page.locator(".try-form").count() == 0
    assert page.problems == []
    page.close()


def test_without_scripts_each_question_has_its_id_and_command(browser, served):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    said = ""
    for name in THEORY:
        page.goto(f"{served}/{name}.html")
        for box in page.locator(".try-answer").all():
            assert re.match(r"Check yours: hw3 check t\d\.\S+ 'FORMULA'", box.inner_text().replace("’", "'"))
            said += box.inner_text() + " "
    context.close()
    assert set(re.findall(r"t\d\.[\w.]*\w", said)) == set(ANSWERS)


def test_without_python_the_build_says_so_and_pages_show_the_command(tmp_path, monkeypatch, browser):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")  # where nobody answers
    site, said = build(tmp_path, THEORY[3:], HW3_CACHE=str(tmp_path / "cache"))
    assert re.search("no Python in the pages, they show the command `hw3 check` instead", said)
    assert not (site / "_static" / "python").exists()
    page = browser.new_page()
    page.goto(f"file://{site}/{THEORY[3]}.html")
    assert "hw3 check t4.kernel" in page.locator(".try-answer").first.inner_text()
    assert "serve" not in page.locator(".try-answer").first.inner_text()
    page.close()


@pytest.fixture(scope="module")
def in_page():
    """The Python that a page asks, here."""
    path = ROOT / "book" / "_static" / "try" / "page.py"
    spec = importlib.util.spec_from_file_location("page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_judges_as_the_command_does(in_page):
    from hw3.theory import check

    assert in_page.judge("t4.kernel", "10", False) == (True, str(check("t4.kernel", "10")))
    assert in_page.judge("t4.kernel", "9", True) == (False, str(check("t4.kernel", "9", hint=True)))


def test_the_wheels_are_those_of_the_pins():
    extension = (ROOT / "book" / "_ext" / "hw3try.py").read_text()
    pins = (ROOT / "requirements.txt").read_text()
    for name, version in re.findall(r'"(\w+)-([\d.]+)-py3-none-any\.whl"', extension):
        assert f"\n{name}=={version}\n" in pins
        assert f"{name}-{version}-py3" in (ROOT / "book" / "_static" / "try" / "worker.js").read_text()
