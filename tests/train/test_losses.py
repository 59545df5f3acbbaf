"""The distillation loss in torch: its two forms, its ends, and the mistakes that are often made with it."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hw3.train.losses import (
    Classification,
    Distillation,
    cross_entropy,
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


STUDENT = torch.tensor([[1.0, 2, 3], [0, 0, 0]])
TEACHER = torch.tensor([[2.0, 1, 0], [0, 1, 2]])
TARGETS = torch.tensor([0, 2])
INF, NAN = math.inf, math.nan
LOSSES = (distillation_loss, distillation_loss_kl)


def test_what_a_teacher_rules_out_adds_nothing():
    """Probability 0 times the logarithm of 0."""
    teacher = TEACHER.clone()
    teacher[0, 2] = -INF
    assert distillation_loss_kl(STUDENT, teacher, TARGETS, 0.5, 1.0).item() == pytest.approx(1.3322241, abs=1e-6)
    assert soft_entropy(teacher, 1.0).tolist() == pytest.approx([0.5822031, 0.8323956], abs=1e-6)
    without = [z[:1, :2] for z in (STUDENT, teacher)]
    assert soft_entropy(teacher, 3.0)[0].item() == pytest.approx(soft_entropy(without[1], 3.0).item())
    both = STUDENT.clone()  # the student rules it out as well: as if the class were not there
    both[0, 2] = -INF
    for loss in (soft_kl, soft_cross_entropy):
        assert loss(both[:1], teacher[:1], 2.0).item() == pytest.approx(loss(*without, 2.0).item())


@pytest.mark.parametrize("loss", LOSSES)
def test_impossible_classes_leave_a_finite_gradient(loss):
    student, teacher = STUDENT.clone(), TEACHER.clone()
    student[0, 2] = teacher[0, 2] = -INF
    student.requires_grad_()
    loss(student, teacher, TARGETS, 0.5, 2.0).backward()
    assert torch.isfinite(student.grad).all()
    assert student.grad[0, 2] == 0


def test_a_student_that_rules_out_what_the_teacher_allows_is_infinitely_wrong():
    student = STUDENT.clone()
    student[0, 2] = -INF
    assert soft_kl(student, TEACHER, 1.0) == soft_cross_entropy(student, TEACHER, 1.0) == INF


@pytest.mark.parametrize("targets", [[-100, -100], [3, 7]])
def test_with_the_teacher_alone_no_label_is_read(targets):
    loss = distillation_loss(STUDENT, TEACHER, torch.tensor(targets), 1.0, 2.0)
    assert loss.item() == pytest.approx(4.8779206, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_with_labels_alone_no_teacher_is_read(loss, value):
    student = STUDENT.clone().requires_grad_()
    loss_value = loss(student, torch.full((2, 3), value), TARGETS, 0.0, 2.0)
    loss_value.backward()
    assert loss_value.item() == pytest.approx(1.7531091, abs=1e-6)
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("alpha", [0.5, 1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_teacher_is_a_constant(loss, alpha):
    student, teacher = STUDENT.clone().requires_grad_(), TEACHER.clone().requires_grad_()
    loss(student, teacher, TARGETS, alpha, 2.0).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0
    assert not soft_entropy(teacher, 2.0).requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_logits_are_computed_as_their_floats(dtype):
    student, teacher, targets = (z.to(dtype) if z.is_floating_point() else z for z in logits())
    for loss in (soft_kl, soft_cross_entropy):
        assert torch.equal(loss(student, teacher, 3.0), loss(student.float(), teacher.float(), 3.0))
    assert torch.equal(soft_entropy(teacher, 3.0), soft_entropy(teacher.float(), 3.0))
    assert torch.equal(cross_entropy(student, targets), cross_entropy(student.float(), targets))


def test_double_precision_is_kept_and_the_gradient_is_that_of_finite_differences():
    student, teacher, targets = logits(n=4, classes=3)
    student, teacher = student.double().requires_grad_(), teacher.double()
    for loss in LOSSES:
        assert loss(student, teacher, targets, 0.4, 2.5).dtype == torch.float64
        assert torch.autograd.gradcheck(lambda z, loss=loss: loss(z, teacher, targets, 0.4, 2.5), (student,))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"alpha": -0.1}, "alpha is -0.1"),
        ({"alpha": NAN}, "alpha is nan"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": INF}, "temperature is inf"),
        ({"temperature": NAN}, "temperature is nan"),
        ({"teacher_logits": torch.zeros(32, 9)}, r"\(32, 10\), the teacher's \(32, 9\)"),
        ({"teacher_logits": torch.zeros(1, 10)}, r"\(32, 10\), the teacher's \(1, 10\)"),
        ({"targets": torch.zeros(31, dtype=torch.long)}, r"\(31,\); 32 logits need"),
        ({"targets": torch.zeros(32, 1, dtype=torch.long)}, r"\(32, 1\); 32 logits need"),
        ({"targets": torch.zeros(32)}, "torch.float32.*integers"),
        ({"targets": torch.zeros(32, dtype=torch.bool)}, "torch.bool.*integers"),
        ({"targets": torch.full((32,), 10)}, "from 10 to 10; with 10 classes they are from 0 to 9"),
        ({"targets": torch.full((32,), -100)}, "from -100 to -100"),
        ({"targets": torch.full((32,), -1)}, "from -1 to -1"),
        ({"student_logits": torch.zeros(32, 10, 2, 2)}, r"student's logits are \(32, 10, 2, 2\).*\(N, classes\)"),
        ({"student_logits": torch.zeros(0, 10)}, r"student's logits are \(0, 10\)"),
        ({"student_logits": torch.zeros(10)}, r"student's logits are \(10,\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(loss, changes, words):
    student, teacher, targets = logits()
    arguments = {"student_logits": student, "teacher_logits": teacher, "targets": targets}
    with pytest.raises(ValueError, match=words):
        loss(**arguments | {"alpha": 0.5, "temperature": 2.0} | changes)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_shapes_are_refused_also_in_a_part_of_weight_0(alpha):
    student, teacher, targets = logits()
    for wrong in ((student, teacher[:, :9], targets), (student, teacher, targets[:31])):
        with pytest.raises(ValueError, match=r"teacher's|logits need"):
            distillation_loss(*wrong, alpha, 2.0)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (0, 3), (3,)])
def test_the_parts_refuse_other_shapes_by_name(shape):
    wrong = torch.zeros(shape)
    for call in (
        lambda: soft_kl(wrong, wrong, 1.0),
        lambda: soft_cross_entropy(wrong, wrong, 1.0),
        lambda: soft_entropy(wrong, 1.0),
        lambda: cross_entropy(wrong, torch.zeros(len(wrong), dtype=torch.long)),
    ):
        with pytest.raises(
            ValueError, match=rf"logits are \({', '.join(map(str, shape))},?\); they must be \(N, classes"
        ):
            call()
    with pytest.raises(ValueError, match="temperature is 0"):
        soft_entropy(TEACHER, 0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
def test_targets_of_any_integer_type_are_class_indices(dtype):
    student, teacher, targets = logits()
    expected = F.cross_entropy(student, targets)
    assert torch.equal(cross_entropy(student, targets.to(dtype)), expected)
    assert torch.equal(distillation_loss(student, teacher, targets.to(dtype), 0.0, 1.0), expected)


def test_the_task_uses_the_teacher_where_there_is_one():
    student, teacher, targets = logits()
    task, model = Distillation(0.6, 3.0), nn.Identity()
    result = task(model, (student, targets, teacher.half()))
    assert torch.equal(result["loss"], distillation_loss(student, teacher.half(), targets, 0.6, 3.0))
    assert torch.equal(result["logits"], student)
    assert torch.equal(task(model, (student, targets))["loss"], F.cross_entropy(student, targets))


def test_label_smoothing_mixes_the_label_with_all_classes():
    student, _, targets = logits()
    plain, smooth = (Classification(share)(nn.Identity(), (student, targets)) for share in (0.0, 0.2))
    assert torch.equal(plain["loss"], F.cross_entropy(student, targets))
    assert hash(Classification()) == hash(Classification(0.0))  # frozen: it stands in a configuration
    assert hash(Distillation(0.5, 2.0)) == hash(Distillation(0.5, 2.0))
    assert torch.equal(smooth["logits"], student)
    everywhere = -student.log_softmax(1).mean()
    assert smooth["loss"].item() == pytest.approx(0.8 * plain["loss"].item() + 0.2 * everywhere.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Classification(1.0), "label_smoothing is 1.0"),
        (lambda: Classification(-0.1), "label_smoothing is -0.1"),
        (lambda: Classification(NAN), "label_smoothing is nan"),
        (lambda: Distillation(1.1, 2.0), "alpha is 1.1"),
        (lambda: Distillation(0.5, 0.0), "temperature is 0.0"),
    ],
)
def test_a_task_that_cannot_be_meant_is_refused_when_it_is_made(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_teacher_that_is_no_number_makes_no_plausible_loss(bad):
    teacher = TEACHER.clone()
    teacher[0, 1] = bad
    assert soft_kl(STUDENT, teacher, 1.0).isnan()
    assert soft_cross_entropy(STUDENT, teacher, 1.0).isnan()
    assert soft_entropy(teacher, 1.0).isnan().tolist() == [True, False]
    assert distillation_loss(STUDENT, teacher, torch.tensor([0, 1]), 0.9, 4.0).isnan()


@pytest.mark.parametrize("temperature", [1e2, 1e4, 1e6])
def test_at_a_high_temperature_the_divergence_becomes_a_squared_distance(temperature):
    apart = STUDENT.double() - TEACHER.double()
    apart -= apart.mean(1, keepdim=True)
    wanted = (apart**2).sum(1).mean() / (2 * apart.shape[1])
    assert temperature**2 * soft_kl(STUDENT, TEACHER, temperature) == pytest.approx(wanted.item(), rel=0.02)
    with pytest.raises(ValueError, match="so must its square"):
        soft_kl(STUDENT, TEACHER, 1e200)
    with pytest.raises(ValueError, match=r"temperature is 100000000\.0; above 1e\+06 roundings"):
        soft_kl(STUDENT, TEACHER, 1e8)


@pytest.mark.parametrize("smoothing", [-0.5, 1.0, float("nan")])
def test_a_smoothing_outside_its_range_is_refused(smoothing):
    with pytest.raises(ValueError, match="label_smoothing is"):
        cross_entropy(STUDENT, torch.tensor([0, 1]), smoothing)
