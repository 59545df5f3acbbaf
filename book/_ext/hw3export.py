"""What a reader takes along: each page as a notebook, its description, the way back to its source.

A notebook is written from the page as Sphinx has resolved it, so that it says what the page says: numbers, references
and citations are text, and boxes are quotes or headings.
"""

import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from textwrap import indent, shorten

import nbformat
from docutils import nodes
from hw3book import page_text, parsed
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)

NEEDS = (
    "This notebook is a page of the book *{title}*. Numbers in its text are those of the book's build; its cells"
    " compute them anew. It needs the package `hw3` and the book's requirements. In a copy of the project, `make book`"
    " makes such an environment in `.venv`; `.venv/bin/pip install --editable '.[notebooks]'` adds JupyterLab to it,"
    " and `.venv/bin/jupyter lab {name}` opens this file."
)
FOLDED = {"hide-input", "remove-cell", "remove-input"}
UNSEEN = (nodes.raw, nodes.target, nodes.comment, nodes.image, nodes.caption, nodes.legend)


def inline(node: nodes.Node) -> str:
    """Markdown of text inside a paragraph."""
    match node:
        case nodes.Text():
            return re.sub(r"([\\*_`$<])", r"\\\1", re.sub(r"\s+", " ", node.astext()))
        case nodes.math():
            return f"${node.astext()}$"
        case nodes.literal():
            return f"`{node.astext()}`"
    text = "".join(inline(child) for child in node.children if not isinstance(child, UNSEEN))
    match node:
        case nodes.strong() if text.strip():
            return f"**{text.strip()}**"
        case nodes.emphasis() if text.strip():
            return f"*{text.strip()}*"
        case nodes.reference() if re.match(r"https?:|mailto:", node.get("refuri", "")):
            return f"[{text}]({node['refuri']})"
    return text


def table(node: nodes.Element) -> str:
    """A Markdown table; columns that the page sets to the right are right."""
    rows = [list(row.findall(nodes.entry)) for row in node.findall(nodes.row)]
    lines = ["| " + " | ".join(inline(entry).strip().replace("|", r"\|") for entry in row) + " |" for row in rows]
    right = ("text-right" in entry["classes"] for entry in rows[0])
    return "\n".join([lines[0], "| " + " | ".join("---:" if r else "---" for r in right) + " |", *lines[1:]])


def pieces(node: nodes.Node, level: int, number: Callable[[nodes.Element], str]) -> Iterator[str | int]:
    """The page in reading order: Markdown as text, and for a cell of code its index in the page.

    ``level`` is the depth of headings; ``number`` says the number of a figure or an exercise.
    """

    def inside(*, deeper: int = 0, of: list[nodes.Node] | None = None) -> Iterator[str | int]:
        for child in node.children if of is None else of:
            yield from pieces(child, level + deeper, number)

    match node:
        case nodes.container() if node.get("nb_element") == "cell_code":
            yield node["cell_index"]
            for figure in node.findall(nodes.figure):
                yield f"*{number(figure)} {' '.join(inline(c).strip() for c in figure.findall(nodes.caption))}*"
        case nodes.section():
            yield from inside(deeper=1)
        case nodes.title():
            yield f"{'#' * min(level, 6)} {inline(node).strip()}"
        case nodes.paragraph() | nodes.rubric():
            yield inline(node).strip()
        case nodes.math_block():
            yield f"$$\n{node.astext().strip()}\n$$"
        case nodes.literal_block():
            yield f"```{node.get('language', '').replace('ipython3', 'python')}\n{node.astext().rstrip()}\n```"
        case nodes.table():
            yield table(node)
        case nodes.term():
            yield f"**{inline(node).strip()}**"
        case nodes.list_item():
            mark = "1." if isinstance(node.parent, nodes.enumerated_list) else "-"
            text = "\n\n".join(str(piece) for piece in inside())
            yield f"{mark} {indent(text, ' ' * (len(mark) + 1)).strip()}"
        case nodes.Admonition() | nodes.sidebar() | nodes.topic():
            titles = [child for child in node.children if isinstance(child, nodes.title)]
            title = "".join(inline(child) for child in titles).strip() or node.tagname.capitalize()
            title = f"**{(number(node) + ' ' + title).strip()}**"
            body = list(inside(of=[child for child in node.children if child not in titles]))
            if any(isinstance(piece, int) for piece in body):
                yield from (title, *body)
            else:
                yield indent("\n\n".join([title, *map(str, body)]), "> ", lambda line: True)
        case nodes.Text():
            if node.astext().strip():
                yield inline(node).strip()
        case _ if not isinstance(node, UNSEEN):
            yield from inside()


