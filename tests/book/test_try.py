"""What a reader tries on a page, in a real browser that gets the site from a server.

``HW3_SITE`` names a finished book (``_build/html``) to look at; without it one of the theory pages is built here.
"""

import functools
import http.server
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import jupytext
import pytest
import yaml

from hw3.nets.dropblock import keep_rate, seed_rate
from hw3.show.instruments import dropped_at
from hw3.theory import ANSWERS, distillation, layers

ROOT = Path(__file__).resolve().parent.parent.parent
TRIED = ["book/distillation/loss", "book/shoes/factorization"]  # with quizzes and cells that run
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
        timeout=300_000,
    )
    return form.locator("output").inner_text()


def test_a_right_formula_is_called_right(live):
    assert verdict(live, 0, "(yhat - y) v_1").startswith("Right")


def test_a_wrong_formula_is_refuted_by_numbers(live):
    assert re.search("Not yet: at .* gives .* and the answer is", verdict(live, 0, "yhat*v1"))


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


def press_run(page, cell, code=None):
    """What a cell of the page gives in it, after a change."""
    mark = page.locator(f'.try-run[data-cell="{cell}"]')
    button = mark.get_by_role("button", name=re.compile("^Run"))
    if code is not None:
        if mark.locator("textarea").count() == 0:
            press_run(page, cell)
        mark.locator("textarea").fill(code)
    button.click()
    page.wait_for_function(
        "mark => !/^(Python is|$)/.test(mark.querySelector('.try-output').innerText.trim())"
        " || mark.querySelector('.try-output mjx-container')",
        arg=mark.element_handle(),
        timeout=300_000,
    )
    return mark.locator(".try-output")


@pytest.fixture(scope="module")
def cells(live):
    """The cells of the page that run, by the beginning of their code."""
    marks = live.evaluate("[...document.querySelectorAll('.try-run')].map(e => e.dataset.cell)")
    codes = json.loads(live.locator(".try-cells").text_content())
    return {codes[mark].split(" ")[0]: mark for mark in marks}


def test_a_cell_runs_after_those_above_it_and_shows_a_formula(live, cells):
    output = press_run(live, cells["answers_b"])
    output.locator("mjx-container").wait_for(timeout=300_000)
    assert live.locator(f'.try-run[data-cell="{cells["answers_b"]}"] textarea').is_visible()


def test_a_changed_line_is_what_runs_and_cells_below_see_it(live, cells):
    assert "no value" in press_run(live, cells["net"], "net = bp.network(n=5, d=3, pool=3)").inner_text()
    assert "(2, 1)" in press_run(live, cells["k4"], "print((len(net.kernel) - 1, len(net.pooled)))").inner_text()
    press_run(live, cells["net"], "net = bp.network(n=5, d=3, pool=2)")
    assert "(2, 2)" in press_run(live, cells["k4"]).inner_text()


def test_an_error_names_its_line(live, cells):
    assert "line 2: ZeroDivisionError" in press_run(live, cells["k4"], "a = 1\na / 0").inner_text()
    assert "line 1:" in press_run(live, cells["k4"], "a = = 1").inner_text()


def test_a_cell_that_does_not_end_is_ended_and_python_starts_anew(live, cells):
    said = press_run(live, cells["k4"], "while True:\n    pass").inner_text()
    assert "Python was ended" in said
    assert press_run(live, cells["k4"], "1 + 1").inner_text().strip() == "2"
    assert live.problems == []


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


def code_of(page):
    cells = jupytext.reads((ROOT / f"{page}.md").read_text(), fmt="md:myst").cells
    return [cell for cell in cells if cell.cell_type == "code"]


@pytest.mark.parametrize("page", [*THEORY, *TRIED])
def test_each_cell_that_can_run_alone_does(in_page, page):
    cells = code_of(page)
    parts = in_page.alone([cell.source for cell in cells])
    runs = [i for i, (_, whole) in enumerate(parts) if whole and not cells[i].metadata.get("tags")]
    assert len(runs) >= 3
    for i in runs:
        *_, error = in_page.run([part for part, _ in parts[:i]], cells[i].source)
        assert error == "", cells[i].source


