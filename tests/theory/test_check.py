import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Symbol

from hw3.theory import ANSWERS, RefusedError, check
from hw3.theory.check import answer

RIGHT = {
    "t1.white": ["425/3", "1275/9", "127.5 + 127.5/9"],
    "t1.black": ["340/3"],
    "t1.response": ["(1+2*cos(w1))*(1+2*cos(w2))/9", "(1+2cos(ω1))(1+2cos(ω2))/9"],
    "t2.parameters": ["3910", "280 + 1820 + 1810", "3,910"],
    "t2.parameters.4": ["20*(3**2*10 + 1)"],
    "t3.dw1": ["(yhat - y)*v1", "-(y - ŷ)*v1"],
    "t3.da": ["yhat-y", "-(y-yhat)"],
    "t3.dz1": ["δ1*(z1 > max(z2, 0))", "delta1*step(z1 - max(0, z2))", "δ1·1[z1>z2][z1>0]"],
    "t3.dz2": [
        "delta1*(z2>max(z1,0)) + delta2*(z2>max(z3,0))",
        "delta1*(z2>=max(z1,0)) + delta2*(z2>max(z3,0))",
        "step(z2)*(delta1*step(z2 - z1) + delta2*step(z2 - max(z3, max(0, z3))))",
        "δ1[z2/z1>1][z2>0] + δ1[z1<0][z2>0][z2 > z1] - δ1[z1<0][z2/z1>1][z2>0] + δ2(z2>max(z3,0))",
    ],
    "t3.dk3": ["α1*x3 + α2*x4 + α3*x5"],
    "t3.dk4": ["0", "x1 - x1", "(x1 >= 0)*(x1 <= 0)"],
    "t3.db": ["alpha1+alpha2+alpha3"],
    "t3.dx3": ["alpha1*k3 + alpha2*k2 + alpha3*k1"],
    "t4.kernel": ["10"],
    "t4.parameters": ["96096", "96_096"],
    "t4.multiplications": ["66**2*96*10**2*10", "418176000", "418,176,000"],
}
WRONG = {
    "t1.white": ["141.67", "340/3"],
    "t1.response": ["(1+2*cos(w1))*(1+2*cos(w2))/9 + (w1>10**5)", "(1+2*cos(w1))/9"],
    "t2.parameters.4": ["20*(3**2*20 + 1)"],
    "t3.dw1": ["(y - yhat)*v1", "(yhat-y)*v2"],
    "t3.dz2": [
        "delta1*(z2>max(z1,0))",
        "(delta1+delta2)*(z2>0)",
        "delta1*(z2>max(z1,z3)) + delta2*(z2>max(z3,0))",
        "delta1*(z2>max(z1,z3,0)) + delta2*(z2>max(z3,0))",
        "delta1*(z2>max(z1,0)) + delta2*(z2>max(z3,0)) + (z1*z3 > 10**8)*(z2 > 10**5)",
    ],
    "t3.dz3": ["delta2*(z3>0)", "delta2*step(z3)", "delta2*(2*z3>max(z2,0))", "delta2*(z3>max(z2,0) + z1*(z1>10**5))"],
    "t3.da": ["(yhat-y)/(y>0)", "yhat - y + (y>10**8)", "(yhat-y)*(1+(y>9999))", "yhat - y + (10**8*y > yhat**2 + 1)"],
    "t3.dk1": ["alpha1*x1", "alpha1*x1+alpha2*x2+alpha3*x4"],
    "t3.dk4": ["(x1>10**5)", "(x1 > x2 + 10**8)*(x1 < x2 + 10**8 + 1/1000)", "(x1**2 > 10**8*100)", "1"],
    "t4.kernel": ["8"],
    "t4.multiplications": ["66**2*10**2*10"],
}
SHIFTS = ("1", "1/10", "10**4")


@pytest.mark.parametrize(("identity", "text"), [(a, t) for a, texts in RIGHT.items() for t in texts])
def test_right_formulas(identity, text):
    assert check(identity, text).equivalent


