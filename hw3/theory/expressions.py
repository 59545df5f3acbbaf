"""A reader's formula, from text to SymPy, through a grammar that lists all that it may hold. Nothing is ever evaluated
as code: each sign is read by hand, and every other one is refused.

    comparison = sum [(> | < | >= | <=) sum]        product = signed {[*|/] signed}      an implied product: 2x1, (a)(b)
    sum        = product {(+ | -) product}          power   = atom [(^ | **) signed]
    atom       = number | name | ( comparison ) | [ comparison, ... ] | function ( comparison, ... )
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import NoReturn

from sympy import Expr, Integer, Max, Min, Rational, Symbol, cos, pi, sin

from hw3.theory.notation import Iverson
from hw3.theory.spelling import ALLOWED, FUNCTIONS, plain, tokens
from hw3.theory.spelling import RefusedError as RefusedError

MAX_LENGTH, MAX_DIGITS, MAX_POWER, MAX_DEGREE = 300, 15, 8, 24
_CLOSING = {"(": ")", "[": "]", "{": "}"}
Term = tuple[Expr, int]  # an expression and a bound of its degree, so that powers of powers stay small


def _nested(*degrees: int) -> int:
    return _bounded(max(degrees) + 2)  # more than what is in it, since work grows with nesting


def _bounded(degree: int) -> int:
    if degree > MAX_DEGREE:
        raise RefusedError(f"the powers multiply up to a degree over {MAX_DEGREE}; write a simpler form")
    return degree


def _divided(above: Expr, below: Expr) -> Expr:
    if below == 0:
        raise RefusedError("the formula divides by zero, which no point can avoid")
    return above / below


class _Reader:
    def __init__(self, tokens: list[str], names: Mapping[str, Expr]) -> None:
        self.tokens, self.names, self.place, self.calls = tokens, names, 0, 0

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *signs: str) -> str:
        """The next sign if it is one of ``signs``, else nothing."""
        token = self.next if self.next in signs else ""
        self.place += bool(token)
        return token

    def refuse(self, wanted: str) -> NoReturn:
        before = " ".join(self.tokens[max(0, self.place - 4) : self.place])
        here = f"{self.next!r} is not allowed" if self.next else "something is missing"
        raise RefusedError(f"{here} {f'after {before!r}' if before else 'at the start'}; {wanted}")

    def close(self, opening: str) -> None:
        if not self.take(_CLOSING[opening]):
            if self.next == "," and opening == "(":
                raise RefusedError("two comparisons at once stand in square brackets: [z1 > z2, z1 > 0]")
            self.refuse(f"the bracket {opening!r} needs its {_CLOSING[opening]!r}")

    def comparison(self, needed: bool = False) -> Term:
        left, p = self.sum()
        relation = self.take(">", "<", ">=", "<=")
        if not relation and needed:
            raise RefusedError(f"[{left}] is not allowed; such brackets hold a comparison, such as [z1 > z2]")
        if not relation:
            return left, p
        right, q = self.sum()
        if self.next in (">", "<", ">=", "<="):
            self.refuse("compare two things at a time: [z1 > z2]*[z2 > 0]")
        larger, smaller = (left, right) if ">" in relation else (right, left)
        return Iverson(larger, smaller, int(len(relation) == 1)), _nested(p, q)

    def sum(self) -> Term:
        value, degree = self.product()
        while sign := self.take("+", "-"):
            other, q = self.product()
            value, degree = (value + other if sign == "+" else value - other), max(degree, q)
        return value, degree

    def product(self) -> Term:
        value, degree = self.signed()
        while True:
            sign = self.take("*", "/")
            if not sign and not self.begins_factor():
                break
            other, q = self.signed() if sign else self.power()
            value, degree = (_divided(value, other) if sign == "/" else value * other), _bounded(degree + q)
        if self.next[:1].isdigit() or self.next[:1] == ".":
            self.refuse("write + or * between a factor and a number behind it")
        return value, degree

    def begins_factor(self) -> bool:
        """May the next sign follow a factor without a *? A name, a bracket, or the 1 of 1[z1 > 0]."""
        one = self.next == "1" and "".join(self.tokens[self.place + 1 : self.place + 2]) in tuple("([{")
        return self.next in _CLOSING or self.next[:1].isalpha() or one

    def signed(self) -> Term:
        if sign := self.take("+", "-"):
            value, degree = self.signed()
            return (-value if sign == "-" else value), degree
        return self.power()

    def power(self) -> Term:
        base, degree = self.atom()
        if not self.take("^", "**"):
            return base, degree
        exponent, _ = self.signed()
        if not isinstance(exponent, Integer) or abs(int(exponent)) > MAX_POWER:
            raise RefusedError(f"an exponent must be a whole number from -{MAX_POWER} to {MAX_POWER}, not {exponent}")
        result = base**exponent if exponent >= 0 else _divided(Integer(1), base**-exponent)
        if isinstance(result, Rational) and max(abs(result.p), result.q) > 10**99:
            raise RefusedError("the powers make a number of over 99 digits; write a simpler form")
        return result, _bounded(degree * max(abs(int(exponent)), 1))

    def atom(self) -> Term:
        token = self.next
        if opening := self.take("("):
            inner = self.comparison()
            self.close(opening)
            return inner
        if opening := self.take("[", "{"):
            value, degree = self.comparison(needed=True)
            while self.take(","):  # [z1 > z2, z1 > 0]: both
                other, q = self.comparison(needed=True)
                value, degree = value * other, _bounded(degree + q)
            self.close(opening)
            return value, degree
        if not token or not (token[0].isalnum() or token[0] == "."):
            self.refuse(f"a number, a name or a bracket should come here; use {ALLOWED}")
        self.place += 1
        if token in self.names:
            return self.names[token], 1
        if token == "frac":
            (above, p), (below, q) = self.atom(), self.atom()
            return _divided(above, below), _bounded(p + q)
        return self.call(token) if token in FUNCTIONS else self.number(token)

    def number(self, token: str) -> Term:
        while not self.calls and re.fullmatch("[1-9][0-9]{0,2}([0-9]{3})*", token) and self.next == ",":
            if not re.fullmatch(r"[0-9]{3}(\.[0-9]*)?", "".join(self.tokens[self.place + 1 : self.place + 2])):
                break
            token += self.tokens[self.place + 1]  # 418,176,000: outside a function a comma separates thousands
            self.place += 2
        if sum(sign.isdigit() for sign in token) > MAX_DIGITS:
            raise RefusedError(f"the number {token[:20]}... is too long; {MAX_DIGITS} digits are the limit")
        value = Fraction(token)  # the digits as written: 0.1 is 1/10, never a rounded float
        return Rational(value.numerator, value.denominator), 0

    def call(self, name: str) -> Term:
        opening = self.take("(", "{") if name in ("max", "min") else self.take("(")
        if opening:
            self.calls += 1
            arguments = [self.comparison()]
            while self.take(","):
                arguments.append(self.comparison())
            self.calls -= 1
            self.close(opening)
        elif name in ("cos", "sin") and self.next[:1].isalnum():  # cos w1, cos 2w1
            arguments = [self.atom()]
            if not arguments[0][0].free_symbols and self.next in self.names:
                factor, (value, degree) = arguments[0][0], self.atom()
                arguments = [(factor * value, degree)]
            if self.next == "(":
                self.refuse(f"write all that belongs to {name} in brackets behind it")
        else:
            self.refuse(f"{name} needs its arguments in brackets, such as {name}(z1{', z2' if 'm' in name else ''})")
        fewest, most = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            wanted = f"{fewest} to {most} arguments" if most > fewest else "1 argument"
            raise RefusedError(f"{name} takes {wanted} and got {len(arguments)}")
        values = [value for value, _ in arguments]
        degree = _nested(*(degree for _, degree in arguments))
        if name in ("max", "min"):
            return (Max if name == "max" else Min)(*values, evaluate=False), degree
        return {"cos": cos, "sin": sin, "step": lambda u: Iverson(u, 0, 1)}[name](*values), degree


def read(text: str, symbols: Mapping[str, Symbol]) -> Expr:
    """Translate ``text`` to SymPy; ``symbols`` maps each allowed name to its symbol. ``pi`` is always known.

    A product may be implied and binds as a written one does: 1/2x1 is (1/2)·x1, from left to right.

    Raises:
        RefusedError: anything that the grammar above does not hold, or a text that is too long or of too high a degree.
    """
    if not isinstance(text, str):
        raise RefusedError(f"the formula is {str(text)[:40]}, of type {type(text).__name__}; write it as text")
    if not text.strip():
        raise RefusedError("no formula was written; write one such as (yhat - y)*v1")
    if len(text) > MAX_LENGTH:
        raise RefusedError(f"the formula has {len(text)} characters; {MAX_LENGTH} are the limit")
    names = {**symbols, "pi": pi}
    reader = _Reader(tokens(plain(text.strip()), names), names)
    value, _ = reader.comparison()
    if reader.next:
        comma = "a comma separates thousands, or the arguments of max and min; write 113.33 with a point"
        reader.refuse(comma if reader.next == "," else f"a sign such as + or * should come here; use {ALLOWED}")
    return value