def test_a_cell_that_needs_more_than_sympy_cannot_run_and_hides_what_it_binds(in_page):
    cells = ["import torch\nfrom sympy import pi", "a = torch.ones(1)\nb = pi", "c = a", "c = b\n[a for a in (1, 2)]"]
    assert in_page.alone(cells) == [
        ("from sympy import pi", False),
        ("b = pi", False),
        ("", False),
        ("c = b\n[a for a in (1, 2)]", True),
    ]


def test_only_what_a_cell_builds_on_runs_before_it(in_page):
    above = ["a = 1\nnever = 1 / 0", "for _ in range(3):\n    a = a + 1", "b = [a for _ in range(2)]\nprint('above')"]
    assert in_page.run(above, "b") == ("[4, 4]", "", "")
    assert in_page.run(above, "never")[2] == "in a cell above: ZeroDivisionError: division by zero"


def test_what_a_cell_prints_is_cut_where_it_is_too_long(in_page):
    assert len(in_page.run([], "print('x' * 10**6)")[0]) < 5000


def test_a_guess_is_answered_and_can_be_made_by_keyboard(browser, served):
    page = watched(browser.new_page(), allowed=(served, "data:", "blob:"))
    page.goto(f"{served}/{THEORY[1]}.html")
    quiz = page.locator(".quiz").first
    assert quiz.get_by_role("status").inner_text().strip() == ""
    quiz.get_by_role("radio").nth(1).focus()
    page.keyboard.press("Space")
    assert quiz.get_by_role("status").inner_text().strip().startswith("No")
    page.keyboard.press("ArrowUp")
    assert quiz.get_by_role("status").inner_text().strip().startswith("Yes")
    assert page.problems == []
    page.close()


def test_without_scripts_the_answer_of_a_quiz_unfolds(browser, served):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/{THEORY[1]}.html")
    quiz = page.locator(".quiz").first
    assert not quiz.get_by_text("Yes:").is_visible()
    quiz.get_by_text("The answer").click()
    assert quiz.get_by_text("Yes:").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*THEORY[1:3], "book/distillation/student", "book/shoes/dropblock"])