@pytest.mark.parametrize(("identity", "text"), [(a, t) for a, texts in WRONG.items() for t in texts])
def test_wrong_formulas_come_with_a_point_that_shows_it(identity, text):
    verdict = check(identity, text)
    assert not verdict.equivalent
    if not answer(identity).free_symbols:
        assert verdict.expected is None
        return
    point = {Symbol(name, real=True): value for name, value in verdict.point.items()}
    assert abs(answer(identity).subs(point).evalf() - verdict.expected) < 1e-5
    if verdict.actual is not None:
        assert abs(verdict.expression.subs(point).evalf() - verdict.actual) < 1e-5 * max(1, abs(verdict.actual))
    assert verdict.actual != verdict.expected
    assert str(verdict.expected) in str(verdict)


@pytest.mark.parametrize("identity", ANSWERS)
def test_each_answer_accepts_its_own_text_and_no_neighbour(identity):
    assert check(identity, str(answer(identity))).equivalent
    assert not check(identity, f"{answer(identity)} + 1").equivalent


def masks(own, others):
    """[own > max(subset)] for each subset of the others and 0, none too: as text and as a function."""
    pool = [*others, "0"]
    for size in range(len(pool) + 1):
        for subset in itertools.combinations(pool, size):
            if len(subset) == 0:
                text = "1"
            elif len(subset) == 1:
                text = f"({own} > {subset[0]})"
            else:
                text = f"({own} > max({', '.join(subset)}))"
            yield text, lambda z, subset=subset: all(z[own] > z[name] for name in subset)


def orderings():
    """A point in every ordering of z1, z2, z3 and 0."""
    for order in itertools.permutations(("z1", "z2", "z3", "0")):
        zero = order.index("0")
        yield {name: place - zero for place, name in enumerate(order)}


MASKS = {z: list(masks(z, [o for o in ("z1", "z2", "z3") if o != z])) for z in ("z1", "z2", "z3")}


def right_mask(own, other):
    return lambda z: z[own] > z[other] and z[own] > 0


@pytest.mark.parametrize(("identity", "own", "delta", "other"), [("dz1", "z1", 1, "z2"), ("dz3", "z3", 2, "z2")])
def test_the_masks_of_the_outer_z(identity, own, delta, other):
    for text, holds in MASKS[own]:
        expected = all(holds(z) == right_mask(own, other)(z) for z in orderings())
        assert check(f"t3.{identity}", f"delta{delta}*{text}").equivalent == expected, text


def test_the_masks_of_the_inner_z():
    """8 x 8 pairs of masks; with the 16 of the outer ones these are the 80 that a reader can write."""
    for (one, first), (two, second) in itertools.product(MASKS["z2"], repeat=2):
        expected = all(
            first(z) == right_mask("z2", "z1")(z) and second(z) == right_mask("z2", "z3")(z) for z in orderings()
        )
        assert check("t3.dz2", f"delta1*{one} + delta2*{two}").equivalent == expected, (one, two)


@pytest.mark.parametrize("shift", [sign + size for size in SHIFTS for sign in "+-"])
@pytest.mark.parametrize("mask", ["z3 > max(z2, 0) {}", "z3 > max(z2 {}, 0)", "z3 > max(z2, 0 {})"])
def test_a_shifted_threshold_is_wrong(mask, shift):
    assert not check("t3.dz3", f"delta2*({mask.format(shift)})").equivalent


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_shift_on_both_sides_is_right(shift):
    assert check("t3.dz3", f"delta2*(z3 + {shift} > max(z2 + {shift}, {shift}))").equivalent


def test_a_comparison_that_always_or_never_holds_changes_nothing():
    assert check("t3.da", "(yhat - y)*(max(y, v1) >= y)").equivalent
    assert check("t3.da", "yhat - y + (min(y, v1) > y)").equivalent
    assert check("t3.da", "(yhat - y)*(y**2 >= 0)").equivalent


@pytest.mark.parametrize("identity", ANSWERS)
@pytest.mark.parametrize("text", ["141.67", "418000000", "-10", "-425/3", "1", "0", "4356000", "7/3"])
def test_no_verdict_and_no_hint_gives_a_number_away(identity, text):
    expected = answer(identity)
    verdict = check(identity, text, hint=True)
    if expected.free_symbols or verdict.equivalent or abs(expected) < 200:
        return
    for words in (str(verdict), repr(verdict), verdict.hint):
        assert str(expected) not in words.replace(text, "").replace(str(verdict.expression), "").replace(",", "")


