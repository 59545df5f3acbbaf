"""What the pages say about their results: for each page a function from numbers to the texts that it glues.

No text claims what its numbers do not show. How two arms are compared stands in ``hw3.show.comparison``; it is handed
on here, so that a page imports one name.
"""
# ruff: noqa: F401

from hw3.show.comparison import (
    between,
    compare,
    compare_logits,
    contrast_logits,
    sentence,
    summaries,
    summary,
)
from hw3.show.verdicts.distillation import (
    STEMS,
    agreement,
    beside_teacher,
    both_sizes,
    calibrated,
    full_tuning,
    linear_tuning,
    normalization,
    pretraining,
    searched,
    size_of,
    student,
    teacher,
    teacher_over,
)
from hw3.show.verdicts.explanation import labels_setting, softness, when_it_helps, wrong_classes
from hw3.show.verdicts.shoes import alike, batch_norm, cnn, dropblock, factorization, helped, mlp, photographs
from hw3.show.verdicts.words import confused, fit_gap, last_epochs, own_runs, replayed, replayed_teacher
