import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import symbols

from hw3.theory.expressions import read
from hw3.theory.spelling import RefusedError, plain, tokens

NAMES = ("alpha1", "delta1", "omega1", "x1", "v1", "y", "yhat", "z1", "z2", "b", "pi")


def spelled(text):
    return "".join(tokens(plain(text), NAMES))


@pytest.mark.parametrize("sign", "−–—‐‑‒﹣－-")
def test_every_dash_is_a_minus(sign):
    assert spelled(f"yhat {sign} y") == "yhat-y"


@pytest.mark.parametrize("sign", "×·⋅∙•∗✕✖*")
def test_every_dot_and_cross_is_a_product(sign):
    assert spelled(f"x1{sign}v1") == "x1*v1"


@pytest.mark.parametrize("sign", "÷∕⁄/")
def test_every_division_sign_divides(sign):
    assert spelled(f"x1{sign}v1") == "x1/v1"


@pytest.mark.parametrize(
    "text",
    ["ŷ", "y\u0302", "𝑦\u0302", "y_hat", r"\hat{y}", r"\hat y", r"$\hat{y}$", r"\widehat{y}", r"\( \hat y \)"],
)
def test_every_hat_is_a_hat(text):
    assert spelled(text) == "yhat"


@pytest.mark.parametrize(
    "text",
    ["α₁", "α1", "alpha_1", r"\alpha_1", r"\alpha_{1}", r"\alpha1", "𝛼₁", "alpha_{1}", r"$\alpha_{ 1}$"],
)
def test_every_index_is_an_index(text):
    assert spelled(text) == "alpha1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("π", "pi"),
        ("x₁²", "x1^(2)"),
        ("x1⁻²", "x1^(-2)"),
        ("x1^{2}", "x1^(2)"),
        ("𝑥₁", "x1"),
        ("z1 ≥ z2", "z1>=z2"),
        ("z1 ⩽ z2", "z1<=z2"),
        ("[z1>z2 ∧ z1>0]", "[z1>z2,z1>0]"),
        ("𝟙[z1>z2]", "1[z1>z2]"),
        ("δ₁𝟙[z1>z2]", "delta11[z1>z2]"),
        ("x1\u00a0+\u2009y\t", "x1+y"),
        (r"\frac{x_1}{2}", "frac(x1)(2)"),
        (r"\dfrac12", "frac(1)(2)"),
        (r"\tfrac1{9}", "frac(1)(9)"),
        (r"\frac{1}9 x_1", "frac(1)(9)x1"),
        (r"\left( x_1 \right) \cdot \bigl(y\bigr)", "(x1)*(y)"),
        (r"x_1 \times y \div 2 \, \quad b", "x1*y/2b"),
        (r"\max\{z_1, 0\}", "max(z1,0)"),
        (r"\operatorname{max}(z_1, 0)", "max(z1,0)"),
        (r"\mathbb{1}[z_1 > z_2]", "1[z1>z2]"),
        (r"\mathbb 1_{z_1 \ge z_2}", "1[z1>=z2]"),
        (r"\mathbf{1}_{z_1>z_2, z_1 \gt 0}", "1[z1>z2,z1>0]"),
        (r"z_1 \leq z_2 \land z_1 \lt b", "z1<=z2,z1<b"),
        (r"\cos\omega_1 \sin \pi", "cosomega1sinpi"),
        (r"\[ x_1 \]", "x1"),
        ("$$x_1$$", "x1"),
        ("96_096", "96096"),
        ("418_176_000", "418176000"),
        ("418 176 000", "418176000"),
        ("418'176’000", "418176000"),
        ("418\u202f176\u2009000", "418176000"),
        (r"418{,}176{,}000", "418176000"),
        (r"418\,176\,000", "418176000"),
        ("cos²(x1/2)", "(cos(x1/2))^(2)"),
        ("sin^2(x1)+cos^{2}((x1))", "(sin(x1))^(2)+(cos((x1)))^(2)"),
        (r"\mathbb{1}_{\{z_1>0\}}", "1[z1>0]"),
        (r"\mathbf 1[z_1>0]", "1[z1>0]"),
        (r"\biggl(\cfrac12\biggr)", "(frac(1)(2))"),
        ("[z1>z2 and z1>0 & z1>b]", "[z1>z2,z1>0,z1>b]"),
        ("x1\u200b+\ufeffy", "x1+y"),
        ("x1\u200e+\u200f\u00ady", "x1+y"),
        ("（x1＋y）／2", "(x1+y)/2"),
        ("۱۴۱٫۶۷", "141.67"),
        ("۳٬۹۱۰", "3,910"),
        ("max(z1، 0)", "max(z1,0)"),
        ("4cos²(x1)", "4(cos(x1))^(2)"),
        ("cos²ω1", "(cos(omega1))^(2)"),
        (r"4\cos^2\omega_1 + 1", "4(cos(omega1))^(2)+1"),
        (r"\(\hat{y}-y\)v_1", "(yhat-y)v1"),
        (r"\((\hat{y}-y)v_1\)", "(yhat-y)v1"),
        (r"\delta_1 \mathbf{1}_{z_1 > \max(z_2, 0)}", "delta11[z1>max(z2,0)]"),
        ("δ1·1_{z1>z2}1_{(z1>0)}", "delta1*1[z1>z2]1[z1>0]"),
        ("۲۸۰", "280"),
        ("4.18e8", "4.18e8"),
        ("x1v1b", "x1v1b"),
        ("yhatv1", "yhatv1"),
    ],
)
def test_signs_of_print_and_of_latex_are_exchanged(text, expected):
    assert spelled(text) == expected