@pytest.mark.parametrize(
    ("identity", "text", "remark"),
    [
        ("t1.white", "141.67", "rounded"),
        ("t1.white", "141.6", "rounded"),
        ("t1.white", "142", "rounded"),
        ("t1.white", "140", ""),
        ("t1.white", "141.8", ""),
        ("t1.white", "424/3", ""),
        ("t1.white", "0", ""),
        ("t4.multiplications", "418000000", "rounded"),
        ("t4.multiplications", "66**2*10**2*10", "factor is missing"),
        ("t4.multiplications", "66**2*96*10**2*10*2", "factor too many"),
        ("t4.multiplications", "418176001", ""),
        ("t2.parameters", "3890", ""),
        ("t2.parameters", "-3910", "sign"),
        ("t4.kernel", "20", ""),
        ("t3.da", "y - yhat", "sign"),
        ("t3.da", "2*(yhat - y)", "constant factor"),
        ("t3.da", "0.999*(yhat - y)", "rounded"),
        ("t3.da", "yhat - 2*y", ""),
        ("t3.dz2", "delta1*[z2>max(z1,0)] + 2*delta2*[z2>max(z3,0)]", ""),
        ("t3.dz1", "-delta1*(z1 > max(z2, 0))", "sign"),
        ("t3.dz1", "-delta1*(z1 > z2)", ""),
        ("t1.response", "(1+2cos(w1))(1+2cos(w2))", "constant factor"),
        ("t1.response", "0.111(1+2cos(w1))(1+2cos(w2))", "rounded"),
        ("t1.response", "-(1+2cos(w1))(1+2cos(w2))/9", "sign"),
    ],
)
def test_the_kind_of_mistake_is_named(identity, text, remark):
    verdict = check(identity, text)
    assert not verdict.equivalent
    assert remark in verdict.remark
    assert bool(remark) == bool(verdict.remark)


@pytest.mark.parametrize("identity", ANSWERS)
def test_every_answer_has_a_hint_of_its_own_kind_and_it_is_shown_when_asked_for(identity):
    wrong = f"{answer(identity)} + 1"
    verdict = check(identity, wrong)
    assert len(verdict.hint) > 20
    assert verdict.hint not in str(verdict)
    assert verdict.hint in str(check(identity, wrong, hint=True))
    assert check(identity, str(answer(identity)), hint=True).hint == ""


def test_a_hint_names_what_is_missing_and_what_is_too_much():
    assert "depends on alpha3 too" in check("t3.db", "alpha1 + alpha2").hint
    assert "not depend on x1" in check("t3.dk4", "x1").hint


def test_a_number_as_an_answer_is_not_shown_at_a_point_either():
    verdict = check("t3.dk4", "alpha1*x1")
    assert verdict.expected is None
    assert "which the answer does not" in str(verdict)


@pytest.mark.parametrize(
    ("identity", "text", "right"),
    [
        ("t4.kernel", "10+[cos(pi/4)>1/2]", False),
        ("t4.kernel", "10*[cos(pi/4)>1/2]", True),
        ("t4.kernel", "10+[cos(pi/8)>0]", False),
        ("t4.kernel", "10+[cos(pi/5)>sin(pi/3)]", True),
        ("t2.parameters", "3910+7*step(cos(pi/6)-1/2)", False),
        ("t3.dk4", "[cos(pi/5)*x1 > x2]", False),
        ("t3.da", "(yhat-y)*([cos(pi/4)y<1] + [cos(pi/4)y>=1])", True),
        ("t3.dz1", "δ1[cos(pi/4)z1>z2]", False),
        ("t1.response", "(1+2cos(w1))(1+2cos(w2))/9 + w1^8*(sin(w1)^2+cos(w1)^2-1)", True),
        ("t1.response", "(3-4sin²(w1/2))(4cos²(w2/2)-1)/9", True),
        ("t1.response", "(1+2cos^2 w1)/9", False),
    ],
)
def test_irrational_numbers_are_compared_too(identity, text, right):
    assert check(identity, text).equivalent is right


