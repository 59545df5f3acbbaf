import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from hw3.train.metrics import best_temperature, calibration_bins, expected_calibration_error, score


@given(n=st.integers(1, 40), classes=st.integers(2, 5), seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_scores_agree_with_counts_by_hand(n, classes, seed):
    torch.manual_seed(seed)
    logits, targets = torch.randn(n, classes), torch.randint(0, classes, (n,))
    scores = score(logits, targets)
    called = logits.argmax(1).tolist()
    pairs = list(zip(targets.tolist(), called, strict=True))
    assert scores.confusion == tuple(
        tuple(sum(pair == (i, j) for pair in pairs) for j in range(classes)) for i in range(classes)
    )
    assert scores.accuracy == pytest.approx(sum(a == b for a, b in pairs) / n)
    for c in range(classes):
        hits = sum(pair == (c, c) for pair in pairs)
        assert scores.precision_by_class[c] == pytest.approx(hits / max(1, sum(b == c for _, b in pairs)))
        assert scores.recall_by_class[c] == pytest.approx(hits / max(1, sum(a == c for a, _ in pairs)))
    assert scores.precision == pytest.approx(sum(scores.precision_by_class) / classes)
    assert scores.loss == pytest.approx(-F.log_softmax(logits, 1)[range(n), targets].mean().item(), rel=1e-5)


@pytest.mark.parametrize("measure", [score, calibration_bins, expected_calibration_error, best_temperature])
@pytest.mark.parametrize(
    ("shape", "targets", "words"),
    [
        ((0, 3), torch.zeros(0, dtype=torch.long), r"logits are \(0, 3\)"),
        ((3, 2), torch.zeros(2, dtype=torch.long), r"\(2,\); 3 logits need"),
        ((3, 2), torch.zeros(3), "float32"),
        ((3, 2, 2), torch.zeros(3, dtype=torch.long), r"\(3, 2, 2\)"),
    ],
)
def test_what_cannot_be_scored_is_refused(measure, shape, targets, words):
    with pytest.raises(ValueError, match=words):
        measure(torch.zeros(shape), targets)


def test_scores_are_plain_numbers_and_those_of_bf16_logits_are_those_of_their_floats():
    torch.manual_seed(0)
    logits, targets = (3 * torch.randn(30, 3)).bfloat16(), torch.randint(0, 3, (30,))
    scores = score(logits, targets)
    for measure in (score, calibration_bins, best_temperature):
        assert measure(logits, targets) == measure(logits.float(), targets)
    numbers = (scores.loss, scores.accuracy, scores.precision, scores.recall, *scores.precision_by_class)
    assert all(type(number) is float for number in (*numbers, *scores.recall_by_class))
    assert all(type(count) is int for row in scores.confusion for count in row)


def sure(*confidences):
    """Logits of two classes whose first one has these probabilities."""
    p = torch.tensor(confidences, dtype=torch.float64)
    return torch.stack([p, 1 - p], 1).log()


def test_calibration_by_hand():
    logits, targets = sure(0.9, 0.8, 0.75, 0.3), torch.tensor([0, 1, 0, 1])  # confidences .9 .8 .75 .7
    table = calibration_bins(logits, targets, bins=4)
    assert [(row.low, row.high, row.count) for row in table] == [
        (0, 0.25, 0),
        (0.25, 0.5, 0),
        (0.5, 0.75, 2),
        (0.75, 1, 2),
    ]
    assert [row.confidence for row in table] == pytest.approx([0, 0, 0.725, 0.85])
    assert [row.accuracy for row in table] == [0, 0, 1, 0.5]
    assert expected_calibration_error(logits, targets, bins=4) == pytest.approx((2 * 0.275 + 2 * 0.35) / 4)
    assert len(calibration_bins(logits, targets)) == 15
    with pytest.raises(ValueError, match="bins is 0"):
        calibration_bins(logits, targets, bins=0)


def test_a_bin_holds_its_upper_edge_and_not_its_lower_one():
    certain = calibration_bins(torch.tensor([[200.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 0]), bins=2)
    assert [row.count for row in certain] == [1, 1]  # 1/2 in the first, 1 in the last


@given(n=st.integers(1, 60), seed=st.integers(0, 10**6), bins=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_bins_part_the_images(n, seed, bins):
    torch.manual_seed(seed)
    logits, targets = 3 * torch.randn(n, 4), torch.randint(0, 4, (n,))
    table, confidence = calibration_bins(logits, targets, bins), logits.double().softmax(1).amax(1)
    assert sum(row.count for row in table) == n
    assert sum(row.count * row.accuracy for row in table) == pytest.approx(n * score(logits, targets).accuracy)
    assert sum(row.count * row.confidence for row in table) == pytest.approx(confidence.sum().item())
    assert all(row.count == 0 or row.low < row.confidence <= row.high + 1e-9 for row in table)


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_the_best_temperature_undoes_a_scaling(scale):
    torch.manual_seed(1)
    logits = 2 * torch.randn(20_000, 4)
    targets = torch.multinomial(logits.softmax(1), 1)[:, 0]  # the logits are true of these
    temperature = best_temperature(scale * logits, targets)
    assert temperature == pytest.approx(scale, rel=0.05)
    losses = [score(scale * logits / (factor * temperature), targets).loss for factor in (0.98, 1.0, 1.02)]
    assert losses[1] < min(losses[0], losses[2])
    assert expected_calibration_error(scale * logits / temperature, targets) < 0.02


def test_the_best_temperature_where_the_slope_has_no_zero():
    perfect, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    assert best_temperature(perfect, targets) == 1 / 100
    assert best_temperature(perfect, 1 - targets) == 100
    assert best_temperature(perfect, targets, limit=10.0) == 1 / 10
    assert best_temperature(torch.zeros(2, 2), targets) == 100  # logits that say nothing


def test_an_impossible_class_does_not_disturb_the_best_temperature():
    logits, targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 0, 1])
    impossible = torch.cat([logits, torch.full((3, 1), -math.inf)], 1)
    for scale in (0.01, 1.0, 60.0):  # near both ends as well
        assert best_temperature(scale * logits, targets) == pytest.approx(scale / math.log(2))
    assert best_temperature(impossible, targets) == pytest.approx(1 / math.log(2))


def test_a_second_softmax_has_the_floor_the_page_speaks_of():
    """The common mistake of the MLP page: the loss of a perfect answer stays at ln(1 + 2/e)."""
    perfect = torch.tensor([[1.0, 0.0, 0.0]])
    assert F.cross_entropy(perfect, torch.tensor([0])).item() == pytest.approx(0.5514, abs=1e-4)


@pytest.mark.parametrize("measure", [calibration_bins, expected_calibration_error, best_temperature])
def test_targets_that_are_no_classes_are_refused(measure):
    with pytest.raises(ValueError, match="with 3 classes they are from 0 to 2"):
        measure(torch.zeros(2, 3), torch.tensor([0, 7]))


def test_no_temperature_is_best_for_what_diverged():
    with pytest.raises(ValueError, match="some logits are NaN"):
        best_temperature(torch.full((2, 3), float("nan")), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="some logits are NaN or ∞"):
        best_temperature(torch.tensor([[float("inf"), 0.0], [2.0, 0.0]]), torch.tensor([0, 1]))
    for limit in (-1, 0, 1, float("nan")):
        with pytest.raises(ValueError, match="limit is"):
            best_temperature(torch.zeros(2, 3), torch.tensor([0, 1]), limit)
