"""What a reader tries on a page: a formula, judged by ``hw3.theory.check`` in the browser itself; a changed line of a
cell that needs SymPy and ``hw3.theory`` alone; a guess before reading on.

Python comes as Pyodide. A build fetches it and two wheels from npm's and pip's registries into the cache, checks them,
and copies them into the site, together with ``hw3.theory``; a page loads them when they are first asked for. Where they
cannot be had, or with ``HW3_PYODIDE=0``, pages show the command line instead.
"""

import hashlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from docutils import nodes
from hw3book import ROOT, page_text, parsed
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCRIPTS = ROOT / "book" / "_static" / "try"
PACKED = {  # SHA-256 of what the registries send
    "pyodide-314.0.7.tgz": "66b7949e5a0cba2250b586d7e368bf12fb482800748d182c4618254b685ffaa0",
    "sympy-1.14.0-py3-none-any.whl": "e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5",
    "mpmath-1.3.0-py3-none-any.whl": "a0b2b9fe80bbcd81a6647ff13108738cfb482d481d826cc0e02f5b35e5c88d2c",
}
ENGINE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
LICENSES = "Pyodide: Mozilla Public License 2.0. SymPy and mpmath: BSD, in the wheels. hw3: MIT.\n"
SWITCH = "HW3_PYODIDE"
SITES = ("html", "dirhtml")


def fetch(folder: Path) -> None:
    """Bring ``PACKED`` to ``folder`` by npm and pip, so from the registries that this machine is set up for, and leave
    there what a page loads.

    Raises:
        OSError, subprocess.SubprocessError: npm or pip is not there, or has no answer.
        hw3.files.DataError: a file is not the one whose checksum is known.
    """
    from hw3.files import DataError, sha256

    engine, *wheels = ("==".join(name.removesuffix(".tgz").split("-")[:2]) for name in PACKED)
    npm = [shutil.which("npm") or "npm", "pack", engine.replace("==", "@"), "--fetch-retries=0"]
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--retries=0", *wheels]
    for command in (npm, pip):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    for name, checksum in PACKED.items():
        if sha256(folder / name) != checksum:
            raise DataError(f"{name} has the SHA-256 {sha256(folder / name)} instead of {checksum}")
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        for name in ENGINE:
            (folder / name).write_bytes(archive.extractfile(f"package/{name}").read())  # type: ignore[union-attr]
    packed.unlink()
    (folder / "LICENSES.txt").write_text(LICENSES, encoding="utf-8")


def python_folder() -> Path:
    """The folder of the cache with what ``fetch`` brings, fetched once."""
    from hw3.files import cache_dir, lock, whole

    target = cache_dir() / f"pyodide-{hashlib.sha256(repr((PACKED, ENGINE)).encode()).hexdigest()[:12]}"
    with lock(target):
        if not target.is_dir():
            with whole(target) as folder:
                folder.mkdir()
                fetch(folder)
    return target


def theory() -> list[Path]:
    """What ``hw3.theory`` consists of: it needs SymPy alone, and runs in a page as it is."""
    return [ROOT / "hw3" / "__init__.py", *sorted((ROOT / "hw3" / "theory").glob("*.py"))]


def find_python(app: Sphinx, config: object) -> None:
    """Say in ``hw3_python`` which Python the pages may load, as a digest; nothing where there is none."""
    wanted = any("{answer-box}" in page.read_text(encoding="utf-8") for page in Path(app.srcdir).glob("book/**/*.md"))
    if not wanted or os.environ.get(SWITCH) == "0":
        return
    try:
        python_folder()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        why = said[-1] if said else str(error)
        print(f"  hw3: no Python in the pages, they show the command `hw3 check` instead ({why})")
        return
    parts = [path.read_bytes() for path in (*theory(), *sorted(SCRIPTS.iterdir()))]
    app.config.hw3_python = hashlib.sha256(b"\n".join([repr(PACKED).encode(), *parts])).hexdigest()[:12]


