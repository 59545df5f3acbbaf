"""A reader's formula, from text to SymPy, through a whitelist over Python's syntax tree. Nothing is ever evaluated
as code: each allowed kind of node is translated by hand, and every other kind is refused."""

import ast
from collections.abc import Callable, Mapping
from fractions import Fraction

from sympy import Expr, Integer, Max, Min, Piecewise, Rational, Symbol, cos, pi, sin

MAX_LENGTH, MAX_NODES, MAX_DIGITS, MAX_POWER, MAX_DEGREE = 300, 150, 15, 8, 24

FUNCTIONS: dict[str, tuple[Callable[..., Expr], int, int]] = {  # name -> (function, fewest, most arguments)
    "cos": (cos, 1, 1),
    "sin": (sin, 1, 1),
    "max": (Max, 2, 8),
    "min": (Min, 2, 8),
    "step": (lambda u: Piecewise((1, u > 0), (0, True)), 1, 1),
}
_RELATIONS = {
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
}


class RefusedError(ValueError):
    """The text is not a formula that can be judged; the message says what was met and what is allowed."""


def _number(node: ast.Constant, text: str) -> Expr:
    source = ast.get_source_segment(text, node) or ""
    if type(node.value) not in (int, float) or not source.replace(".", "", 1).isdigit():
        raise RefusedError(f"{source!r} is not a plain number; write digits, or a fraction such as 1/3")
    if len(source) > MAX_DIGITS:
        raise RefusedError(f"the number {source[:20]}... is too long; {MAX_DIGITS} digits are the limit")
    value = Fraction(source)  # the digits as written: 0.1 is 1/10, never a rounded float
    return Rational(value.numerator, value.denominator)


class _Translator:
    def __init__(self, text: str, names: Mapping[str, Expr]) -> None:
        self.text, self.names = text, names

    def translate(self, node: ast.AST) -> tuple[Expr, int]:
        """The expression, and a bound of its degree, so that powers of powers stay small."""
        match node:
            case ast.Constant():
                return _number(node, self.text), 0
            case ast.Name(id=name):
                if name not in self.names:
                    raise RefusedError(f"the name {name!r} is unknown here; known: {', '.join(sorted(self.names))}")
                return self.names[name], 1
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                value, degree = self.translate(operand)
                return (-value if isinstance(sign, ast.USub) else value), degree
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self.power(left, right)
            case ast.BinOp(left=left, op=op, right=right):
                (a, p), (b, q) = self.translate(left), self.translate(right)
                return self.arithmetic(a, op, b), self.bounded(p + q)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                function, fewest, most = FUNCTIONS[name]
                if not fewest <= len(arguments) <= most:
                    raise RefusedError(f"{name} takes {fewest} to {most} arguments and got {len(arguments)}")
                values = [self.translate(argument) for argument in arguments]
                return function(*(value for value, _ in values)), self.nested(max(d for _, d in values))
            case ast.Compare(left=left, ops=[relation], comparators=[right]) if type(relation) in _RELATIONS:
                (a, p), (b, q) = self.translate(left), self.translate(right)
                truth = _RELATIONS[type(relation)](a, b)
                return Piecewise((1, truth), (0, True)), self.nested(max(p, q))
        shown = ast.get_source_segment(self.text, node) or type(node).__name__
        hint = "; write ** for a power" if isinstance(getattr(node, "op", None), ast.BitXor) else ""
        raise RefusedError(
            f"{shown[:40]!r} is not allowed; use numbers, names, + - * / **, comparisons and "
            f"{', '.join(FUNCTIONS)}{hint}"
        )

    def arithmetic(self, a: Expr, op: ast.operator, b: Expr) -> Expr:
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                if b.is_zero:
                    raise RefusedError("the formula divides by zero, which no point can avoid")
                return a / b
        hint = "; write ** for a power" if isinstance(op, ast.BitXor) else ""
        raise RefusedError(f"the operator {type(op).__name__} is not allowed; use + - * / **{hint}")

    def power(self, left: ast.AST, right: ast.AST) -> tuple[Expr, int]:
        (base, degree), (exponent, _) = self.translate(left), self.translate(right)
        if not isinstance(exponent, Integer) or abs(int(exponent)) > MAX_POWER:
            raise RefusedError(f"an exponent must be a whole number from -{MAX_POWER} to {MAX_POWER}, not {exponent}")
        if base.is_zero and exponent < 0:
            raise RefusedError("the formula divides by zero, which no point can avoid")
        return base**exponent, self.bounded(max(degree, 1) * max(abs(int(exponent)), 1))

    def nested(self, degree: int) -> int:
        """A function or a comparison counts double, since SymPy's work grows quickly with their nesting."""
        return self.bounded(2 * degree + 1)

    def bounded(self, degree: int) -> int:
        if degree > MAX_DEGREE:
            raise RefusedError(f"the powers multiply up to a degree over {MAX_DEGREE}; write a simpler form")
        return degree


def read(text: str, symbols: Mapping[str, Symbol]) -> Expr:
    """Translate ``text`` to SymPy; ``symbols`` maps each allowed name to its symbol. ``pi`` is always known.

    Raises:
        RefusedError: anything but arithmetic, comparisons and the functions of ``FUNCTIONS`` on known names, or a text
            that is too long, too deep or of too high a degree.
    """
    if not isinstance(text, str) or not text.strip():
        raise RefusedError("no formula was given; write one such as (yhat - y)*v1")
    if len(text) > MAX_LENGTH:
        raise RefusedError(f"the formula has {len(text)} characters; {MAX_LENGTH} are the limit")
    text = text.strip()
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RefusedError(f"{text[:40]!r} cannot be read as a formula: {error.args[0]}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise RefusedError(f"the formula has more than {MAX_NODES} parts; write a simpler form")
    try:
        return _Translator(text, {**symbols, "pi": pi}).translate(tree)[0]
    except TypeError as error:  # SymPy's word for a comparison with something infinite
        raise RefusedError(f"the formula compares what has no order: {error}") from None
