"""TeX that the book's own MathJax cannot read is found before a reader does."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "book" / "_ext"))
from hw3tex import faults, known


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{1}{2} \le \left\lfloor x_i \right\rfloor",
        r"\begin{aligned} a &= \text{50\%} \\ b &= \{x\} \end{aligned}",
        r"\left\{ x \,\middle|\, y \right\}",
        r"\operatorname{softmax}(z; \tau) \to \mathbb{R}",
        "x < y",
    ],
)
def test_what_mathjax_reads_has_no_fault(formula):
    assert list(faults(formula)) == []


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (r"\nosuchmacro x", r"MathJax does not know the command \nosuchmacro"),
        (r"\color{red} x", r"MathJax does not know the command \color"),  # of a part that is not bundled
        (r"\begin{nosuch} x \end{nosuch}", "MathJax does not know the environment nosuch"),
        (r"\frac{1}{2", "{ stands 2 times and } 1 times"),
        (r"\left( x )", r"\left stands 1 times and \right 0 times"),
        (r"\begin{aligned} x", r"\begin stands 1 times and \end 0 times"),
    ],
)
def test_a_fault_is_named(formula, words):
    assert list(faults(formula)) == [words]


def test_the_tables_of_the_bundled_mathjax_are_read_whole():
    """Another version may write them in another way."""
    commands, environments = known()
    assert {"alpha", "frac", "left", "lfloor", "operatorname", "newcommand", "big", "dfrac", "tfrac"} <= commands
    assert {"aligned", "bmatrix", "cases", "array"} <= environments
    assert len(commands) > 700
    assert not {"nosuchmacro", "texClass", "mathvariant"} & commands
