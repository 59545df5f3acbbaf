"""Formulas that print as on paper: partial derivatives with ∂, a comparison in brackets for 1 or 0,
and equations under each other."""

from dataclasses import dataclass
from typing import Any

from sympy import Basic, Expr, Function, Integer, Symbol, latex


def partial(variable: Expr | str, of: str = "L") -> Symbol:
    """The symbol ∂of/∂variable, for the left side of an equation; ``variable`` is a symbol or LaTeX."""
    below = variable if isinstance(variable, str) else latex(variable)
    return Symbol(rf"\frac{{\partial {of}}}{{\partial {below}}}")


class Iverson(Function):  # type: ignore[misc]
    """Iverson's bracket, 1 if true and 0 if not: ``Iverson(a, b, 1)`` is [a > b], ``Iverson(a, b, 0)`` is [a >= b].

    Only numbers decide it; between symbols it stays as it is.
    """

    nargs = 3

    @classmethod
    def eval(cls, left: Expr, right: Expr, strict: Expr) -> Expr | None:
        if not (left.is_Number and right.is_Number):
            return None
        return Integer(bool(left > right if strict else left >= right))

    def _printed(self, printer: Any, at_least: str) -> str:
        left, right = (printer.doprint(side) for side in self.args[:2])
        return f"{left} {'>' if self.args[2] else at_least} {right}"

    def _sympystr(self, printer: Any) -> str:
        return f"[{self._printed(printer, '>=')}]"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        comparison = self._printed(printer, r"\geq")
        bracket = rf"\left[{comparison}\right]"
        return bracket if exp is None else rf"{bracket}^{{{exp}}}"


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


def stacked(*equations: Basic) -> Mathematics:
    """``aligned``, with each term of a sum on a line of its own: for long ones in a narrow column."""
    lines = []
    for equation in equations:
        first, *others = (latex(term) for term in equation.rhs.as_ordered_terms())
        lines += [f"{latex(equation.lhs)} &= {first}", *(rf"&\quad {{}} + {term}" for term in others)]
    return Mathematics(r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}")
