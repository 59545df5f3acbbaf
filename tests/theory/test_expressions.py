import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Max, Min, Rational, Symbol, cos, pi, sin

from hw3.theory.expressions import RefusedError, read
from hw3.theory.notation import Iverson

NAMES = {name: Symbol(name, real=True) for name in ("x1", "x2", "z1", "z2", "k1", "alpha1", "y", "yhat", "b")}
x1, x2, z1, z2, y, b = (NAMES[name] for name in ("x1", "x2", "z1", "z2", "y", "b"))
HOSTILE = [
    "__import__('os').system('true')", "x1.real", "().__class__", "lambda: 1", "[x1]", "{1}", "x1 if 1 else 2",
    "9**9**9", "(x1**8)**8", "x1**x1", "x1**0.5", "1e400", "1j", "True", "None", "'a'", "f'{x1}'", "x1 % 2",
    "x1 // 2", "x1 and x2", "x1 == x2", "1 < x1 < 2", "cos(x=1)", "cos", "cos()", "max(x1)", "eval('1')", "sympy", "q",
    "1/0", "1/(x1-x1)", "0**-1", "x1 +", "", "  ", "(" * 150 + ")" * 150, "x1+" * 99 + "x1", "1" * 40, "x1;x2",
    "x1\n+x2", "x1:=2", "*x1", "\x00", "exec", "open('/etc/passwd')", "x1.__class__", "@x1", "x1 := 1", "`x1`",
    "𝟙𝟙", "import os", "print(x1)", "x1[0]", "x1[x2]", "\\input{x1}", "\\def\\x{1}", "((((9**8)**8)**8)**8)**8", "~x1",
    "cos(x1, x1)", "sin(x1, x1)", "max(" + "x1," * 8 + "x1)", "min(" + "x1," * 8 + "x1)", "x1**9", "x1**-9", "!x1",
    "(x1", "x1)", "[x1 > x2", "x1 2", "2 3", "(x1)2", "max(x1, x2", "x1 = x2", "½", "√x1", "∑x1", "max x1", "step x1",
    "[x1 > x2, x1]", "frac", "frac(1)", "x1,x2", "12,34", "1,2345", "0,100", "1..2", "1.2.3", "x1_2_3", "1" * 16, "._",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_everything_that_is_no_formula_is_refused_in_the_words_of_formulas(text):
    with pytest.raises(RefusedError) as refusal:
        read(text, NAMES)
    words = str(refusal.value)
    assert len(words) > 20
    for foreign in ("invalid", "syntax", "literal", "token", "octal", "expression", "EOF", "unexpected", "Python"):
        assert foreign not in words


@pytest.mark.parametrize("value", [None, 10, b"10", 1.5, ["x1"], x1])
def test_what_is_no_text_is_refused_with_its_type(value):
    with pytest.raises(RefusedError, match=f"of type {type(value).__name__}; write it as text"):
        read(value, NAMES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[x1]", "is not allowed.*comparison"),
        ("x1 = x2", "'=' is not allowed.*right of it"),
        ("x1 % 2", "'%' is not allowed; use numbers"),
        ("xx + q7", "'xx' is unknown here; known: alpha1, b"),
        ("x1**x2", "whole number from -8 to 8, not x2"),
        ("(x1 + 1", r"missing after 'x1 \+ 1'|missing after '\( x1 \+ 1'|needs its '\)'"),
        ("x1 +", "something is missing after 'x1 \\+'"),
        ("* x1", r"'\*' is not allowed at the start"),
        ("113,33", "write 113.33 with a point"),
        ("x1 > x2 > z1", "two things at a time"),
        ("cos x1 2", r"write \+ or \* between"),
        ("cos 2(x1)", "all that belongs to cos in brackets"),
        ("cos^2 pi x1", "cos needs its arguments in brackets"),
        ("cos^2 2x1", "cos needs its arguments in brackets"),
        ("1(x1 > x2, x1 > 0)", "two comparisons at once stand in square brackets"),
        ("max(x1)", "max takes 2 to 8 arguments and got 1"),
        ("cos(x1, x2)", "cos takes 1 argument and got 2"),
        ("step x1", "step needs its arguments in brackets"),
        ("\\beta", r"\\beta is not read here"),
        ("x1" * 200, "400 characters; 300 are the limit"),
        ("1/(x1 - x1)", "divides by zero"),
        ("1234567890123456", "15 digits are the limit"),
        ("   ", "no formula"),
    ],
)
def test_a_refusal_names_what_was_met_and_what_would_do(text, words):
    with pytest.raises(RefusedError, match=words):
        read(text, NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x1**-1", 1 / x1),
        ("x1^-2", 1 / x1**2),
        ("-x1^2", -(x1**2)),
        ("2x1^2", 2 * x1**2),
        ("2^3^1", Integer(8)),
        ("--x1", x1),
        ("+x1", x1),
        ("2*-x1", -2 * x1),
        ("x1 -x2", x1 - x2),
        ("x1(-x2)", -x1 * x2),
        ("1/2x1", x1 / 2),
        ("x1/2x2", x1 * x2 / 2),
        ("(x1+x2)(x1-x2)", (x1 + x2) * (x1 - x2)),
        ("bx1", b * x1),
        ("yhaty", NAMES["yhat"] * y),
        ("0.1", Rational(1, 10)),
        (".5 + 5.", Rational(11, 2)),
        ("141.666666666667", Rational(141666666666667, 10**12)),
        ("123456789012345", Integer(123456789012345)),
        ("418,176,000", Integer(418176000)),
        ("1,000.5", Rational(2001, 2)),
        ("max(100,200)", Max(100, 200, evaluate=False)),
        ("max(x1, (1), 200)", Max(x1, 1, 200, evaluate=False)),
        ("min(x1, x2)", Min(x1, x2)),
        ("MAX(x1, x2)", Max(x1, x2)),
        ("max{x1, x2}", Max(x1, x2)),
        ("cos(x1)", cos(x1)),
        ("sin(x1)", sin(x1)),
        ("cos x1", cos(x1)),
        ("2cos 2x1", 2 * cos(2 * x1)),
        ("cos x1 cos x2", cos(x1) * cos(x2)),
        ("cos(pi)", Integer(-1)),
        ("pi x1", pi * x1),
        ("1 < 2", Integer(1)),
        ("2 < 1", Integer(0)),
        ("1 <= 1", Integer(1)),
        ("1 < 1", Integer(0)),
        ("2 >= 3", Integer(0)),
        ("3 > 3", Integer(0)),
        ("3 >= 3", Integer(1)),
        ("step(1)", Integer(1)),
        ("step(0)", Integer(0)),
        ("z1 > z2", Iverson(z1, z2, 1)),
        ("z2 < z1", Iverson(z1, z2, 1)),
        ("z1 >= z2", Iverson(z1, z2, 0)),
        ("z2 <= z1", Iverson(z1, z2, 0)),
        ("step(z1 - z2)", Iverson(z1 - z2, 0, 1)),
        ("1[z1>z2]", Iverson(z1, z2, 1)),
        ("x1 1[z1>z2]", x1 * Iverson(z1, z2, 1)),
        ("x1{z1>z2}", x1 * Iverson(z1, z2, 1)),
        ("[z1>z2, z1>0]", Iverson(z1, z2, 1) * Iverson(z1, 0, 1)),
        ("\\frac{1}{2}x1", x1 / 2),
        ("x1" + "+x1" * 74, 75 * x1),
    ],
)
def test_formulas_are_read_as_they_are_meant(text, expected):
    assert read(text, NAMES) == expected


