"""The loss of question P2 (Hinton, Vinyals and Dean 2015, arXiv 1503.02531), in the form of the assignment and with KL.

All logits are (N, classes); every result is a mean over the N images, in nats.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from hw3.learn.tasks import classification


def _check(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> None:
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f"the student's logits are {tuple(student_logits.shape)}, the teacher's {tuple(teacher_logits.shape)}; "
            "they must be the same"
        )
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature!r}; it must be positive")


def soft_cross_entropy(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """H(σ(z_t; τ), σ(z_s; τ)): cross-entropy against the teacher's softened answer, a scalar.

    Raises:
        ValueError: shapes that differ, or a temperature that is not positive.
    """
    _check(student_logits, teacher_logits, temperature)
    return F.cross_entropy(student_logits.float() / temperature, (teacher_logits.float() / temperature).softmax(1))


def soft_kl(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(σ(z_t; τ) ‖ σ(z_s; τ)), a scalar; 0 where the student answers as the teacher does. It is less than
    ``soft_cross_entropy`` by the teacher's own entropy, so both have the same gradient.

    ``reduction="batchmean"`` divides by the number of images; "mean" would also divide by the number of classes.
    """
    _check(student_logits, teacher_logits, temperature)
    log_student = (student_logits.float() / temperature).log_softmax(1)
    log_teacher = (teacher_logits.float() / temperature).log_softmax(1)
    return F.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True)


def soft_entropy(teacher_logits: Tensor, temperature: float) -> Tensor:
    """H(σ(z_t; τ)) of each image, (N,): 0 for a hard label, ln(classes) for an answer that says nothing."""
    log_teacher = (teacher_logits.float() / temperature).log_softmax(1)
    return -(log_teacher.exp() * log_teacher).sum(1)


def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, targets: Tensor, alpha: float, temperature: float
) -> Tensor:
    """(1 - α)·H(y, σ(z_s; 1)) + α·τ²·H(σ(z_t; τ), σ(z_s; τ)), a scalar: the assignment's formula as it stands.

    ``targets`` are class indices (N,). α=0 is the plain cross-entropy; α=1 uses no label.

    Raises:
        ValueError: α outside 0 to 1, a temperature that is not positive, shapes that differ.
    """
    soft = soft_cross_entropy(student_logits, teacher_logits, temperature)
    return _mixed(student_logits, targets, soft, alpha, temperature)


def distillation_loss_kl(
    student_logits: Tensor, teacher_logits: Tensor, targets: Tensor, alpha: float, temperature: float
) -> Tensor:
    """The same with KL in place of the soft cross-entropy: less by α·τ²·H(σ(z_t; τ)), which no student can change."""
    return _mixed(student_logits, targets, soft_kl(student_logits, teacher_logits, temperature), alpha, temperature)


def _mixed(student_logits: Tensor, targets: Tensor, soft: Tensor, alpha: float, temperature: float) -> Tensor:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha!r}; it must be from 0 (labels only) to 1 (teacher only)")
    return (1 - alpha) * F.cross_entropy(student_logits.float(), targets) + alpha * temperature**2 * soft


@dataclass(frozen=True)
class Distillation:
    """The task of a student. A batch is (images, targets, teacher_logits), the teacher's for the same views; a batch
    without the last part, of the validation images, is measured by its labels."""

    alpha: float
    temperature: float

    def __call__(self, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        if len(batch) == 2:
            return classification(model, batch)
        images, targets, teacher_logits = batch
        logits = model(images)
        loss = distillation_loss(logits, teacher_logits, targets, self.alpha, self.temperature)
        return {"loss": loss, "logits": logits}
