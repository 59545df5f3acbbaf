"""The book's one Sphinx extension.

Cells find ``hw3`` and nothing of the caller's; the execution cache knows the code, the pins, the data and the profile;
what would go wrong in silence is a warning, which the build takes for an error; figures are SVG; no page asks another
server for anything.
"""

import atexit
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

import jupytext
import nbformat
from docutils import nodes
from hw3tex import faults
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).resolve().parent.parent.parent
BENCH_PAGE, REPLAY_PAGE = "book/bench", "book/recorded"
EDITIONS = ("full", "student")
SOLUTION = re.compile(r"^:{3,}\{solution-start\}.*?^:{3,}\{solution-end\}\n:{3,}\n", re.MULTILINE | re.DOTALL)
BUILDERS = ("html", "singlehtml", "epub", "linkcheck", "gettext", "dummy")
SILENT_TAGS = ("raises-exception", "skip-execution")
THE_CALLERS = ("MPLBACKEND", "MATPLOTLIBRC", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "JUPYTER_CONFIG_DIR")
log = logging.getLogger(__name__)

# Run by each kernel as it starts. A kernel is the first of a session of its own, with the workers of its experiments.
KERNEL_CONFIG = """\
import os, signal, threading, time

def end_with_the_build(build):
    while os.getppid() == build:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)

if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
    threading.Thread(target=end_with_the_build, args=(os.getppid(),), daemon=True).start()
c.IPKernelApp.log_level = 40
c.InlineBackend.figure_formats = {"svg"}
c.InteractiveShellApp.exec_lines = [
    "import warnings",
    "warnings.filterwarnings('ignore', 'IProgress not found')",  # tqdm, wherever a library asks for a notebook's bar
]
c.InlineBackend.print_figure_kwargs = {"bbox_inches": None, "metadata": {"Date": None}}
"""