def test_limits_are_where_they_are_said_to_be():
    assert read("x1^8", NAMES) == x1**8
    assert read("(x1^8)^3", NAMES) == x1**24
    with pytest.raises(RefusedError, match="degree over 24"):
        read("(x1^5)^5", NAMES)
    with pytest.raises(RefusedError, match="151 parts; 150 are the limit"):
        read("x1" + "+x1" * 74 + "+b", NAMES)
    with pytest.raises(RefusedError, match="99 digits"):
        read("((9^8)^8)^8", NAMES)


def test_only_names_of_the_question_are_known():
    with pytest.raises(RefusedError, match="known: pi"):
        read("x1", {})


@given(value=st.decimals(min_value=0, max_value=10**6, places=4))
def test_decimals_are_exact(value):
    assert read(str(value), {}) == Rational(str(value))


simple = st.recursive(
    st.sampled_from([x1, x2, z1, Integer(2), Rational(1, 3), Integer(-4)]),
    lambda inner: st.one_of(
        st.builds(lambda p, q: p + q, inner, inner),
        st.builds(lambda p, q: p * q, inner, inner),
        st.builds(lambda p: p**2, inner),
        st.builds(lambda p, q: Iverson(p, q, 1), inner, inner),
        st.builds(lambda p: cos(p + x1), inner),
    ),
    max_leaves=6,
)


@given(expression=simple)
@settings(max_examples=150, deadline=None)
def test_what_is_printed_can_be_read_again(expression):
    try:
        again = read(str(expression), NAMES)
    except RefusedError as refusal:
        assert "degree" in str(refusal) or "parts" in str(refusal)  # noqa: PT017 - the limits are meant
    else:
        assert (again - expression).expand() == 0
