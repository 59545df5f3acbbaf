"""Tables, notices and glued texts for the pages, as objects that a notebook shows."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor

from hw3.data.images import ImageSet
from hw3.studies.record import validation_logits
from hw3.studies.run import Experiment, Result
from hw3.studies.shown import Shown
from hw3.train.losses import cross_entropy
from hw3.train.metrics import best_temperature, expected_calibration_error


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


def one_row(**values: Any) -> Table:
    """A few values under their names, underscores as blanks."""
    return table([name.replace("_", " ") for name in values], [list(values.values())])


def minus(number: str) -> str:
    """A number with a minus sign in place of the hyphen."""
    return number.replace("-", "−")


def spread(values: Sequence[float], form: str = ".1%") -> str:
    """The mean of some seeds and, in brackets, the lowest and the highest."""
    if len(values) == 1:
        return f"{values[0]:{form}}"
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return f"{mean(values):{form}} ({low.removesuffix('%')} to {high})"


def _stacked(spread: str) -> str:
    """The range under the mean, so that a narrow column holds all of a table."""
    return spread.replace(" (", "<br>(")


def scores(groups: dict[str, list[Result]]) -> Table:
    """Parameters; loss and accuracy on the test part, mean and range over the seeds; precision and recall, means over
    classes and seeds."""
    rows = (
        (
            label,
            f"{results[0].parameters:,}",
            _stacked(spread([r.test.loss for r in results], ".3f")),
            _stacked(spread([r.test.accuracy for r in results])),
            f"{mean(r.test.precision for r in results):.1%}",
            f"{mean(r.test.recall for r in results):.1%}",
        )
        for label, results in groups.items()
    )
    return table(("network", "parameters", "loss (nats)", "accuracy", "precision", "recall"), rows)


def calibration(shown: Shown, named: Mapping[str, Sequence[Result]]) -> Table:
    """Test loss and calibration error, means over the seeds, as they are and at the temperature that each run's
    validation images choose."""
    rows = []
    for label, results in named.items():
        temperatures, scaled = at_best_temperature(shown, results)
        cells = [label]
        for logits in ([r.logits for r in results], scaled):
            cells += [f"{mean(cross_entropy(z, shown.targets).item() for z in logits):.3f}"]
            cells += [f"{mean(expected_calibration_error(z, shown.targets) for z in logits):.1%}"]
        rows.append([*cells[:3], f"{mean(temperatures):.2f}", *cells[3:]])
    header = ("network", "loss (nats)", "calibration error", "best temperature", "loss there", "error there")
    return table(header, rows)


def at_best_temperature(shown: Shown, results: Sequence[Result]) -> tuple[list[float], list[Tensor]]:
    """The temperature that each run's validation images choose, and its test logits divided by it."""
    temperatures = [best_temperature(validation_logits(r), shown.validation) for r in results]
    return temperatures, [r.logits / t for r, t in zip(results, temperatures, strict=True)]


def agreement(shown: Shown, named: Mapping[str, Sequence[Result]], teacher: Tensor) -> Table:
    """In what share of the test images each network names the class that a teacher with the logits ``teacher`` (N,
    classes) names; the same among the images that the teacher gets wrong. Mean and range over the seeds."""
    says = teacher.argmax(1)
    parts = (torch.ones_like(says, dtype=torch.bool), says != shown.targets)
    rows = [(label, *(spread(agreeing(results, says, part)) for part in parts)) for label, results in named.items()]
    return table(("network", "agrees with the teacher", "where that is wrong"), rows)


def agreeing(results: Sequence[Result], says: Tensor, part: Tensor) -> list[float]:
    """Of the test images in ``part`` (mask, (N,)), the share of which each run names the class in ``says`` (N,)."""
    return [(r.logits.argmax(1) == says)[part].double().mean().item() for r in results]


def costs(groups: dict[str, list[Result]]) -> Table:
    """Parameters, multiplications for one image, and the median seconds of an epoch, on one core while other runs used
    the other cores."""
    header = ("network", "parameters", "multiplications", "seconds an epoch")
    times = {label: mean(median(r.curve("seconds")) for r in results) for label, results in groups.items()}
    rows = ((n, f"{r[0].parameters:,}", f"{r[0].multiplications:,}", f"{times[n]:.1f}") for n, r in groups.items())
    return table(header, rows)


def by_class(groups: dict[str, list[Result]]) -> Table:
    """Precision and recall of each class for each network, mean and range over the seeds."""
    rows = (
        (
            label,
            name,
            spread([r.test.precision_by_class[i] for r in results]),
            spread([r.test.recall_by_class[i] for r in results]),
        )
        for label, results in groups.items()
        for i, name in enumerate(results[0].class_names)
    )
    return table(("network", "class", "precision", "recall"), rows)


EDGES = (0.9, 0.85, 0.8, 0.7)  # between which test images are counted as equally alike to a training image


def by_likeness(likeness: Tensor, wrong: Mapping[str, Tensor]) -> Table:
    """Errors on the test images by how alike the nearest training image is (``likeness``, (N,)). ``wrong``: for each
    network the share of its runs that call an image wrong, (N,). What holds no image is left out."""
    rows = []
    for low, high in zip((*EDGES, -2.0), (2.0, *EDGES), strict=True):
        inside = (likeness > low) & (likeness <= high)
        name = f"above {low:.2f}" if high > 1 else f"{low:.2f} to {high:.2f}" if low > -1 else f"below {high:.2f}"
        if inside.any():
            errors = (f"{share[inside].double().mean():.1%}" for share in wrong.values())
            rows.append((name, f"{inside.double().mean():.1%}", *errors))
    return table(("nearest training image", "share of test images", *(f"error, {name}" for name in wrong)), rows)


def configuration(experiment: Experiment | Result) -> Table:
    """Everything that names an experiment, or a finished run."""
    return table(("setting", experiment.name), _flat(experiment.what))


def _flat(what: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of a nested description; digests by their beginning, what is not set left out."""
    rows: list[tuple[str, str]] = []
    for name, value in what.items():
        if isinstance(value, Mapping):
            inside = {inner: v for inner, v in value.items() if str(v).lower() != name}  # a training of kind Training
            rows += [(f"{name}: {inner}", shown) for inner, shown in _flat(inside)]
        elif value is not None:
            shown = f"`{value[:12]}`" if re.fullmatch("[0-9a-f]{16,}", str(value)) else str(value)
            rows.append((name.replace("_", " "), shown))
    return rows


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


def data_notice(data: ImageSet, shown: Shown | None = None) -> Notice:
    """What the page's numbers were obtained on; a warning where that is a stand-in for the assignment's data.
    ``shown``: the runs that its tables and verdicts are about, where these may be recorded ones."""
    recorded = f"Tables and verdicts show {shown.words}" if shown and shown.recorded else ""
    if data.source.stand_in:
        about = (
            f"What it trained itself is about these images. {recorded}."
            if recorded
            else "Every number and every verdict on this page is about these images."
        )
        text = (
            f"The assignment's data were not at hand, so this build ran on a stand-in: {data.source.description} "
            f"({len(data):,} images). {about}"
        )
        return Notice("warning", "Stand-in data", text)
    text = f"The images of this build come from {data.source.description}, {len(data):,} in all."
    return Notice("note", "Data", f"{text} {recorded}." if recorded else text)


def glue_all(texts: Mapping[str, Any]) -> None:
    """Let the page's prose use each value by its name."""
    from myst_nb import glue

    for name, value in texts.items():
        glue(name, value, display=False)
