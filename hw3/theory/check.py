"""``check(answer_id, text)``: is a reader's own formula the right answer to one of the theory questions?"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from typing import Any

from sympy import Expr, Float, Rational, Symbol, symbols

from hw3.theory import backpropagation, box_filter, kernel, layers
from hw3.theory.expressions import read
from hw3.theory.regions import Difference, compared, difference


@dataclass(frozen=True)
class Verdict:
    """``equivalent``; if not, ``point`` is where the reader's ``expression`` has the value ``actual`` (None: it divides
    by zero) and the answer the value ``expected`` (None for an answer that is a number: it would be given away). It is
    not ``sure`` where a comparison in the formulas is one that points can only try."""

    equivalent: bool
    expression: Expr
    point: dict[str, Expr] | None = None
    expected: Expr | None = None
    actual: Expr | None = None
    remark: str = ""
    hint: str = ""
    sure: bool = True

    def __str__(self) -> str:
        if self.equivalent and not self.sure:
            return (
                f"Right wherever it was tried: {self.expression}. It compares what is not linear; in a small region it "
                "may still differ."
            )
        if self.equivalent:
            return f"Right: {self.expression} is the answer, or equal to it everywhere."
        if not self.point:
            return f"Not yet: {self.expression} is not the answer. {self.remark}".strip()
        where = ", ".join(f"{name} = {number}" for name, number in self.point.items())
        gives = "divides by zero" if self.actual is None else f"gives {self.actual}"
        wanted = "which the answer does not" if self.expected is None else f"and the answer is {self.expected}"
        return f"Not yet: at {where}, {self.expression} {gives}, {wanted}. {self.remark}".strip()


def _t1() -> dict[str, Expr]:
    filtered = box_filter.filter2d(box_filter.chessboard(), box_filter.box_kernel())
    response = box_filter.frequency_response(box_filter.box_kernel(), *symbols("omega1 omega2", real=True))
    return {"t1.white": filtered[2, 2], "t1.black": filtered[2, 3], "t1.response": response}


def _t2() -> dict[str, Expr]:
    rows = layers.trace(layers.parse(layers.ASSIGNMENT), layers.ASSIGNMENT_INPUT)
    answers = {f"t2.parameters.{position}": row.parameters for position, row in enumerate(rows, start=1)}
    answers["t2.parameters"] = sum(row.parameters for row in rows)
    return {name: Rational(value) for name, value in answers.items()}


def _t3() -> dict[str, Expr]:
    net = backpropagation.network()
    steps = (backpropagation.output_gradients, backpropagation.pool_gradients, backpropagation.convolution_gradients)
    gradients = {f"t3.d{name}": value for step in steps for name, value in step(net).items()}
    return gradients | {"t3.dk4": Rational(0)}


def _t4() -> dict[str, Expr]:
    cost = kernel.costs(205, 66, 3, in_channels=10, out_channels=96)[-1]
    numbers = (cost.kernel_size, cost.parameters, cost.multiplications)
    return dict(zip(("t4.kernel", "t4.parameters", "t4.multiplications"), map(Rational, numbers), strict=True))


_QUESTIONS: dict[str, Callable[[], dict[str, Expr]]] = {"t1": _t1, "t2": _t2, "t3": _t3, "t4": _t4}
_T3_NAMES = "y yhat v1 v2 z1 z2 z3 delta1 delta2 alpha1 alpha2 alpha3 x1 x2 x3 x4 x5 k1 k2 k3 b w1 w2 a"
_NAMES = {"t1": "omega1 omega2", "t2": "", "t3": _T3_NAMES, "t4": ""}
_ALIASES = {"t1": {"w1": "omega1", "w2": "omega2"}}

_TRAINED = "dw1 dw2 da dz1 dz2 dz3 dk1 dk2 dk3 dk4 db dx1 dx2 dx3 dx4 dx5"
ANSWERS: tuple[str, ...] = (
    *("t1.white", "t1.black", "t1.response"),
    *("t2.parameters", "t2.parameters.1", "t2.parameters.4", "t2.parameters.8"),
    *(f"t3.{name}" for name in _TRAINED.split()),
    *("t4.kernel", "t4.parameters", "t4.multiplications"),
)
_HINTS = {
    "t1": "Count the white and the black pixels in the 3 x 3 window; each has the weight 1/9.",
    "t1.response": "A wave shifted by a pixel to either side: exp(iω) + exp(-iω) = 2 cos ω, in each direction.",
    "t2": "A filter has k·k·D weights and one bias; D is the depth of the layer before it.",
    "t3.d": "The chain rule through yhat: ∂L/∂yhat, times what the parameter was multiplied with.",
    "t3.dz": "A maximum is a switch: the gradient goes where the value came from. Write [z1 > z2] for 1 or 0.",
    "t3.dk": "A tap is shared: it collects from every output whose formula holds it.",
    "t3.dk4": "Which of the z holds a k4?",
    "t3.db": "Which of the z holds b, and how often?",
    "t3.dx": "Which outputs does this input reach, and through which tap?",
    "t4": "The last window begins 65 steps of 3 after the first and ends where the input ends.",
    "t4.parameters": "A filter has one weight for each number in its window, in all channels, and one bias.",
    "t4.multiplications": "Each number of the output, in all channels, needs a product for each weight of its filter.",
}


@cache
def _solve(question: str) -> dict[str, Expr]:
    return _QUESTIONS[question]()


def _known(answer_id: str) -> str:
    name = str(answer_id).strip().lower()
    if name not in ANSWERS:
        near = get_close_matches(name, ANSWERS, n=1)
        meant = f"; did you mean {near[0]}?" if near else ";"
        raise KeyError(f"no answer is called {answer_id!r}{meant} There are {', '.join(ANSWERS)}")
    return name


def answer(answer_id: str) -> Expr:
    """The answer itself. Raises KeyError as ``check`` does."""
    name = _known(answer_id)
    return _solve(name[:2])[name]


def check(answer_id: str, text: str, hint: bool = False) -> Verdict:
    """Judge ``text`` as the answer ``answer_id`` (one of ``ANSWERS``, in upper or lower case).

    Both formulas are compared by exact numbers in every region that their maxima and comparisons cut out, however small
    or far out, as long as what is compared is linear in the names, or a product or quotient of such forms up to degree
    4. Then "right" means equal everywhere but where a maximum or a comparison is tied and no derivative exists, with a
    chance below one in a million that random points deceive. Other comparisons, such as [cos(w1) > 0], are tried at 48
    points, at scales from 1/10 to beyond the largest number in the formulas. Sines and cosines count to 40 digits.

    A verdict that is not right names a wrong sign, a constant factor or a number that is only rounded. Its ``hint``
    helps without giving the answer; with ``hint=True`` it is a part of the verdict's text.

    Raises:
        KeyError: an unknown ``answer_id``; the message lists those that exist.
        hw3.theory.RefusedError: a text that is not a formula in the question's own names.
    """
    answer_id = _known(answer_id)
    expected, question = answer(answer_id), answer_id[:2]
    names = {name: Symbol(name, real=True) for name in _NAMES[question].split()}
    mine = read(text, names | {alias: names[name] for alias, name in _ALIASES.get(question, {}).items()})
    differs, sure = compared(expected, mine)
    if differs is None:
        return Verdict(True, mine, sure=sure)
    help_ = _hint(answer_id, expected, mine)
    return Verdict(
        equivalent=False,
        expression=mine,
        point={str(name): _exact(value) for name, value in differs.point.items()},
        expected=_exact(differs.first) if expected.free_symbols else None,
        actual=None if differs.second is None else _exact(differs.second),
        remark=f"{_remark(expected, mine, differs)} {help_ if hint else ''}".strip(),
        hint=help_,
    )


def _exact(value: Any) -> Expr:
    """A Fraction as it is, a value with sines and cosines to 6 digits."""
    return Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else Float(value, 6)


def _hint(answer_id: str, expected: Expr, mine: Expr) -> str:
    more = sorted(map(str, expected.free_symbols - mine.free_symbols))
    less = sorted(map(str, mine.free_symbols - expected.free_symbols))
    help_ = _HINTS[max((name for name in _HINTS if answer_id.startswith(name)), key=len)]
    help_ += f" The answer depends on {', '.join(more)} too." if more and mine.free_symbols else ""
    return help_ + (f" It does not depend on {', '.join(less)}." if less else "")


def _remark(expected: Expr, mine: Expr, differs: Difference) -> str:
    """What kind of mistake it is, where that can be said."""
    if not differs.first or not differs.second:
        return ""
    ratio = differs.second / differs.first
    factor = _exact(ratio if isinstance(ratio, Fraction) else Fraction(str(ratio)).limit_denominator(10**6))
    constant = not (expected.free_symbols or mine.free_symbols)
    if constant and _is_rounded(mine, expected):
        return "It is near, but rounded: give the number exactly, for example as a fraction."
    if not constant and factor != 1 and difference(factor * expected, mine):
        return ""
    if factor == -1:
        return "The sign is wrong."
    if not constant and abs(factor - 1) < Rational(1, 50):
        return "It is near, but a number in it is rounded: give it exactly."
    if not constant:
        return "It is right up to a constant factor."
    if abs(expected) < 100 or 1 not in (factor.p, factor.q) or max(factor.p, factor.q) > 100:
        return ""
    return "A factor is missing." if factor < 1 else "There is a factor too many."


def _is_rounded(mine: Expr, exact: Expr) -> bool:
    """Do they agree as far as the decimals of ``mine`` go, three digits at least? It may be rounded or cut off."""
    units = (Rational(10) ** -places for places in range(-8, 16))
    unit = next((unit for unit in units if (mine / unit).is_Integer), None)
    return unit is not None and abs(mine - exact) < unit and abs(mine) >= 100 * unit
