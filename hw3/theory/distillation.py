"""The distillation loss of question P2 in symbols: its two forms, its gradient, its limits.

Logits are real symbols, one for each class; the temperature τ is positive. Source of the loss: Hinton, Vinyals and Dean
2015, arXiv 1503.02531, section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Rational, Symbol, diff, exp, expand, log, nan, simplify, symbols, sympify

from hw3.theory.sizes import whole

ALPHA = Symbol("alpha", nonnegative=True)
TAU = Symbol("tau", positive=True)
ONE = Integer(1)
Vector = tuple[Expr, ...]


@dataclass(frozen=True)
class Setting:
    """The symbols for some classes: the ``student``'s and the ``teacher``'s logits and the label as ``target``
    probabilities."""

    student: Vector
    teacher: Vector
    target: Vector


def setting(classes: int = 3) -> Setting:
    """Symbols s1.., t1.. and y1.. for ``classes`` classes; the target's last entry is 1 minus the others.

    Raises:
        ValueError: fewer than two classes, or no integer.
    """
    classes = whole("classes", classes, 2)
    s, t, y = (symbols(f"{letter}1:{classes + 1}", real=True) for letter in "sty")
    return Setting(tuple(s), tuple(t), (*y[:-1], 1 - sum(y[:-1])))


def _checked(logits: Sequence[Expr], temperature: Expr) -> None:
    if not len(logits):
        raise ValueError("there are no logits; a softmax needs one or more")
    if any(sympify(z).is_finite is False for z in logits):
        raise ValueError(f"the logits are {tuple(logits)}; all must be finite")
    if sympify(temperature).is_positive is False or sympify(temperature) is nan:
        raise ValueError(f"the temperature is {temperature}; it must be positive")


def _alike(first: Sequence[Expr], second: Sequence[Expr]) -> None:
    if len(first) != len(second):
        raise ValueError(f"there are {len(first)} and {len(second)} classes; both sides need the same")


def log_softmax(logits: Sequence[Expr], temperature: Expr = ONE) -> Vector:
    """ln σ(z; τ) for each class.

    Raises:
        ValueError: no logits, one that is not finite, or a temperature that is not positive.
    """
    _checked(logits, temperature)
    total = log(sum(exp(z / temperature) for z in logits))
    return tuple(z / temperature - total for z in logits)


def softmax(logits: Sequence[Expr], temperature: Expr = ONE) -> Vector:
    """σ(z; τ) = exp(z/τ) / Σ exp(z/τ). Raises what ``log_softmax`` does."""
    _checked(logits, temperature)
    parts = [exp(z / temperature) for z in logits]
    return tuple(part / sum(parts) for part in parts)


def cross_entropy(target: Sequence[Expr], logits: Sequence[Expr], temperature: Expr = ONE) -> Expr:
    """H(p, σ(z; τ)) = -Σ p ln σ(z; τ).

    Raises:
        ValueError: other numbers of classes, and as ``log_softmax``.
    """
    _alike(target, logits)
    return -sum(p * q for p, q in zip(target, log_softmax(logits, temperature), strict=True))


def entropy(logits: Sequence[Expr], temperature: Expr) -> Expr:
    """H(σ(z; τ)): how undecided the answer is."""
    return cross_entropy(softmax(logits, temperature), logits, temperature)


def divergence(teacher: Sequence[Expr], student: Sequence[Expr], temperature: Expr) -> Expr:
    """KL(σ(z_t; τ) ‖ σ(z_s; τ)) = Σ p_t (ln p_t - ln p_s). Raises what ``cross_entropy`` does."""
    _alike(teacher, student)
    logs = zip(log_softmax(teacher, temperature), log_softmax(student, temperature), strict=True)
    return sum(p * (a - b) for p, (a, b) in zip(softmax(teacher, temperature), logs, strict=True))


def loss(case: Setting) -> Expr:
    """The assignment's loss: (1 - α) H(y, σ(z_s; 1)) + α τ² H(σ(z_t; τ), σ(z_s; τ))."""
    soft = cross_entropy(softmax(case.teacher, TAU), case.student, TAU)
    return (1 - ALPHA) * cross_entropy(case.target, case.student) + ALPHA * TAU**2 * soft


def loss_kl(case: Setting) -> Expr:
    """The same with KL in place of the soft cross-entropy."""
    soft = divergence(case.teacher, case.student, TAU)
    return (1 - ALPHA) * cross_entropy(case.target, case.student) + ALPHA * TAU**2 * soft


def offset(case: Setting) -> Expr:
    """``loss - loss_kl``, worked out: terms with the same probability are put together and nothing else is done."""
    return expand(loss(case) - loss_kl(case))


def gradient(case: Setting) -> Vector:
    """∂L/∂z_s for each class: (1 - α)(σ(z_s; 1) - y) + α τ (σ(z_s; τ) - σ(z_t; τ))."""
    parts = zip(softmax(case.student), case.target, softmax(case.student, TAU), softmax(case.teacher, TAU), strict=True)
    return tuple((1 - ALPHA) * (p - y) + ALPHA * TAU * (ps - pt) for p, y, ps, pt in parts)


def verify_chain_rule(case: Setting) -> bool:
    """The step behind ``gradient``: is ∂ ln σ_j(z; τ)/∂z_i = ([i = j] - σ_i(z; τ))/τ for every i and j?"""
    logs, probabilities = log_softmax(case.student, TAU), softmax(case.student, TAU)
    return all(
        simplify(diff(one, z) - (int(i == j) - p) / TAU) == 0
        for j, one in enumerate(logs)
        for i, (z, p) in enumerate(zip(case.student, probabilities, strict=True))
    )


def verify_gradient(case: Setting) -> bool:
    """Is ``gradient`` what SymPy gets by differentiating both forms of the loss?"""
    forms = (loss(case), loss_kl(case))
    return all(
        simplify(diff(form, z) - stated) == 0
        for form in forms
        for z, stated in zip(case.student, gradient(case), strict=True)
    )


def hot_limit(case: Setting) -> Expr:
    """τ² KL as τ → ∞. With u = 1/τ, KL(u) and its first derivative vanish at u = 0 (``verify_hot_limit``), so by Taylor
    the limit of KL(u)/u² is half the second derivative there."""
    u = Symbol("u", positive=True)
    return expand(diff(divergence(case.teacher, case.student, 1 / u), u, 2).subs(u, 0) / 2)


def centred_distance(case: Setting) -> Expr:
    """‖Δz - mean(Δz)‖² / (2C) with Δz = z_s - z_t: half the mean squared difference of the centred logits."""
    differences = [s - t for s, t in zip(case.student, case.teacher, strict=True)]
    mean = sum(differences) * Rational(1, len(differences))
    return expand(sum((d - mean) ** 2 for d in differences) / (2 * len(differences)))


def verify_hot_limit(case: Setting) -> bool:
    """Do KL and its first derivative vanish at u = 0, and is the limit the distance of the centred logits?"""
    u = Symbol("u", positive=True)
    value = divergence(case.teacher, case.student, 1 / u)
    start = [simplify(part.subs(u, 0)) for part in (value, diff(value, u))]
    return start == [0, 0] and simplify(hot_limit(case) - centred_distance(case)) == 0
