import pytest
import torch
from sklearn.linear_model import LogisticRegression

from hw3.train.linear import L2_GRID, Linear, fit_linear, fold_heads, fold_logits, solve
from hw3.train.losses import cross_entropy


def blobs(n, seed, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(n) % 4
    centres = 3 * torch.randn(4, 10, generator=torch.Generator().manual_seed(9))
    return centres[targets] + spread * torch.randn(n, 10, generator=generator), targets


def test_agrees_with_scikit_learn():
    features, targets = blobs(300, 0, spread=4.0)
    head = solve(features, targets, 4, l2=0.01, steps=500)
    mean, std = features.mean(0), features.std(0, correction=0)
    # scikit-learn minimizes C·sum of losses + |w|²/2, so C = 1/(n·l2)
    reference = LogisticRegression(C=1 / (300 * 0.01), max_iter=2000, tol=1e-8).fit((features - mean) / std, targets)
    expected = torch.from_numpy(reference.predict_proba((features - mean) / std)).float()
    assert torch.allclose(head(features).softmax(1), expected, atol=2e-3)
    other = solve(features, targets, 4, l2=0.01, steps=500, start=solve(features, targets, 4, l2=1.0))
    assert torch.allclose(other(features).softmax(1), expected, atol=2e-3)


def test_a_start_at_the_solution_stays_there():
    features, targets = blobs(300, 0, spread=4.0)
    features = features * torch.linspace(0.1, 10, 10) + 5  # standardization matters
    head = solve(features, targets, 4, l2=0.1, steps=500)
    again = solve(features, targets, 4, l2=0.1, steps=1, start=head)
    assert torch.allclose(again(features), head(features), atol=2e-3)
    assert not torch.allclose(solve(features, targets, 4, l2=0.1, steps=1)(features), head(features), atol=0.1)


def test_the_validation_parts_loss_chooses_the_penalty_and_every_penalty_is_kept():
    train, validation = blobs(40, 1, spread=5.0), blobs(2000, 2, spread=5.0)
    grid = (1e-4, 1.0, 1e-1)
    best = fit_linear(train, validation, 4, grid)
    assert [row["l2"] for row in best.table] == [1.0, 1e-1, 1e-4]  # from the strongest
    for row in best.table:
        logits = solve(*train, 4, row["l2"], steps=500)(validation[0])
        assert row["loss"] == pytest.approx(cross_entropy(logits, validation[1]).item(), rel=0.02)
        assert row["accuracy"] == pytest.approx((logits.argmax(1) == validation[1]).double().mean().item(), abs=0.01)
    assert best.validation["loss"] == min(row["loss"] for row in best.table)
    assert best.validation["l2"] == best.l2
    assert best.validation["loss"] == pytest.approx(cross_entropy(best(validation[0]), validation[1]).item())


def test_a_head_that_is_right_more_often_but_sure_of_its_errors_is_not_chosen():
    """The weak penalty makes a steep head: right on nine of ten, and certain on the tenth. The strong one says about
    the classes' shares of every image: right on seven."""
    targets = torch.arange(200) % 10 < 7
    features = 2.0 * targets - 1 + 0.3 * torch.randn(200, generator=torch.Generator().manual_seed(0))
    validation = torch.tensor([1.0] * 6 + [-1.0] * 3 + [-6.0])[:, None], torch.tensor([1] * 6 + [0] * 3 + [1])
    best = fit_linear((features[:, None], targets.long()), validation, 2, grid=(1e-3, 10.0))
    assert [row["accuracy"] for row in best.table] == pytest.approx([0.7, 0.9])
    assert best.l2 == 10.0


def test_of_equal_losses_the_stronger_penalty_is_chosen():
    train = torch.ones(8, 3), torch.arange(8) % 2  # constant features: every penalty gives the same head
    best = fit_linear(train, train, 2, grid=(0.1, 10.0, 1.0))
    assert len({row["loss"] for row in best.table}) == 1
    assert best.l2 == 10.0


def test_the_grid_is_five_decades():
    assert L2_GRID == (0.001, 0.01, 0.1, 1.0, 10.0)
    assert [row["l2"] for row in fit_linear(blobs(40, 1), blobs(40, 2), 4).table] == sorted(L2_GRID, reverse=True)
    assert Linear(torch.zeros(2, 3), torch.zeros(2), 1.0).table == ()


def test_a_constant_feature_does_no_harm():
    features, targets = blobs(100, 0)
    features[:, 3] = 7.0
    head = solve(features, targets, 4, 0.01)
    assert torch.isfinite(head.weight).all()
    assert torch.isfinite(head.bias).all()


def test_half_precision_features_are_computed_as_their_floats():
    features, targets = blobs(100, 0)
    head, same = solve(features.half(), targets, 4, 0.1), solve(features.half().float(), targets, 4, 0.1)
    assert torch.equal(head.weight, same.weight)
    assert torch.equal(head(features.half()), head(features.half().float()))


def test_the_number_of_threads_changes_nothing():
    features, targets = blobs(500, 0, spread=4.0)
    before = torch.get_num_threads()
    heads = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            heads.append(solve(features, targets, 4, 0.1))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)
    assert torch.equal(heads[0].weight, heads[1].weight)