def test_a_comparison_of_many_names_in_a_high_power_ends_soon():
    many = "x1+x2+x3+x4+x5+k1+k2+k3+z1+z2+z3+b+w1+w2+a+y+yhat+v1+v2"
    verdict = check("t3.dk4", f"[({many})^4 > -1] - 1")
    assert verdict.equivalent
    assert not verdict.sure


def test_a_number_that_is_rounded_in_the_tenth_place_is_called_that():
    assert "a number in it is rounded" in str(check("t1.response", "0.1111111111(1+2cos(w1))(1+2cos(w2))"))


def test_a_verdict_shows_what_was_read():
    assert "delta1*[z1 > Max(0, z2)]*v1 gives" in str(check("t3.dz1", "δ1[z1 > max(z2, 0)]v1")).replace(
        "delta1*v1*[z1 > Max(0, z2)]", "delta1*[z1 > Max(0, z2)]*v1"
    )


@pytest.mark.parametrize(
    ("more", "sure"),
    [
        ("[x1 > x2] + [x1 <= x2]", True),
        ("[(x1 - x2)*(x3 + b) > 0] + [(x1 - x2)*(x3 + b) <= 0]", True),
        ("[x1*x1 + x2*x2 > -1]", False),
        ("[x1*x2 > 1] + [x1*x2 <= 1]", False),
        ("[max(x1*x2, 3) > x3] + [max(x1*x2, 3) <= x3]", False),
    ],
)
def test_a_verdict_says_whether_every_region_was_visited(more, sure):
    verdict = check("t3.da", f"(yhat - y)*({more})")
    assert verdict.equivalent
    assert verdict.sure is sure
    assert ("to it everywhere" in str(verdict)) is sure
    assert ("may still differ" in str(verdict)) is not sure


def test_division_by_zero_is_wrong_where_it_happens_and_refused_where_it_always_happens():
    assert "divides by zero" in str(check("t3.da", "(yhat-y)/(y>0)"))
    assert check("t3.da", "(yhat*y-y**2)/y").equivalent
    with pytest.raises(RefusedError, match="divides by zero wherever"):
        check("t3.da", "1/((x1+x2)**2 - x1**2 - 2*x1*x2 - x2**2)")


def test_identities_are_read_in_upper_and_lower_case():
    assert check(" T3.da", "yhat-y").equivalent


@pytest.mark.parametrize(("unknown", "near"), [("t9.x", ""), ("t3.dk5", "t3.d"), ("t1.wite", "t1.white"), (None, "")])
def test_an_unknown_answer_is_named_with_its_neighbours(unknown, near):
    with pytest.raises(KeyError, match=rf"{unknown}.*{f'did you mean {near}' if near else ''}.*t1\.white"):
        check(unknown, "1")


def test_too_many_comparisons_are_refused():
    names = [*(f"x{i}" for i in range(1, 6)), *(f"z{i}" for i in range(1, 4)), "k1", "k2"]
    with pytest.raises(RefusedError, match="compares more"):
        check("t3.dk4", "+".join(f"({name}>0)+({name}<=0)" for name in names) + "-10")


atoms = st.sampled_from(["x1", "x2", "alpha1", "k1", "2", "1/3", "0"])
formulas = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", ">", "<="]), inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("{}({})".format, st.sampled_from(["cos", "sin", "step"]), inner),
        st.builds("({})**{}".format, inner, st.integers(-9, 9)),
    ),
    max_leaves=25,
)


@given(text=formulas)
@settings(max_examples=150, deadline=None)
def test_any_formula_gets_an_answer_or_a_refusal(text):
    with contextlib.suppress(RefusedError):
        assert check("t3.dk1", text).equivalent in (True, False)


@given(text=formulas, other=formulas)
@settings(max_examples=60, deadline=None)
def test_adding_and_taking_away_the_same_changes_no_verdict(text, other):
    with contextlib.suppress(RefusedError):
        first = check("t3.dk4", f"({text})")
        assert check("t3.dk4", f"({text}) + 0*({other})").equivalent == first.equivalent
