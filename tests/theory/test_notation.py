import pytest
from sympy import Eq, Float, Integer, Max, Symbol, latex, symbols

from hw3.theory.notation import Iverson, aligned, partial, stacked

z1, z2 = symbols("z1 z2", real=True)


def test_a_partial_derivative_prints_with_a_round_d():
    assert latex(Eq(partial(z1), 2 * z2)) == r"\frac{\partial L}{\partial z_{1}} = 2 z_{2}"
    assert str(partial("k_j", of="z")) == r"\frac{\partial z}{\partial k_j}"


def test_a_bracket_prints_as_on_paper():
    assert latex(Iverson(z1, Max(z2, 0), 1)) == r"\left[z_{1} > \max\left(0, z_{2}\right)\right]"
    assert latex(Iverson(z1, z2, 0) ** 2) == r"\left[z_{1} \geq z_{2}\right]^{2}"
    assert (str(Iverson(z1, z2, 1)), str(Iverson(z1, z2, 0))) == ("[z1 > z2]", "[z1 >= z2]")


@pytest.mark.parametrize(("left", "right", "strict", "lax"), [(1, 2, 0, 0), (2, 1, 1, 1), (1, 1, 0, 1)])
def test_numbers_decide_a_bracket(left, right, strict, lax):
    assert Iverson(left, right, 1) == Integer(strict)
    assert Iverson(Float(left), Float(right), 0) == Integer(lax)
    assert Iverson(z1, z2, 1).subs({z1: left, z2: right}) == strict


def test_symbols_do_not_decide_a_bracket():
    assert Iverson(Symbol("p", positive=True), 0, 1).func is Iverson


def test_equations_stand_under_each_other():
    x, y = symbols("x y")
    assert aligned(Eq(x, y), Eq(y, 2 * x))._repr_latex_() == r"$$ \begin{aligned}x &= y \\ y &= 2 x\end{aligned} $$"


def test_a_long_sum_stands_on_several_lines_under_its_sign():
    a, b, c = symbols("a b c")
    assert stacked(Eq(c, a + b), Eq(b, a)).source.split(r"\\") == [
        r"\begin{aligned}c &= a ",
        r" &\quad {} + b ",
        r" b &= a\end{aligned}",
    ]
