import pytest
import torch
from sklearn.linear_model import LogisticRegression

from hw3.learn.probe import fit_probe, solve


def blobs(n, seed, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(n) % 4
    centres = 3 * torch.randn(4, 10, generator=torch.Generator().manual_seed(9))
    return centres[targets] + spread * torch.randn(n, 10, generator=generator), targets


def test_agrees_with_scikit_learn():
    features, targets = blobs(300, 0, spread=4.0)
    found = solve(features, targets, 4, l2=0.01, steps=500)
    mean, std = features.mean(0), features.std(0, correction=0)
    # scikit-learn minimizes C·sum of losses + |w|²/2, so C = 1/(n·l2)
    reference = LogisticRegression(C=1 / (300 * 0.01), max_iter=2000, tol=1e-8).fit((features - mean) / std, targets)
    expected = torch.from_numpy(reference.predict_proba((features - mean) / std)).float()
    assert torch.allclose(found(features).softmax(1), expected, atol=2e-3)
    other = solve(features, targets, 4, l2=0.01, steps=500, start=solve(features, targets, 4, l2=1.0))
    assert torch.allclose(other(features).softmax(1), expected, atol=2e-3)


def test_the_penalty_is_chosen_on_the_validation_part():
    train, validation = blobs(40, 1, spread=5.0), blobs(2000, 2, spread=5.0)
    chosen = fit_probe(train, validation, 4, grid=(1e-4, 1e-1, 1.0))
    scores = {}
    for l2 in (1e-4, 1e-1, 1.0):
        scores[l2] = (solve(*train, 4, l2)(validation[0]).argmax(1) == validation[1]).double().mean().item()
    assert scores[chosen.l2] == max(scores.values())
    assert chosen.validation_accuracy == pytest.approx(scores[chosen.l2], abs=0.01)


def test_a_constant_feature_does_no_harm():
    features, targets = blobs(100, 0)
    features[:, 3] = 7.0
    found = solve(features, targets, 4, 0.01)
    assert torch.isfinite(found.weight).all()
    assert torch.isfinite(found.bias).all()


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="0 to validate"):
        fit_probe(blobs(10, 0), (torch.zeros(0, 10), torch.zeros(0, dtype=torch.long)), 4)
