"""What the book's own MathJax could not typeset: an unknown command would be red text on a page of a green build."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

MATHJAX = Path(__file__).resolve().parent.parent / "_static" / "mathjax" / "tex-chtml.js"
PAIRS = (("{", "}"), (r"\left", r"\right"), (r"\begin", r"\end"))


@cache
def known() -> tuple[frozenset[str], frozenset[str]]:
    """The commands and the environments that the bundled MathJax defines, from the tables in its script."""
    script = MATHJAX.read_text(encoding="utf-8")
    for _ in range(4):  # what a name means stands in nested lists; only the names are wanted
        script = re.sub(r"\[[^\[\]]*\]", "0", script)
    commands: set[str] = set()
    environments: set[str] = set()
    table = r"new[ (][\w.()]+\.(Command|Character|Delimiter|Macro|Environment)Map\)?\([^{}()]*,\{(.*?)\}(?=\)|,[\w.{])"
    for kind, rows in re.findall(table, script):
        names = re.findall(r'(?:^|,)"?(?:\\\\)?([A-Za-z]+\*?)"?:', rows)
        (environments if kind == "Environment" else commands).update(names)
    return frozenset(commands), frozenset(environments)


def faults(formula: str) -> Iterator[str]:
    """What is wrong with a formula in TeX, in words: names that MathJax does not know, and what is opened and not
    closed."""
    commands, environments = known()
    bare = re.sub(r"\\[\\{}]", " ", formula)
    signs = re.findall(r"\\[A-Za-z]+|[{}]", bare)
    for name in dict.fromkeys(signs):
        if name not in "{}" and name[1:] not in commands:
            yield f"MathJax does not know the command {name}"
    for name in dict.fromkeys(re.findall(r"\\begin\{([^{}]*)\}", bare)):
        if name not in environments:
            yield f"MathJax does not know the environment {name}"
    for first, last in PAIRS:
        if signs.count(first) != signs.count(last):
            yield f"{first} stands {signs.count(first)} times and {last} {signs.count(last)} times"
