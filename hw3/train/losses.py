"""What is minimized: cross-entropy, and the loss of question P2 (Hinton, Vinyals and Dean 2015, arXiv 1503.02531) in
the assignment's form and with KL.

All logits are (N, classes) and computed with at least as float32; every loss is a mean over the N images, in nats. What
a teacher says is a constant: no gradient flows into it. An event of probability 0 adds nothing, whatever its logarithm.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HOTTEST = 1e6  # there roundings are a 10,000th of the divergence of logits that differ by 1


def cross_entropy(logits: Tensor, targets: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """H(y, σ(z)), a scalar; ``targets`` are class indices (N,).

    Raises:
        ValueError: other shapes, targets that are no integers or no classes, a smoothing outside [0, 1).
    """
    _check_smoothing(label_smoothing)
    return F.cross_entropy(as_floats(logits), checked_classes(logits, targets), label_smoothing=label_smoothing)


def checked_classes(logits: Tensor, targets: Tensor) -> Tensor:
    """``targets`` as int64, if they are classes of ``logits``, (N, classes)."""
    targets = checked_targets(logits, targets)
    if not targets.is_cuda and not (targets.min() >= 0 and targets.max() < logits.shape[1]):  # a GPU asserts it itself
        raise ValueError(
            f"targets are from {targets.min()} to {targets.max()}; with {logits.shape[1]} classes they are from 0 to "
            f"{logits.shape[1] - 1}"
        )
    return targets


def checked_targets(rows: Tensor, targets: Tensor, name: str = "logits") -> Tensor:
    """``targets`` as int64, if their shape and type fit ``rows``, (N, classes) or (N, D)."""
    _check_rows(name, rows)
    if targets.shape != rows.shape[:1] or targets.is_floating_point() or targets.dtype == torch.bool:
        raise ValueError(
            f"targets are {targets.dtype} of {tuple(targets.shape)}; {len(rows)} {name} need as many class indices, "
            f"integers of ({len(rows)},)"
        )
    return targets.long()


def as_floats(logits: Tensor) -> Tensor:
    """In float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _check_rows(name: str, rows: Tensor) -> None:
    if rows.dim() != 2 or rows.numel() == 0:
        wanted = "(N, D)" if name == "features" else "(N, classes)"
        raise ValueError(f"{name} are {tuple(rows.shape)}; they must be {wanted}, neither of them 0")


def _check_mixture(alpha: float, temperature: float) -> None:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha!r}; it must be from 0 (labels only) to 1 (teacher only)")
    _check_temperature(temperature)


def _check_temperature(temperature: float) -> None:
    if not (0 < temperature < math.inf and 0 < temperature * temperature < math.inf):
        raise ValueError(f"temperature is {temperature!r}; it must be positive and finite, and so must its square")


def _check_smoothing(label_smoothing: float) -> None:
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing is {label_smoothing!r}; it must be at least 0 and below 1")


def _log_probabilities(logits: Tensor, temperature: float) -> Tensor:
    return (as_floats(logits) / temperature).log_softmax(1)


def _expected(log_teacher: Tensor, values: Tensor) -> Tensor:
    """The mean of ``values`` under the teacher's probabilities, for each image: (N,)."""
    probabilities = log_teacher.exp()
    return torch.where(probabilities == 0, 0, probabilities * values).sum(1)  # a NaN stays one


def _check_pair(student_logits: Tensor, teacher_logits: Tensor) -> None:
    _check_rows("the student's logits", student_logits)
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f"the student's logits are {tuple(student_logits.shape)}, the teacher's {tuple(teacher_logits.shape)}; "
            "they must be the same"
        )


