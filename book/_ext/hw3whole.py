"""The whole book in one file, PDF or EPUB, made with Chromium (`make pdf`, `make epub`) and offered by the pages that
have the same text.

The PDF is Sphinx's book on a single page, printed. In the EPUB formulas are MathML, written by the MathJax that also
serves the pages; readers of EPUB run no scripts.
"""

import hashlib
import html
import json
import re
import shutil
import subprocess
from os.path import relpath
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from docutils import nodes
from hw3book import ROOT, page_text
from sphinx.application import Sphinx
from sphinx.util import logging

BUILDERS = {"singlehtml": "pdf", "epub": "epub"}
MATHJAX = ROOT / "book" / "_static" / "mathjax" / "tex-chtml.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files"),
)
CONVERT = """<!doctype html><meta charset="utf-8"><pre id="made"></pre><script>
window.MathJax = {startup: {typeset: false, ready() {
  MathJax.startup.defaultReady();
  const made = %s.map(([tex, display]) => MathJax.tex2mml(tex, {display}));
  document.getElementById("made").textContent = JSON.stringify(made);
}}};</script><script src="%s"></script>"""
ON_PAPER = """<style>@page { size: A4; margin: 15mm; }
.solution, .solution > * { display: revert !important; visibility: visible !important; }</style>"""
LOADED = re.compile(r'<(?:link|script)\b[^>]*?(?:href|src)="([^"?]*)[^"]*"[^>]*?(?:/>|></script>)')
log = logging.getLogger(__name__)


def browser() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def chromium(*arguments: str) -> str:
    """What Chromium prints, all scripts of the page having run."""
    with TemporaryDirectory(prefix="hw3-chromium-") as profile:
        command = [str(browser()), *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=120000", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def mathml(formulas: list[tuple[str, bool]]) -> dict[tuple[str, bool], str]:
    """MathML of formulas, each with whether it stands on a line of its own."""
    with TemporaryDirectory(prefix="hw3-mathml-") as folder:
        page = Path(folder) / "formulas.html"
        page.write_text(CONVERT % (json.dumps(formulas).replace("<", "\\u003c"), MATHJAX.as_uri()), encoding="utf-8")
        made = re.search(r'<pre id="made">(.+?)</pre>', chromium("--dump-dom", page.as_uri()), re.DOTALL)
    return dict(zip(formulas, json.loads(html.unescape(made[1])), strict=True)) if made else {}


def kept(app: Sphinx, kind: str) -> Path:
    """Where the file of these very pages lies: it is named by their text and by what their numbers depend on."""
    stamps = getattr(app.env, "hw3_stamps", {})
    parts = [(name, stamps.get(name), page_text(app, name)) for name in sorted(app.env.found_docs)]
    return Path(app.outdir).parent / "whole" / f"{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}.{kind}"


def named(app: Sphinx, config: object) -> None:
    """The EPUB's title is the book's, its version the package's."""
    from hw3 import __version__

    app.config.project, app.config.version = app.config.html_title, __version__


def begin(app: Sphinx) -> None:
    """Have these two builders write what the HTML builder can, and the EPUB its formulas as MathML."""
    handlers = app.registry.translation_handlers
    for name in BUILDERS:
        handlers[name] = {**handlers.get("html", {}), **handlers.get(name, {})}
    if app.builder.name == "epub":
        app.config.html_static_path, app.config.html_copy_source = [], False
        app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))


def write_math(writer: nodes.NodeVisitor, node: nodes.Element) -> None:
    """A formula as MathML; one that this page's others did not come with is made by itself."""
    wanted = (node.astext().strip(), isinstance(node, nodes.math_block))
    known = writer.builder.app.hw3_mathml  # type: ignore[attr-defined]
    if wanted not in known and browser():
        found = [(n.astext().strip(), isinstance(n, nodes.math_block)) for n in node.document.findall(is_math)]
        known.update(mathml(list(dict.fromkeys([*found, wanted]))))
        if wanted not in known:
            log.warning("MathJax made no MathML of %s", wanted[0][:60], location=node)
    writer.body.append(known.get(wanted, html.escape(wanted[0])))
    raise nodes.SkipNode


