"""The distillation loss in torch: its two forms, its ends, and the mistakes that are often made with it."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hw3.learn.distillation import (
    Distillation,
    distillation_loss,
    distillation_loss_kl,
    soft_cross_entropy,
    soft_entropy,
    soft_kl,
)


def logits(seed=0, n=32, classes=10):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (4 * torch.randn(n, classes, generator=generator) for _ in range(2))
    return student, teacher, torch.randint(0, classes, (n,), generator=generator)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_forms_differ_by_the_teachers_entropy_alone(alpha, temperature):
    student, teacher, targets = logits()
    gradients = []
    for loss in (distillation_loss, distillation_loss_kl):
        z = student.clone().requires_grad_()
        loss(z, teacher, targets, alpha, temperature).backward()
        gradients.append(z.grad)
    assert torch.allclose(*gradients, atol=1e-5)
    gap = distillation_loss(student, teacher, targets, alpha, temperature) - distillation_loss_kl(
        student, teacher, targets, alpha, temperature
    )
    offset = alpha * temperature**2 * soft_entropy(teacher, temperature).mean()
    assert gap.item() == pytest.approx(offset.item(), rel=1e-4, abs=1e-4)


def test_the_ends_of_alpha():
    student, teacher, targets = logits()
    assert torch.allclose(distillation_loss(student, teacher, targets, 0.0, 4.0), F.cross_entropy(student, targets))
    others = (targets + 1) % 10
    assert torch.equal(
        distillation_loss(student, teacher, targets, 1.0, 4.0), distillation_loss(student, teacher, others, 1.0, 4.0)
    )
    assert not torch.equal(
        distillation_loss(student, teacher, targets, 0.9, 4.0), distillation_loss(student, teacher, others, 0.9, 4.0)
    )


def test_a_teacher_that_is_sure_is_a_label():
    student, _, targets = logits()
    sure = 200.0 * F.one_hot(targets, 10)
    assert torch.allclose(distillation_loss(student, sure, targets, 1.0, 1.0), F.cross_entropy(student, targets))


def test_agreement_costs_nothing_in_kl_and_the_entropy_in_cross_entropy():
    _, teacher, _ = logits()
    assert soft_kl(teacher, teacher, 3.0).item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(soft_cross_entropy(teacher, teacher, 3.0), soft_entropy(teacher, 3.0).mean())


def test_entropy_runs_from_hard_to_undecided():
    _, teacher, _ = logits()
    cold, hot = soft_entropy(teacher, 0.001), soft_entropy(teacher, 1e4)
    assert cold.mean() < 0.01
    assert hot.tolist() == pytest.approx([math.log(10)] * len(teacher), rel=1e-4)


def test_it_scales_with_the_batch_and_not_with_the_classes():
    """``reduction="mean"`` is the mistake that this notices."""
    student, teacher, _ = logits()
    twice = soft_kl(student.repeat(2, 1), teacher.repeat(2, 1), 4.0)
    assert torch.allclose(twice, soft_kl(student, teacher, 4.0))
    wrong = F.kl_div((student / 4).log_softmax(1), (teacher / 4).softmax(1), reduction="mean")
    assert (soft_kl(student, teacher, 4.0) / wrong).item() == pytest.approx(10, rel=1e-4)


def test_tau_squared_keeps_the_teachers_say():
    """Without τ² the gradient of the soft part would be a 64th at τ = 8 of what it is in the limit."""
    student, teacher, targets = logits()
    sizes = []
    for temperature in (8.0, 64.0):
        z = student.clone().requires_grad_()
        distillation_loss(z, teacher, targets, 1.0, temperature).backward()
        sizes.append(z.grad.norm().item())
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"alpha": -0.1}, "alpha is -0.1"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"teacher_logits": torch.zeros(32, 9)}, r"\(32, 10\), the teacher's \(32, 9\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, words):
    student, teacher, targets = logits()
    arguments = {"teacher_logits": teacher, "targets": targets, "alpha": 0.5, "temperature": 2.0} | changes
    with pytest.raises(ValueError, match=words):
        distillation_loss(student, **arguments)


def test_the_task_uses_the_teacher_where_there_is_one():
    student, teacher, targets = logits()
    task, model = Distillation(0.6, 3.0), nn.Identity()
    found = task(model, (student, targets, teacher.half()))
    expected = distillation_loss(student, teacher.half(), targets, 0.6, 3.0)
    assert torch.equal(found["loss"], expected)
    assert torch.equal(task(model, (student, targets))["loss"], F.cross_entropy(student, targets))