def notebook(app: Sphinx, name: str, doctree: nodes.document) -> nbformat.NotebookNode:
    """The page ``name`` as a notebook without outputs, its cells in the order of the page."""

    def number(node: nodes.Element) -> str:
        kind = "figure" if isinstance(node, nodes.figure) else node.get("type", "")
        numbers = app.env.toc_fignumbers.get(name, {}).get(kind, {})
        found = next((".".join(map(str, numbers[i])) for i in node.get("ids", []) if i in numbers), None)
        if found is None:
            return ""
        return (app.config.numfig_format[kind] % found + ".") if kind == "figure" else f"{kind.capitalize()} {found}"

    source = parsed(page_text(app, name))
    code = {index: cell for index, cell in enumerate(source.cells) if cell.cell_type == "code"}
    todo, cells, text = sorted(code), [], [NEEDS.format(title=app.config.html_title, name=f"{Path(name).name}.ipynb")]

    def add_code(last: int) -> None:
        while todo and todo[0] <= last:  # with the cells that the page leaves out
            cell = code[todo.pop(0)]
            folded = {"jupyter": {"source_hidden": True}} if FOLDED & set(cell.metadata.get("tags", [])) else {}
            cells.append(nbformat.v4.new_code_cell(cell.source, metadata=folded))

    def add_text() -> None:
        if text:
            cells.append(nbformat.v4.new_markdown_cell("\n\n".join(text)))
            text.clear()

    add_text()
    for piece in pieces(doctree, 0, number):
        if isinstance(piece, str):
            text.append(piece)
            continue
        add_text()
        if piece not in code:
            log.warning("cell %s of this page is none of its notebook", piece, location=name)
        add_code(piece)
    add_text()
    add_code(len(source.cells))
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
    metadata = {"kernelspec": source.metadata["kernelspec"], "title": app.env.titles[name].astext()}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def write_notebook(app: Sphinx, name: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Write an executed page as an .ipynb beside the HTML, and have the theme offer it in its download menu."""
    if doctree is None or app.builder.name != "html" or name not in getattr(app.env, "hw3_stamps", {}):
        return
    context["ipynb_source"] = f"{name}.ipynb"
    target = Path(app.outdir) / "_sources" / f"{name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(app, name, doctree), target)


def write_sources(app: Sphinx, error: Exception | None) -> None:
    """Beside the pages of the edition for students lie their sources as that edition has them."""
    if app.builder.name == "html" and app.config.hw3_edition == "student" and not error:
        for path in (Path(app.outdir) / "_sources").rglob("*.md"):
            name = path.relative_to(Path(app.outdir) / "_sources").with_suffix("").as_posix()
            path.write_text(page_text(app, name), encoding="utf-8")


def published(app: Sphinx, config: object) -> None:
    """Offer to edit and to report where ``_config.yml`` names a repository; else there are no such buttons."""
    options = app.config.html_theme_options
    if options.get("repository_url"):
        options |= dict.fromkeys(("use_repository_button", "use_edit_page_button", "use_issues_button"), True)


def described(app: Sphinx, name: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Tell search engines what a page is about: its first paragraph."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree else None
    if first is not None:
        text = shorten(" ".join(first.astext().split()), 160, placeholder="…")
        context["metatags"] += f'<meta name="description" content="{escape(text)}" />'


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", published)
    app.connect("html-page-context", described)
    app.connect("html-page-context", write_notebook, priority=100)
    app.connect("build-finished", write_sources)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
