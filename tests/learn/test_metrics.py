import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from hw3.learn.metrics import score


@given(n=st.integers(1, 40), classes=st.integers(2, 5), seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_scores_agree_with_counts_by_hand(n, classes, seed):
    torch.manual_seed(seed)
    logits, targets = torch.randn(n, classes), torch.randint(0, classes, (n,))
    found = score(logits, targets)
    called = logits.argmax(1).tolist()
    pairs = list(zip(targets.tolist(), called, strict=True))
    assert found.confusion == tuple(
        tuple(sum(pair == (i, j) for pair in pairs) for j in range(classes)) for i in range(classes)
    )
    assert found.accuracy == pytest.approx(sum(a == b for a, b in pairs) / n)
    for c in range(classes):
        hits = sum(pair == (c, c) for pair in pairs)
        assert found.precision_by_class[c] == pytest.approx(hits / max(1, sum(b == c for _, b in pairs)))
        assert found.recall_by_class[c] == pytest.approx(hits / max(1, sum(a == c for a, _ in pairs)))
    assert found.precision == pytest.approx(sum(found.precision_by_class) / classes)
    assert found.loss == pytest.approx(-F.log_softmax(logits, 1)[range(n), targets].mean().item(), rel=1e-5)


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="0 logits and 0 targets"):
        score(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))


def test_a_second_softmax_has_the_floor_the_page_speaks_of():
    """The common mistake of the MLP page: the loss of a perfect answer stays at ln(1 + 2/e)."""
    perfect = torch.tensor([[1.0, 0.0, 0.0]])
    assert F.cross_entropy(perfect, torch.tensor([0])).item() == pytest.approx(0.5514, abs=1e-4)