def test_no_fold_has_seen_its_own_images():
    features, targets = blobs(103, 3)
    features[:, 0] = torch.arange(103.0)  # so that every image can be told
    pairs = fold_heads(features, targets, 4, l2=0.1, folds=4, seed=1)
    held = torch.cat([part for part, _ in pairs])
    assert sorted(held.tolist()) == list(range(103))
    for part, head in pairs:
        others = torch.tensor([i for i in range(103) if i not in part.tolist()])
        assert torch.equal(head.weight, solve(features[others], targets[others], 4, l2=0.1).weight)
        counts = torch.bincount(targets[part], minlength=4)
        assert counts.max() - counts.min() <= 2  # each class has its share
    logits = fold_logits(features, targets, 4, l2=0.1, folds=4, seed=1)
    assert all(torch.equal(logits[part], head(features[part])) for part, head in pairs)


def test_the_seed_deals_the_folds():
    features, targets = blobs(60, 3)
    parts = [[part.tolist() for part, _ in fold_heads(features, targets, 4, 1.0, seed=seed)] for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    assert [len(part) for part in parts[0]] == [12] * 5  # five folds by default
    assert torch.equal(fold_logits(features, targets, 4, 1.0), fold_logits(features, targets, 4, 1.0, folds=5, seed=0))


def with_one(value):
    features, targets = blobs(10, 0)
    features[2, 3] = value
    return features, targets


EMPTY = torch.zeros(0, 10), torch.zeros(0, dtype=torch.long)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fit_linear(blobs(10, 0), EMPTY, 4), "10 to train, 0 to validate, 5 penalties"),
        (lambda: fit_linear(EMPTY, blobs(10, 0), 4), "0 to train"),
        (lambda: fit_linear(blobs(10, 0), blobs(10, 0), 4, grid=()), "0 penalties"),
        (lambda: solve(*blobs(10, 0), 4, l2=0.0), "l2 is 0.0"),
        (lambda: solve(*blobs(10, 0), 4, l2=float("nan")), "l2 is nan"),
        (lambda: solve(*blobs(10, 0), 3, l2=1.0), "from 0 to 3; with 3 classes"),
        (lambda: solve(*blobs(10, 0), 4.0, l2=1.0), "classes is 4.0"),
        (lambda: solve(torch.zeros(5, 2, 2), torch.zeros(5, dtype=torch.long), 2, 1.0), r"features are \(5, 2, 2\)"),
        (lambda: solve(blobs(10, 0)[0], torch.zeros(9, dtype=torch.long), 4, 1.0), r"\(9,\); 10 features need"),
        (lambda: solve(*with_one(float("nan")), 4, 1.0), "feature 3 of image 2 is nan"),
        (lambda: fit_linear(with_one(float("inf")), blobs(10, 0), 4), "feature 3 of image 2 is inf"),
        (lambda: fit_linear(blobs(10, 0), with_one(float("nan")), 4), "feature 3 of image 2 is nan"),
        (lambda: fit_linear(blobs(10, 0), (blobs(10, 0)[0][:, :5], blobs(10, 0)[1]), 4), "10 features to train and 5"),
        (lambda: fit_linear(blobs(10, 0), (blobs(10, 0)[0], blobs(9, 0)[1]), 4), "10 validation features need"),
        (lambda: solve(*blobs(10, 0), 4, l2=1e300), "l2 is 1e\\+300; it must be positive and at most 1e\\+30"),
        (lambda: solve(*blobs(10, 0), 4, 1.0, steps=0), "steps is 0"),
        (lambda: solve(*blobs(10, 0), 4, 1.0, steps=1.5), "steps is 1.5"),
        (lambda: fold_heads(blobs(10, 0)[0], blobs(20, 0)[1], 4, 1.0), "10 features need"),
        (lambda: fold_heads(*blobs(10, 0), 4, 1.0, seed=2**70), "the seed is 1180591620717411303424"),
        (lambda: fold_heads(*blobs(10, 0), 4, 1.0, folds=1), "folds is 1; with 10 images"),
        (lambda: fold_heads(*blobs(10, 0), 4, 1.0, folds=11), "folds is 11"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