def mark_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Mark the cells that can run in the page, and put into it the code that these may build on."""
    text = page_text(app, app.env.docname)
    if "{code-cell}" not in text or "hw3.theory" not in text:
        return
    cells = {i: cell for i, cell in enumerate(parsed(text).cells) if cell.cell_type == "code"}
    alone = runpy.run_path(str(SCRIPTS / "page.py"))["alone"]
    parts = dict(zip(cells, alone([cell.source for cell in cells.values()]), strict=True))
    marked = False
    for node in doctree.findall(lambda n: isinstance(n, nodes.container) and n.get("nb_element") == "cell_code"):
        index = node["cell_index"]
        folded = any(tag.startswith(("hide", "remove", "slow")) for tag in cells[index].metadata.get("tags", []))
        if parts[index][1] and not folded:
            marked = True
            node.append(nodes.raw("", f'<div class="try-run" data-cell="{index}"></div>', format="html"))
    if marked:
        code = json.dumps({index: source for index, (source, _) in parts.items() if source}).replace("<", "\\u003c")
        html = f'<script type="application/json" class="try-cells">{code}</script>'
        doctree.append(nodes.raw("", html, format="html"))


def only_on_pages(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A book in one file runs no Python: leave the marks of ``mark_cells`` out of it."""
    if app.builder.name not in SITES:
        for node in [node for node in doctree.findall(nodes.raw) if 'class="try-' in node.astext()]:
            node.parent.remove(node)


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Have a page load the scripts of what it holds."""
    body = context.get("body", "") if app.builder.name in SITES else ""
    if "try-answer" in body or "try-run" in body:
        app.add_js_file("try/python.js", defer="defer", **{"data-python": app.config.hw3_python})
    if 'class="quiz ' in body:
        app.add_js_file("try/quiz.js", defer="defer")
    if 'class="instrument"' in body:
        app.add_js_file("try/instruments.js", defer="defer")


def publish(app: Sphinx, error: Exception | None) -> None:
    """Copy Python into the site."""
    if error or app.builder.name not in SITES or not app.config.hw3_python:
        return
    target = Path(app.outdir) / "_static" / "python"
    shutil.copytree(python_folder(), target, dirs_exist_ok=True)
    with zipfile.ZipFile(target / "hw3.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in theory():
            archive.write(path, path.relative_to(ROOT))


class AnswerBox(SphinxDirective):
    """``{answer-box} t3.dw1 t3.dw2``: the commands that judge these answers; ``python.js`` makes a form of them."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        from hw3.theory import ANSWERS

        names = self.arguments[0].split()
        if unknown := [name for name in names if name not in ANSWERS]:
            raise self.error(f"no answer is called {unknown[0]}; `hw3 list answers` has them all")
        codes = [nodes.literal("", text) for text in (f"hw3 check {names[0]} 'FORMULA'", *names[1:])]
        commas = [
            nodes.Text("Check yours: "),
            *(nodes.Text(", also " if i == 0 else ", ") for i in range(len(codes) - 1)),
        ]
        said = [node for pair in zip(commas, codes, strict=True) for node in pair]
        return [nodes.container("", nodes.paragraph("", "", *said, nodes.Text(".")), classes=["try-answer"])]


class Quiz(SphinxDirective):
    """A question to guess at before reading on: paragraphs, then a definition list of choices and what is said of each,
    "Yes" of the right one. ``quiz.js`` makes buttons of the choices; without it what is said can be unfolded."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        inside = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, inside)
        *question, choices = inside.children or [None]
        if not isinstance(choices, nodes.definition_list):
            raise self.error(
                "a quiz ends with a definition list: a choice in a line, then a line with ': Yes' or ': No'"
            )
        texts, replies = [], []
        for item in choices.children:
            term, reply = item.children
            texts.append(nodes.list_item("", nodes.paragraph("", "", *term.children)))
            replies.append(nodes.list_item("", *reply.children))
        if sum(reply.astext().startswith("Yes") for reply in replies) != 1:
            raise self.error("exactly one choice of a quiz is right: what is said of it begins with Yes")
        title = nodes.paragraph("", "Predict before you look", classes=["quiz-title"])
        fold = nodes.raw("", "<details><summary>The answer</summary>", format="html")
        end = nodes.raw("", "</details>", format="html")
        lists = [nodes.enumerated_list("", *items, enumtype="loweralpha") for items in (texts, replies)]
        box = nodes.container("", title, *question, lists[0], fold, lists[1], end, classes=["quiz"])
        box["ids"] = [f"quiz-{self.arguments[0]}"]
        return [box]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("hw3_python", "", "html", [str])
    app.add_directive("answer-box", AnswerBox)
    app.add_directive("quiz", Quiz)
    app.connect("config-inited", find_python, priority=600)  # after hw3book has set the path
    app.connect("doctree-read", mark_cells)
    app.connect("doctree-resolved", only_on_pages)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", publish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
