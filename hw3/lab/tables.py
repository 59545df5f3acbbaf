"""Tables and notices for the pages, as objects that a notebook shows."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from sympy import Basic, latex

from hw3.data import ImageSet
from hw3.lab.experiments import Experiment
from hw3.lab.store import Result


@dataclass(frozen=True)
class Table:
    """A Markdown table: its cells are already formatted; numbers stand to the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_markdown_(self) -> str:
        marks = ["---"] + ["---:"] * (len(self.header) - 1)
        return "\n".join("| " + " | ".join(line) + " |" for line in (self.header, marks, *self.rows))


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    return Table(tuple(header), tuple(tuple(str(cell) for cell in row) for row in rows))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def spread(values: Sequence[float], form: str = ".1%") -> str:
    """The mean of some seeds and, in brackets, the lowest and the highest."""
    if len(values) == 1:
        return f"{values[0]:{form}}"
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return f"{mean(values):{form}} ({low.removesuffix('%')} to {high})"


def scores(groups: dict[str, list[Result]]) -> Table:
    """Loss and accuracy on the test part (mean and range over the seeds), precision and recall (means over classes and
    seeds), and what each network costs: parameters, multiplications for one image, and the median
    seconds an epoch took on one core, while other runs used the other cores."""
    header = ("network", "loss (nats)", "accuracy", "precision", "recall", "parameters", "multiplications", "s/epoch")
    return table(
        header,
        (
            (
                label,
                spread([r.test.loss for r in results], ".3f"),
                spread([r.test.accuracy for r in results]),
                f"{mean([r.test.precision for r in results]):.1%}",
                f"{mean([r.test.recall for r in results]):.1%}",
                f"{results[0].parameters:,}",
                f"{results[0].multiplications:,}",
                f"{mean([median(r.curves['seconds']) for r in results]):.1f}",
            )
            for label, results in groups.items()
        ),
    )


def by_class(groups: dict[str, list[Result]]) -> Table:
    """Precision and recall of each class for each network, mean and range over the seeds."""
    return table(
        ("network", "class", "precision", "recall"),
        (
            (
                label,
                name,
                spread([r.test.precision_by_class[i] for r in results]),
                spread([r.test.recall_by_class[i] for r in results]),
            )
            for label, results in groups.items()
            for i, name in enumerate(results[0].class_names)
        ),
    )


def configuration(config: Experiment) -> Table:
    """Everything that names an experiment."""
    study = {} if config.study is None else {k: v for k, v in asdict(config.study).items() if v is not None}
    settings = {"data": config.data, "network": config.model, **config.options, **asdict(config.training), **study}
    return table(("setting", config.name), [(name.replace("_", " "), value) for name, value in settings.items()])


@dataclass(frozen=True)
class Mathematics:
    """LaTeX that a notebook shows as a displayed formula."""

    source: str

    def _repr_latex_(self) -> str:
        return f"$$ {self.source} $$"


def aligned(*equations: Basic) -> Mathematics:
    """Equations under each other, their signs in one column."""
    lines = (f"{latex(equation.lhs)} &= {latex(equation.rhs)}" for equation in equations)
    return Mathematics(r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}")


@dataclass(frozen=True)
class Notice:
    """A box in the book's own style; plain text elsewhere."""

    kind: str
    title: str
    text: str

    def _repr_html_(self) -> str:
        title, text = html.escape(self.title), html.escape(self.text)
        text = re.sub(r"github\.com/[\w/-]+", r'<a href="https://\g<0>">\g<0></a>', text)
        return f'<div class="admonition {self.kind}"><p class="admonition-title">{title}</p><p>{text}</p></div>'

    def __repr__(self) -> str:
        return f"{self.title}: {self.text}"


def data_notice(data: ImageSet) -> Notice:
    """What the page's numbers were obtained on; a warning where that is a stand-in for the assignment's data."""
    if data.source.stand_in:
        text = (
            f"The assignment's data were not at hand, so this build ran on a stand-in: {data.source.description} "
            f"({len(data):,} images). Every number and every verdict on this page is about these images."
        )
        return Notice("warning", "Stand-in data", text)
    return Notice(
        "note", "Data", f"The images of this build come from {data.source.description}, {len(data):,} in all."
    )