def prepare(app: Sphinx, config: object) -> None:
    """Set what the kernels inherit, and nothing of the caller's that could change a page."""
    if app.config.nb_execution_allow_errors:
        raise ExtensionError("allow_errors is set: a cell that raises must fail the build")
    if getattr(app.config, "hide_solutions", False):
        raise ExtensionError("hide_solutions is set, which breaks the pages; HW3_EDITION=student leaves solutions out")
    if app.config.hw3_edition not in EDITIONS:
        raise ExtensionError(f"HW3_EDITION is {app.config.hw3_edition!r}; it must be one of {', '.join(EDITIONS)}")
    for name in ("SIGTERM", "SIGHUP"):  # as if the build had ended: kernels are stopped, folders removed
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), stop)
    sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    scratch = kernel_folder()
    for name in [*THE_CALLERS, *(name for name in os.environ if name.startswith("PYTHON"))]:
        os.environ.pop(name, None)
    os.environ |= {
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "IPYTHONDIR": str(scratch),
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "JUPYTER_DATA_DIR": str(scratch / "jupyter"),  # so that no kernel but this environment's is there
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    show_progress(scratch / "progress")
    app.hw3_data = data_sources()  # type: ignore[attr-defined]


def kernel_folder() -> Path:
    """A temporary folder with the kernels' settings, removed at the end."""
    from hw3.files import explained

    try:
        scratch = Path(tempfile.mkdtemp(prefix="hw3-ipython-"))
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        (scratch / "profile_default").mkdir()
        (scratch / "profile_default" / "ipython_kernel_config.py").write_text(KERNEL_CONFIG, encoding="utf-8")
    except OSError as error:
        raise ExtensionError(f"the build cannot begin: {explained(error)}") from error
    return scratch


def stop(number: int, frame: object) -> None:
    print("  hw3: stopped; the same command goes on where this one was", file=sys.stderr)
    sys.exit(128 + number)


def show_progress(path: Path) -> None:
    """Print the lines that running experiments append to ``path`` (see ``hw3.files.report``)."""
    path.touch()
    os.environ["HW3_PROGRESS"] = str(path)

    def follow() -> None:
        with path.open(encoding="utf-8") as file:
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
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8") as loading:
        importlib.import_module("hw3.studies.profiles")  # takes seconds too, and every page's digest needs it
        output, _ = loading.communicate()
    if loading.returncode:
        raise ExtensionError("the data could not be loaded; the message is above")
    for line in json.loads(output):
        print(f"  hw3: {line['name']}: {line['source']}")
    return output


def page_text(app: Sphinx, docname: str) -> str:
    """The source of a page, as this edition has it."""
    return edited(app, docname, Path(app.env.doc2path(docname)).read_text(encoding="utf-8"))


def edited(app: Sphinx, docname: str, text: str) -> str:
    """The text without its solutions in the edition for students (``HW3_EDITION=student``), else as it is."""
    if app.config.hw3_edition != "student":
        return text
    text = SOLUTION.sub("", text)
    if "{solution" in text:
        log.warning("a solution does not stand between solution-start and solution-end", location=docname)
    return text


@cache
def parsed(text: str) -> nbformat.NotebookNode:
    """A page as a notebook, which nobody changes: it is asked for in several places."""
    return jupytext.reads(text, fmt="md:myst")


def cells(text: str) -> list[tuple[dict, str]]:
    """Metadata and code of each code cell of a page."""
    return [(cell.metadata, cell.source) for cell in parsed(text).cells if cell.cell_type == "code"]


def page_digest(app: Sphinx, docname: str, text: str) -> str:
    """What the numbers of a page depend on: the meaning of the modules of hw3 that its cells import, pins, data,
    profile, precision; for the page that shows the bench, also the measurements."""
    from hw3.files import commit
    from hw3.store import closure, meaning_and_imports
    from hw3.studies.profiles import profile

    modules = [name for _, code in cells(text) for name in meaning_and_imports(code)[1]]
    measured = [path for folder in ("_build", "book/recorded") if (path := ROOT / folder / "bench.json").exists()]
    parts = [
        json.dumps(closure(modules)),
        (ROOT / "requirements.txt").read_text(encoding="utf-8"),
        app.hw3_data,
        repr(profile()),
        "".join(path.read_text(encoding="utf-8") for path in measured) if docname == BENCH_PAGE else "",
        recorded() if re.search(r"hw3\.studies\.(record|shown)\b", text) else "",
        commit() if docname == REPLAY_PAGE else "",
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def recorded() -> str:
    """The checksum of every recorded file."""
    files = sorted((ROOT / "book" / "recorded").rglob("*.*"))
    return json.dumps([(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files if path.is_file()])


def stamp(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the digest into the kernelspec of a page that uses hw3, whose value is in jupyter-cache's key; refuse what
    would hide a failing cell."""
    source[0] = edited(app, docname, source[0])
    if not hasattr(app.env, "hw3_stamps"):
        app.env.hw3_stamps = {}
    app.env.hw3_stamps.pop(docname, None)
    if "{code-cell}" not in source[0]:
        return
    for metadata, code in cells(source[0]):
        for tag in set(metadata.get("tags", [])) & set(SILENT_TAGS):
            log.warning("a cell has the tag %s, which hides a failure: %s", tag, code[:60], location=docname)
    if "import" in source[0] and "hw3" in source[0]:
        value = page_digest(app, docname, source[0])
        stamped, count = re.subn(r"(?m)^kernelspec:\n", f"kernelspec:\n  hw3: {value}\n", source[0], count=1)
        if count:
            source[0] = stamped
            app.env.hw3_stamps[docname] = value


def outdated(app: Sphinx, env: object, added: set, changed: set, removed: set) -> list[str]:
    """Pages whose text is as before but whose digest is not; one that is gone is forgotten."""
    stamps = getattr(env, "hw3_stamps", {})
    for name in [name for name in stamps if name in removed or not Path(app.env.doc2path(name)).exists()]:
        del stamps[name]
    return [name for name, value in stamps.items() if value != page_digest(app, name, page_text(app, name))]


def complete(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of a figure that its cell did not draw, and of TeX that MathJax cannot read: both would pass in silence."""
    for node in doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block)):
        for fault in faults(node.astext()):
            log.warning("the formula %s: %s", node.astext()[:60], fault, location=node)
    text = page_text(app, app.env.docname)
    if "{code-cell}" not in text:
        return
    drawn = {
        name for figure in doctree.findall(nodes.figure) for name in figure.get("names", []) + figure.get("ids", [])
    }
    for metadata, _ in cells(text):
        wanted = metadata.get("mystnb", {}).get("figure", {}).get("name")
        if wanted and wanted not in drawn:
            log.warning("the cell of the figure %s drew none", wanted, location=app.env.docname)


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


def whole_sentences(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Give a property's "Indices of the images: ..." back its beginning, which napoleon takes for a type."""
    for line in [line for line in lines if what == "property" and line.startswith(":type: ")]:
        lines.remove(line)
        lines[0] = f"{line.removeprefix(':type: ')}: {lines[0]}"


def pages_only(app: Sphinx) -> None:
    """Refuse a builder whose pages would lack figures or glued numbers."""
    if app.builder.name not in BUILDERS:
        raise ExtensionError(
            f"the builder is {app.builder.name}; pages come out whole with one of {', '.join(BUILDERS)}, and make pdf "
            "makes a file to print"
        )


def disks(app: Sphinx, error: Exception | None) -> None:
    """Name a full disk, of which a cell or a library may have failed in words that do not."""
    from hw3.files import full

    for sentence in full():
        print(f"  hw3: {sentence}", file=sys.stderr)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("hw3_edition", os.environ.get("HW3_EDITION", "full"), "env")
    app.connect("config-inited", prepare)
    app.connect("builder-inited", pages_only)
    app.connect("build-finished", disks)
    app.connect("source-read", stamp)
    app.connect("env-get-outdated", outdated)
    app.connect("doctree-read", complete)
    app.connect("html-page-context", offline, priority=900)
    app.connect("html-page-context", accessible)
    app.connect("autodoc-process-docstring", whole_sentences, priority=600)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