def test_what_can_be_tried_fits_a_phone_and_axe_finds_nothing_in_it(browser, served, site, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    if not (site / f"{name}.html").exists():
        pytest.skip(f"the pages of the theory alone were built here; HW3_SITE can name a book that has {name}")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{served}/{name}.html")
    for quiz in page.locator(".quiz").all():
        quiz.get_by_role("radio").first.check()
    ours = [".quiz", ".instrument", ".try-answer", ".try-run"]
    include = [[selector] for selector in ours if page.locator(selector).count()]
    found = Axe().run(page, context={"include": include}).response["violations"]
    assert [(v["id"], [node["html"][:150] for node in v["nodes"]]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def opened(browser, site, name):
    if not (site / f"{name}.html").exists():
        pytest.skip(f"the pages of the theory alone were built here; HW3_SITE can name a book that has {name}")
    page = watched(browser.new_page())
    page.goto(f"file://{site}/{name}.html")
    return page


def test_the_convolution_is_moved_by_keyboard_and_counts_as_the_theory_does(browser, site):
    page = opened(browser, site, "book/theory/layers")
    one = page.locator(".instrument")
    assert "Output 6 × 6 × 20, 1,820 parameters, 64,800 multiplications" in one.locator("[role=status]").inner_text()
    one.get_by_label("Stride").focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    one.get_by_label("Kernel").focus()
    page.keyboard.press("ArrowRight")
    row = layers.trace(layers.parse("CONV4-20(1,2)"), (16, 16, 10))[0]
    height, _, depth = row.output_shape
    said = one.locator("[role=status]").inner_text()
    assert f"Output {height} × {height} × {depth}, {row.parameters:,} parameters, {row.multiplications:,} mult" in said
    one.get_by_label("Padding").fill("0")
    one.get_by_label("Kernel").fill("18")
    assert "does not fit" in one.locator("[role=status]").inner_text()
    assert page.problems == []
    page.close()


def test_the_arithmetic_of_the_instruments_is_that_of_the_package(browser, site):
    page = opened(browser, site, "book/theory/layers")
    for k, s, p, size in ((3, 3, 2, 16), (1, 1, 0, 5), (5, 2, 1, 11), (7, 4, 3, 9)):
        row = layers.trace(layers.parse(f"CONV{k}-20({s},{p})"), (size, size, 10))[0]
        setting = {"size": size, "depth": 10, "filters": 20, "kernel": k, "stride": s, "padding": p}
        found = page.evaluate("setting => hw3.convolution(setting)", setting)
        assert (found["output"], found["parameters"]) == (row.output_shape[0], row.parameters)
        assert (found["multiplications"], found["rest"]) == (row.multiplications, (size + 2 * p - k) % s)
    for rate, block, size in ((0.1, 1, [6, 7]), (0.2, 3, [8, 9]), (0.3, 7, [3, 4])):
        assert page.evaluate("a => hw3.seedRate(...a)", [rate, block, size]) == pytest.approx(
            seed_rate(rate, block, size)
        )
        for pixel in ([0, 0], [0, 2], [2, 3]):
            chance = page.evaluate("a => hw3.droppedAt(...a)", [rate, block, size, pixel])
            assert chance == pytest.approx(dropped_at(rate, block, size, pixel))
    softened = page.evaluate("hw3.softmax([4, 2, -1], 2)")
    assert softened == pytest.approx([float(share) for share in distillation.softmax((4, 2, -1), 2)])
    dropped = page.evaluate(
        "Array.from({length: 2000}, () => hw3.mask(0.2, 3, [8, 9], Array.from({length: 72}, Math.random)).length)"
    )
    assert 1 - sum(dropped) / len(dropped) / 72 == pytest.approx(keep_rate(0.2, 3, (8, 9)), abs=0.02)
    page.close()


def test_a_hotter_teacher_is_less_sure(browser, site):
    page = opened(browser, site, "book/distillation/student")
    one = page.locator(".instrument")

    def sure():
        return [int(share) for share in re.findall(r", (\d+)%", one.locator("[role=status]").inner_text())]

    cold = sure()
    assert len(cold) == one.locator("img").count() == 3
    one.get_by_label("Temperature").focus()
    page.keyboard.press("End")
    assert all(hot < before for hot, before in zip(sure(), cold, strict=True))
    assert page.problems == []
    page.close()


def test_blocks_spare_the_corner_and_pixels_spare_none(browser, site):
    page = opened(browser, site, "book/shoes/dropblock")
    one = page.locator(".instrument")
    one.get_by_label("Block size").focus()
    page.keyboard.press("Home")
    said = one.locator("[role=status]").inner_text()
    assert len({float(share) for share in re.findall(r"([\d.]+)%", said)}) == 1
    page.keyboard.press("ArrowRight")
    _, corner, edge, middle = map(float, re.findall(r"([\d.]+)%", one.locator("[role=status]").inner_text()))
    assert corner < edge < middle
    before = one.locator("path").last.get_attribute("d")
    one.get_by_label("Drop rate").fill("0.5")
    one.get_by_role("button", name="Another mask").click()
    assert one.locator("path").last.get_attribute("d") != before
    assert page.problems == []
    page.close()


def test_the_wheels_are_those_of_the_pins():
    extension = (ROOT / "book" / "_ext" / "hw3try.py").read_text()
    pins = (ROOT / "requirements.txt").read_text()
    for name, version in re.findall(r'"(\w+)-([\d.]+)-py3-none-any\.whl"', extension):
        assert f"\n{name}=={version}\n" in pins
        assert f"{name}-{version}-py3" in (ROOT / "book" / "_static" / "try" / "worker.js").read_text()
