"""The book's one Sphinx extension.

Cells find ``hw3``; the execution cache knows hw3's sources, the pins, the data and the profile; figures are SVG;
no page asks another server for anything; each page can be downloaded as a notebook.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import jupytext
import nbformat
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parent.parent.parent
BENCH_PAGE = "book/bench"

KERNEL_CONFIG = """\
c.IPKernelApp.log_level = 40
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": None, "metadata": {"Date": None}}
"""


def prepare(app: Sphinx, config: object) -> None:
    """Set what the kernels inherit, and work out the digest that stamps every page."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    profile_folder = Path(tempfile.mkdtemp(prefix="hw3-ipython-"))
    (profile_folder / "profile_default").mkdir()
    (profile_folder / "profile_default" / "ipython_kernel_config.py").write_text(KERNEL_CONFIG)
    os.environ["IPYTHONDIR"] = str(profile_folder)
    show_progress(profile_folder / "progress")
    app.hw3_digest = digest(data_sources())  # type: ignore[attr-defined]


def show_progress(path: Path) -> None:
    """Print the lines that running experiments append to ``path`` (see ``hw3.lab.progress``)."""
    path.touch()
    os.environ["HW3_PROGRESS"] = str(path)

    def follow() -> None:
        with path.open() as file:
            while True:
                line = file.readline()
                if line:
                    print(f"  hw3: {line}", end="", flush=True)
                else:
                    threading.Event().wait(0.5)

    threading.Thread(target=follow, daemon=True).start()


def data_sources() -> str:
    """Have the data fetched and decoded before the first page (its progress is seen here), and say what they are."""
    command = [sys.executable, "-m", "hw3.cli", "data", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise ExtensionError("the data could not be loaded; the message is above")
    for line in json.loads(done.stdout):
        print(f"  hw3: {line['name']}: {line['source']}")
    return done.stdout


def digest(sources: str) -> str:
    """SHA-256 over hw3's sources, the pins, the data and the profile: what a page's numbers depend on."""
    paths = [*sorted((ROOT / "hw3").rglob("*.py")), ROOT / "requirements.txt"]
    total = hashlib.sha256(sources.encode() + os.environ.get("HW3_PROFILE", "").encode())
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return total.hexdigest()[:16]


def stamp(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the digest into the kernelspec of a page that uses hw3: jupyter-cache's key includes it."""
    if not hasattr(app.env, "hw3_stamps"):
        app.env.hw3_stamps = {}
    if "import" in source[0] and "hw3" in source[0]:
        value = page_digest(app, docname)
        stamped, count = re.subn(r"(?m)^kernelspec:\n", f"kernelspec:\n  hw3: {value}\n", source[0], count=1)
        if count:
            source[0] = stamped
            app.env.hw3_stamps[docname] = value


def page_digest(app: Sphinx, docname: str) -> str:
    """The digest of the build; for the page that shows the bench, also of the measurements."""
    measured = ROOT / "_build" / "bench.json"
    if docname != BENCH_PAGE or not measured.exists():
        return app.hw3_digest
    return f"{app.hw3_digest}-{hashlib.sha256(measured.read_bytes()).hexdigest()[:16]}"


def outdated(app: Sphinx, env: object, added: set, changed: set, removed: set) -> list[str]:
    """Pages whose text is as before but whose digest is not."""
    stamps = getattr(env, "hw3_stamps", {})
    return [name for name, value in stamps.items() if value != page_digest(app, name) and name not in removed]


def offline(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Drop sphinx_thebe's scripts: they declare one name twice and would load a library from another server."""

    def wanted(asset: object) -> bool:
        body = getattr(asset, "attributes", {}).get("body") or ""
        return "thebe" not in f"{getattr(asset, 'filename', asset)} {body}"

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if wanted(asset)]


def accessible(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Take roles off the bibliography that the standard (DPUB-ARIA) does not allow where docutils puts them."""
    if 'class="citation"' in context.get("body", ""):
        context["body"] = re.sub(r' role="(list|doc-biblioentry|doc-backlink)"', "", context["body"])


def notebook_button(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Have the theme offer the page's notebook (see ``write_notebooks``) in its download menu."""
    if pagename in getattr(app.env, "hw3_stamps", {}):
        context["ipynb_source"] = f"{pagename}.ipynb"


NEEDS = (
    "This notebook is a page of the book *{title}*. It needs the package `hw3` and the book's requirements: run it in"
    " the environment that `make book` made, or after `pip install '.[book]'` in a copy of the project."
)


def write_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Write each executed page as an .ipynb beside the HTML, without outputs."""
    if error or app.builder.format != "html":
        return
    for name in getattr(app.env, "hw3_stamps", {}):
        source = Path(app.env.doc2path(name)).read_text()
        notebook = jupytext.reads(source, fmt="md:myst")
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(NEEDS.format(title=app.config.project)))
        for index, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{index}"
        target = Path(app.outdir) / "_sources" / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", prepare)
    app.connect("source-read", stamp)
    app.connect("env-get-outdated", outdated)
    app.connect("html-page-context", offline, priority=900)
    app.connect("html-page-context", accessible)
    app.connect("html-page-context", notebook_button, priority=100)
    app.connect("build-finished", write_notebooks)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
