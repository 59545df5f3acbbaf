"""``check(answer_id, text)``: is a reader's own formula the right answer to one of the theory questions?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from sympy import Expr, Rational, Symbol, symbols

from hw3.theory import backpropagation, box_filter, kernel, layers
from hw3.theory.expressions import RefusedError, read


@dataclass(frozen=True)
class Verdict:
    """``equivalent``; if not, ``point`` is where the two differ, with the ``expected`` and the ``given`` value (None
    where the reader's formula divides by zero)."""

    equivalent: bool
    expression: Expr
    point: dict[str, Expr] | None = None
    expected: Expr | None = None
    given: Expr | None = None

    def __str__(self) -> str:
        if self.equivalent:
            return f"Right: {self.expression} is the answer, or equal to it everywhere."
        gives = "divides by zero" if self.given is None else f"gives {self.given}"
        where = ", ".join(f"{name} = {value}" for name, value in (self.point or {}).items())
        return f"Not yet{f': at {where}' if where else ''}, the answer is {self.expected} and this {gives}."


def _t1() -> dict[str, Expr]:
    filtered = box_filter.filter2d(box_filter.chessboard(), box_filter.box_kernel())
    w1, w2 = symbols("w1 w2", real=True)
    response = box_filter.frequency_response(box_filter.box_kernel(), w1, w2)
    return {"t1.white": filtered[2, 2], "t1.black": filtered[2, 3], "t1.response": response}


def _t2() -> dict[str, Expr]:
    rows = layers.trace(layers.parse(layers.ASSIGNMENT), layers.ASSIGNMENT_INPUT)
    answers = {f"t2.parameters.{position}": row.parameters for position, row in enumerate(rows, start=1)}
    answers["t2.parameters"] = sum(row.parameters for row in rows)
    return {name: Rational(value) for name, value in answers.items()}


def _t3() -> dict[str, Expr]:
    net = backpropagation.network()
    gradients = backpropagation.output_gradients(net) | backpropagation.pool_gradients(net) | backpropagation.convolution_gradients(net)
    return {f"t3.d{name}": value for name, value in gradients.items()} | {"t3.dk4": Rational(0)}


def _t4() -> dict[str, Expr]:
    k = kernel.kernel_sizes(205, 66, 3).exact
    return {
        "t4.kernel": Rational(k),
        "t4.parameters": Rational(kernel.parameters(k, 10, 96)),
        "t4.multiplications": Rational(kernel.multiplications(k, 10, 96, (66, 66))),
    }


_QUESTIONS: dict[str, Callable[[], dict[str, Expr]]] = {"t1": _t1, "t2": _t2, "t3": _t3, "t4": _t4}
_T3_NAMES = "y yhat v1 v2 z1 z2 z3 delta1 delta2 alpha1 alpha2 alpha3 x1 x2 x3 x4 x5 k1 k2 k3 b w1 w2 a"
_NAMES = {"t1": "w1 w2", "t2": "", "t3": _T3_NAMES, "t4": ""}
_GREEK = {"ŷ": "yhat"} | {f"{g}{i}": f"{n}{i}" for g, n in (("δ", "delta"), ("α", "alpha")) for i in (1, 2, 3)}

_TRAINED = "dw1 dw2 da dz1 dz2 dz3 dk1 dk2 dk3 dk4 db dx1 dx2 dx3 dx4 dx5"
ANSWERS: tuple[str, ...] = (
    *("t1.white", "t1.black", "t1.response"),
    *("t2.parameters", "t2.parameters.1", "t2.parameters.4", "t2.parameters.8"),
    *(f"t3.{name}" for name in _TRAINED.split()),
    *("t4.kernel", "t4.parameters", "t4.multiplications"),
)


@cache
def _solve(question: str) -> dict[str, Expr]:
    return _QUESTIONS[question]()


def _random_point(names: list[Symbol], random: Random) -> dict[Symbol, Rational]:
    return {name: Rational(random.randint(-(10**4), 10**4), random.randint(1, 97)) for name in names}


def check(answer_id: str, text: str, points: int = 24) -> Verdict:
    """Judge ``text`` as the answer ``answer_id`` (one of ``ANSWERS``).

    Both formulas are evaluated exactly at ``points`` random rational points. Two different polynomials of degree
    at most 24 agree at one such point with a probability below 24/20,000 (Schwartz 1980, doi:10.1145/322217.322225),
    so agreement at all of them leaves no practical doubt; a formula that differs only where a maximum is tied,
    where no derivative exists, counts as right.

    Raises:
        KeyError: an unknown ``answer_id``; the message lists those that exist.
        hw3.theory.expressions.RefusedError: a text that is not a formula in the question's own names.
    """
    if answer_id not in ANSWERS:
        raise KeyError(f"no answer is called {answer_id!r}; there are {', '.join(ANSWERS)}")
    question = answer_id.split(".")[0]
    expected = _solve(question)[answer_id]
    names = {name: Symbol(name, real=True) for name in _NAMES[question].split()}
    given = read(text, names | {alias: names[name] for alias, name in _GREEK.items() if name in names})
    used = sorted(expected.free_symbols | given.free_symbols, key=str)
    random = Random(answer_id)
    defined, differs = False, None
    for _ in range(points if used else 1):
        point = _random_point(used, random)
        right, mine = expected.subs(point), _value(given, point)
        if mine is None or not _equal(right, mine):
            differs = differs or Verdict(False, given, {str(s): v for s, v in point.items()}, right, mine)
        defined = defined or mine is not None
    if not defined:
        raise RefusedError("the formula divides by zero wherever it was tried")
    return differs or Verdict(True, given)


def _value(given: Expr, point: dict[Symbol, Rational]) -> Expr | None:
    """The reader's formula at ``point``; None where it divides by zero."""
    try:
        value = given.subs(point)
    except TypeError:  # a comparison with the result of a division by zero
        return None
    return value if value.is_finite else None


def _equal(a: Expr, b: Expr) -> bool:
    """Exactly for rationals; to 40 digits where sines and cosines are left."""
    difference = a - b
    return difference == 0 if difference.is_Rational else abs(difference.evalf(50, maxn=200)) < Rational(1, 10**40)