def is_math(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)


def without_scripts(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Take out the scripts for live pages."""
    for node in list(doctree.findall(nodes.raw)) if app.builder.name in BUILDERS else []:
        if "<script" in node.astext():
            node.parent.remove(node)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Print the single page, or close the EPUB, and keep the file."""
    if error or app.builder.name not in BUILDERS:
        return
    if browser() is None:
        print(
            "  hw3: no Chromium here, so the whole book in one file was not made (on Debian: apt-get install chromium)"
        )
        return
    target = kept(app, BUILDERS[app.builder.name])
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(f"*{target.suffix}"):
        old.unlink()
    if app.builder.name == "singlehtml":
        made = Path(app.outdir) / f"{app.config.root_doc}.html"
        page = Path(app.outdir) / "whole.html"  # Sphinx writes links and pictures as if the page stood here
        page.write_text(made.read_text(encoding="utf-8").replace("</head>", f"{ON_PAPER}</head>"), encoding="utf-8")
        chromium(f"--print-to-pdf={target}", "--no-pdf-header-footer", page.as_uri())
    else:
        close(app)
        shutil.copy(Path(app.outdir) / f"{app.config.epub_basename}.epub", target)
    print(f"  hw3: {target}")


def close(app: Sphinx) -> None:
    """Make the pages of the EPUB XML, declare those with MathML, and pack it again."""
    folder = Path(app.outdir)
    contents = (folder / "content.opf").read_text(encoding="utf-8")
    for path in folder.rglob("*.xhtml"):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"<(br|hr|img|input|col)\b([^<>]*?)\s*/?>", r"<\1\2/>", text)
        text = re.sub(
            r'<summary[^>]*>\s*<p class="collapsed.*?</summary>', "<summary>Code</summary>", text, flags=re.DOTALL
        )
        text = re.sub(r' id="(exercise|solution)-content"| columnspacing=""', "", text.replace("&nbsp;", "&#160;"))
        for loaded in LOADED.finditer(text):  # styles that some extension brings after the list was made
            if f'href="{Path(relpath(path.parent / loaded[1], folder)).as_posix()}"' not in contents:
                text = text.replace(loaded[0], "")
        path.write_text(text, encoding="utf-8")
        try:
            ElementTree.fromstring(text)
        except ElementTree.ParseError as fault:
            log.warning("not XML, so no reader of EPUB would open it: %s", fault, location=str(path))
        if "<math" in text:
            name = re.escape(path.relative_to(folder).as_posix())
            contents = re.sub(rf'(href="{name}" media-type)', r'properties="mathml" \1', contents)
    (folder / "content.opf").write_text(contents, encoding="utf-8")
    app.builder.build_epub()  # type: ignore[attr-defined]


def offer(app: Sphinx, name: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Put the whole book into the download menu of a page, where it was made from these very pages."""
    menu = next((b for b in context.get("header_buttons", []) if b["label"] == "download-buttons"), None)
    if menu is None or app.builder.name != "html":
        return
    for kind in BUILDERS.values():
        if (source := kept(app, kind)).exists():
            target = Path(app.outdir) / "_downloads" / f"book.{kind}"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
            button = {"type": "link", "url": context["pathto"](f"_downloads/book.{kind}", 1), "text": f"book.{kind}"}
            button |= {
                "icon": "fas fa-book",
                "label": f"download-book-{kind}",
                "tooltip": f"The whole book as {kind.upper()}",
            }
            menu["buttons"].append(button)


def setup(app: Sphinx) -> dict[str, bool]:
    app.hw3_mathml = {}  # type: ignore[attr-defined]
    app.connect("config-inited", named, priority=600)  # behind hw3book, with which hw3 can be imported
    app.connect("builder-inited", begin)
    app.connect("doctree-resolved", without_scripts)
    app.connect("html-page-context", offer, priority=600)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
