"""The distillation loss in symbols, confirmed by numbers: plain floats, torch's autograd, finite differences."""

import math
from random import Random

import numpy as np
import pytest
import torch
from sympy import N, Rational, oo, simplify

from hw3.theory import distillation as d
from hw3.train.losses import distillation_loss, distillation_loss_kl

CLASSES = (2, 3, 4)


def softmax(logits, temperature=1.0):
    parts = [math.exp(z / temperature) for z in logits]
    return [part / sum(parts) for part in parts]


def by_hand(student, teacher, label, alpha, temperature):
    """The assignment's formula for one image, in plain floats."""
    hard = -math.log(softmax(student)[label])
    soft = -sum(
        p * math.log(q) for p, q in zip(softmax(teacher, temperature), softmax(student, temperature), strict=True)
    )
    return (1 - alpha) * hard + alpha * temperature**2 * soft


def case(seed, classes):
    random = Random(seed)
    logits = [[random.uniform(-4, 4) for _ in range(classes)] for _ in range(2)]
    return *logits, random.randrange(classes), random.random(), random.uniform(0.5, 9)


def values(letters, student, teacher, label, alpha, temperature):
    target = [1.0 if i == label else 0.0 for i in range(len(student))]
    pairs = [*zip(letters.student, student, strict=True), *zip(letters.teacher, teacher, strict=True)]
    return dict(pairs) | dict(zip(letters.target[:-1], target, strict=False)) | {d.ALPHA: alpha, d.TAU: temperature}


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("seed", range(5))
def test_the_symbols_say_what_plain_floats_and_torch_say(classes, seed):
    student, teacher, label, alpha, temperature = case(seed, classes)
    letters = d.setting(classes)
    point = values(letters, student, teacher, label, alpha, temperature)
    expected = by_hand(student, teacher, label, alpha, temperature)
    assert float(N(d.loss(letters).subs(point))) == pytest.approx(expected, rel=1e-10)
    zs = torch.tensor([student], dtype=torch.float32, requires_grad=True)
    zt, y = torch.tensor([teacher]), torch.tensor([label])
    loss = distillation_loss(zs, zt, y, alpha, temperature)
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    loss.backward()
    stated = [float(N(g.subs(point))) for g in d.gradient(letters)]
    assert zs.grad[0].tolist() == pytest.approx(stated, rel=1e-3, abs=1e-5)
    step = 1e-5
    for i in range(classes):
        ends = ([z + sign * step * (i == j) for j, z in enumerate(student)] for sign in (1, -1))
        above, below = (by_hand(end, teacher, label, alpha, temperature) for end in ends)
        slope = (above - below) / (2 * step)
        assert slope == pytest.approx(stated[i], rel=1e-4, abs=1e-6)
    kl = float(N(d.loss_kl(letters).subs(point)))
    assert distillation_loss_kl(zs, zt, y, alpha, temperature).item() == pytest.approx(kl, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("classes", CLASSES)
def test_the_identity_the_gradient_and_the_limit_are_proved(classes):
    letters = d.setting(classes)
    assert simplify(d.offset(letters) - d.ALPHA * d.TAU**2 * d.entropy(letters.teacher, d.TAU)) == 0
    assert d.verify_gradient(letters)
    assert d.verify_hot_limit(letters)


def test_a_wrong_gradient_is_noticed(monkeypatch):
    right = d.gradient
    monkeypatch.setattr(d, "gradient", lambda letters: tuple(d.TAU * g for g in right(letters)))
    assert not d.verify_gradient(d.setting(2))


def test_the_ends_of_alpha():
    letters = d.setting(3)
    plain = d.cross_entropy(letters.target, letters.student)
    assert simplify(d.loss(letters).subs(d.ALPHA, 0) - plain) == 0
    labels = {symbol for y in letters.target for symbol in y.free_symbols}
    assert not d.loss(letters).subs(d.ALPHA, 1).free_symbols & labels
    assert d.loss(letters).subs(d.ALPHA, Rational(1, 2)).free_symbols & labels


@pytest.mark.parametrize("call", [d.softmax, d.log_softmax])
@pytest.mark.parametrize("temperature", [0, -1, 0.0, float("nan")])
def test_a_temperature_is_positive(call, temperature):
    with pytest.raises(ValueError, match=f"temperature is {temperature}; it must be positive"):
        call(d.setting(2).student, temperature)
    with pytest.raises(ValueError, match="no logits"):
        call(())
    with pytest.raises(ValueError, match="all must be finite"):
        call((1, -oo))


def test_both_sides_have_the_same_classes():
    for call in (d.cross_entropy, d.divergence):
        with pytest.raises(ValueError, match="there are 2 and 3 classes"):
            call(d.setting(2).student, d.setting(3).teacher, Rational(2))


@pytest.mark.parametrize("seed", range(3))
def test_a_hot_divergence_is_near_its_limit(seed):
    student, teacher, *_ = case(seed, 4)
    letters = d.setting(4)
    limit = float(d.centred_distance(letters).subs(values(letters, student, teacher, 0, 0, 1)))
    far = [d.divergence(teacher, student, t) * t**2 for t in (10, 1000)]
    assert abs(far[1] - limit) < abs(far[0] - limit)
    assert float(far[1]) == pytest.approx(limit, rel=1e-2)


@pytest.mark.parametrize("classes", CLASSES)
def test_the_chain_rule_behind_the_gradient_is_proved(classes):
    assert d.verify_chain_rule(d.setting(classes))


def test_a_wrong_chain_rule_is_noticed(monkeypatch):
    monkeypatch.setattr(d, "softmax", lambda logits, temperature: [1 / temperature for _ in logits])
    assert not d.verify_chain_rule(d.setting(2))


def test_the_letters_are_those_of_the_page_and_the_offset_is_written_out():
    letters = d.setting(np.int64(2))
    assert [str(side) for side in (letters.student, letters.teacher, letters.target)] == [
        "(s1, s2)", "(t1, t2)", "(y1, 1 - y1)"
    ]  # fmt: skip
    assert d.offset(letters) == d.offset(letters).expand()


@pytest.mark.parametrize("classes", [1, 0, 2.5, True, "3"])
def test_fewer_than_two_classes_are_refused(classes):
    with pytest.raises(ValueError, match=r"classes is .*2 or more"):
        d.setting(classes)