@pytest.mark.parametrize("text", ["x1 200", "1 2", "96_09", "0 100", "1234 567"])
def test_only_groups_of_three_digits_are_put_together(text):
    assert plain(text) == text


@pytest.mark.parametrize("text", [r"\sum x_1", r"\input{f}", r"\write18", r"\begin{cases}"])
def test_other_commands_of_latex_are_refused_by_name(text):
    with pytest.raises(RefusedError, match=r"the LaTeX command \\\w+ is not read"):
        plain(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("141.(6)", r"141\.\(\.\.\.\) is not read; write a repeating decimal as a fraction"),
        ("δ1[v1=z1]", r"compare with > or <, as in \[z1 > z2\]"),
        ("[z1>0] = y", "write only what stands right of it"),
    ],
)
def test_the_advice_fits_what_was_written(text, words):
    with pytest.raises(RefusedError, match=words):
        spelled(text)


def test_names_are_taken_apart_and_functions_read_in_any_case():
    assert tokens("bv1 Max", NAMES) == ["b", "v1", "max"]
    with pytest.raises(RefusedError, match="'bw1' is unknown"):
        tokens("bw1", NAMES)


def test_factors_behind_a_division_or_a_power_are_not_put_together():
    assert tokens(plain("5/9 255"), NAMES) == ["5", "/", "9", "255"]
    assert tokens(plain("x1^2 100"), NAMES) == ["x1", "^", "2", "100"]
    with pytest.raises(RefusedError, match="e999"):
        tokens("1e999", NAMES)


@given(st.text(max_size=60))
def test_any_text_is_taken_apart_or_refused(text):
    try:
        parts = tokens(plain(text), NAMES)
    except RefusedError:
        return
    assert all(part.isascii() for part in parts)
    assert len(parts) <= 150


@pytest.mark.parametrize(("function", "fewest", "most"), [("cos", 1, 1), ("step", 1, 1), ("max", 2, 8), ("min", 2, 8)])
def test_a_function_takes_so_many_arguments_and_no_others(function, fewest, most):
    names = {f"x{i}": symbols(f"x{i}", real=True) for i in range(1, 10)}
    for count in range(1, 10):
        formula = f"{function}({', '.join(list(names)[:count])})"
        if fewest <= count <= most:
            assert read(formula, names).free_symbols == set(list(names.values())[:count])
        else:
            with pytest.raises(RefusedError, match=f"{function} takes"):
                read(formula, names)
