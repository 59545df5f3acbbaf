"""Formulas that print as on paper: partial derivatives with ∂, and a comparison in brackets for 1 or 0."""

from typing import Any

from sympy import Expr, Function, Integer, Symbol, latex


def partial(variable: Expr | str, of: str = "L") -> Symbol:
    """The symbol ∂of/∂variable, for the left side of an equation; ``variable`` is a symbol or LaTeX."""
    below = variable if isinstance(variable, str) else latex(variable)
    return Symbol(rf"\frac{{\partial {of}}}{{\partial {below}}}")


_GEQ = r"\geq"


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
        bracket = rf"\left[{self._printed(printer, _GEQ)}\right]"
        return bracket if exp is None else rf"{bracket}^{{{exp}}}"