def _softened(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Logarithms of the student's and the teacher's probabilities at ``temperature``."""
    _check_temperature(temperature)
    _check_pair(student_logits, teacher_logits)
    return _log_probabilities(student_logits, temperature), _log_probabilities(teacher_logits.detach(), temperature)


def soft_cross_entropy(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """H(σ(z_t; τ), σ(z_s; τ)): cross-entropy against the teacher's softened answer, a scalar.

    Raises:
        ValueError: other shapes, or a temperature that is not positive and finite.
    """
    log_student, log_teacher = _softened(student_logits, teacher_logits, temperature)
    return -_expected(log_teacher, log_student).mean()


def soft_kl(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(σ(z_t; τ) ‖ σ(z_s; τ)), a scalar; 0 where the student answers as the teacher does. It is less than
    ``soft_cross_entropy`` by the teacher's own entropy, so both have the same gradient. (``F.kl_div`` says the same
    with ``reduction="batchmean"``; "mean" would also divide by the number of classes.) At a high temperature it is a
    small difference of large numbers, so it is computed in float64.

    Raises:
        ValueError: other shapes, or a temperature that is not positive or above 1e6.
    """
    _check_pair(student_logits, teacher_logits)
    _check_temperature(temperature)
    if temperature > HOTTEST:
        raise ValueError(f"temperature is {temperature!r}; above {HOTTEST:g} roundings hide the divergence")
    log_student, log_teacher = _softened(student_logits.double(), teacher_logits.double(), temperature)
    return _expected(log_teacher, log_teacher - log_student).mean().to(as_floats(student_logits[:0]).dtype)


def soft_entropy(teacher_logits: Tensor, temperature: float) -> Tensor:
    """H(σ(z_t; τ)) of each image, (N,): 0 for a hard label, ln(classes) for an answer that says nothing."""
    _check_temperature(temperature)
    _check_rows("the teacher's logits", teacher_logits)
    log_teacher = _log_probabilities(teacher_logits.detach(), temperature)
    return -_expected(log_teacher, log_teacher)


def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, targets: Tensor, alpha: float, temperature: float
) -> Tensor:
    """(1 - α)·H(y, σ(z_s; 1)) + α·τ²·H(σ(z_t; τ), σ(z_s; τ)), a scalar: the assignment's formula as it stands.

    ``targets`` are class indices (N,). α=0 is the plain cross-entropy; α=1 uses no label. A part of weight 0 is not
    computed: whatever stands in it counts for nothing.

    Raises:
        ValueError: α outside 0 to 1, a temperature that is not positive and finite, other shapes.
    """
    return _mixed(soft_cross_entropy, student_logits, teacher_logits, targets, alpha, temperature)


def distillation_loss_kl(
    student_logits: Tensor, teacher_logits: Tensor, targets: Tensor, alpha: float, temperature: float
) -> Tensor:
    """The same with KL in place of the soft cross-entropy: less by α·τ²·H(σ(z_t; τ)), which no student can change."""
    return _mixed(soft_kl, student_logits, teacher_logits, targets, alpha, temperature)


def _mixed(
    soft: Callable[[Tensor, Tensor, float], Tensor],
    student_logits: Tensor,
    teacher_logits: Tensor,
    targets: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    _check_mixture(alpha, temperature)
    _check_pair(student_logits, teacher_logits)
    checked_targets(student_logits, targets)
    by_labels = (1 - alpha) * cross_entropy(student_logits, targets) if alpha < 1 else 0.0
    by_teacher = alpha * temperature**2 * soft(student_logits, teacher_logits, temperature) if alpha > 0 else 0.0
    return by_labels + by_teacher  # type: ignore[return-value]  # one of them is a tensor


@dataclass(frozen=True)
class Classification:
    """The task of learning from labels: a batch is (images, targets), the loss their cross-entropy.

    The model gives logits: a softmax in it would be a second one and keep the loss from falling (see the page on the
    MLP). ``label_smoothing``: the share of the target that is spread over all classes (Szegedy et al. 2016, arXiv
    1512.00567, section 7).

    Raises:
        ValueError: a smoothing outside [0, 1).
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        _check_smoothing(self.label_smoothing)

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        images, targets = batch
        logits = model(images)
        return {"loss": cross_entropy(logits, targets, self.label_smoothing), "logits": logits}


@dataclass(frozen=True)
class Distillation:
    """The task of a student. A batch is (images, targets, teacher_logits), the teacher's for the same views; a batch
    without the last part, of the validation images, is measured by its labels.

    Raises:
        ValueError: α outside 0 to 1, or a temperature that is not positive and finite.
    """

    alpha: float
    temperature: float

    def __post_init__(self) -> None:
        _check_mixture(self.alpha, self.temperature)

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        if len(batch) == 2:
            return Classification()(model, batch)
        images, targets, teacher_logits = batch
        logits = model(images)
        loss = distillation_loss(logits, teacher_logits, targets, self.alpha, self.temperature)
        return {"loss": loss, "logits": logits}
