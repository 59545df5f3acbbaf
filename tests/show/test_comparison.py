from math import isnan, nan, sqrt

import pytest
import torch
from scipy import stats

from hw3.show.comparison import (
    between,
    compare,
    compare_logits,
    contrast,
    contrast_logits,
    paired,
    sentence,
    sentences,
    summaries,
    summary,
)

BETTER, WORSE = [0.95, 0.952, 0.948], [0.80, 0.803, 0.797]
BROKEN = float("nan") * torch.ones(600, 3)


def words(c, quantity="test accuracy"):
    return sentence(c, "CNN", "MLP", quantity)


def test_a_better_arm_is_called_higher(make_arm, targets):
    c = compare(make_arm("cnn", BETTER), make_arm("mlp", WORSE), targets)
    assert (c.sign, c.word) == (1, "higher")
    assert words(c).startswith(
        "The test accuracy of the CNN is higher than that of the MLP: +15.00 points (95% interval +"
    )
    assert words(c).endswith("over three paired seeds and the test images).")


def test_a_worse_arm_is_called_lower(make_arm, targets):
    c = compare(make_arm("cnn", WORSE), make_arm("mlp", BETTER), targets)
    assert (c.sign, c.word) == (-1, "lower")
    assert "is lower than that of the MLP: −15.00 points" in words(c)


def test_losses_are_told_in_nats_and_lower_means_lower(make_arm, targets):
    c = compare(make_arm("cnn", BETTER), make_arm("mlp", WORSE), targets, "loss")
    assert (c.sign, c.unit) == (-1, "nats")
    assert "The test loss of the CNN is lower" in words(c, "test loss")
    assert " nats (95% interval −" in words(c, "test loss")
    assert "points" not in words(c, "test loss")


def test_what_is_not_shown_is_no_equality_and_names_the_smallest_visible_difference(make_arm, targets):
    c = compare(make_arm("cnn", [0.90, 0.93, 0.91]), make_arm("mlp", [0.91, 0.91, 0.92]), targets)
    assert (c.sign, c.word) == (0, "not shown")
    text = words(c)
    assert f"higher or lower than that of the MLP is not shown: {c.amount(c.difference)} points (95% interval" in text
    assert f"{c.interval}; of three seeds one higher, two lower)" in text
    assert f"To count as shown it would have to reach {100 * c.visible:.2f} points." in text
    assert "no difference" not in text


def test_seeds_that_all_agree_are_said_to_agree_though_the_interval_holds_zero(make_arm, targets):
    c = compare(make_arm("cnn", [0.90, 0.90, 0.90]), make_arm("mlp", [0.902, 0.92, 0.938]), targets)
    assert c.sign == 0
    assert all(d < 0 for d in c.by_seed)
    assert "; lower in all three seeds)" in words(c)
    both = paired([0.9, 0.9], [0.91, 0.95])
    assert "; lower in both seeds)" in words(both)


def test_one_seed_gives_no_verdict(make_arm, targets):
    c = compare(make_arm("cnn", [0.95]), make_arm("mlp", [0.80]), targets)
    assert (c.sign, c.word) == (0, "one seed")
    assert c.sign_by_images == 1
    assert compare(make_arm("m", [0.80]), make_arm("c", [0.95]), targets).sign_by_images == -1
    assert compare(make_arm("guess", [0.33]), make_arm("d", [0.95]), targets).sign_by_images == 0  # no verdict
    assert isnan(c.visible)
    half = f", ± {100 * c.over_images:.2f} points for the choice of test images"
    assert words(c).startswith(
        "On these test images the test accuracy of the CNN is higher than that of the MLP: +15.00"
    )
    assert f"points{half}. That is one seed; how far another moves it is not known." in words(c)
    near = compare(make_arm("near", [0.801]), make_arm("to", [0.80]), targets)
    assert near.sign_by_images == 0
    assert words(near).startswith("One seed cannot tell the test accuracy of the CNN from that of the MLP")
    assert "+5.00 points here, and how far" in words(paired([0.9], [0.85]))
    assert "nan" not in words(c) + c.measured + c.interval + c._repr_markdown_()


def test_a_seed_at_chance_level_is_named_and_there_is_no_verdict(make_arm, targets):
    c = compare(make_arm("cnn", BETTER), make_arm("mlp", [0.93, 0.33, 0.94]), targets)
    assert (c.sign, c.word) == (0, "diverged")
    assert words(c).startswith("There is no verdict on the test accuracy: the MLP stayed at chance level with seed 1.")
    assert f"{100 * c.by_seed[1]:+.2f}" in words(c)


def test_numbers_that_are_not_finite_are_named(make_arm, targets):
    c = compare(make_arm("cnn", [0.95, BROKEN, 0.94]), make_arm("mlp", WORSE), targets, "loss")
    assert c.word == "diverged"
    assert "the CNN gave numbers that are not finite with seed 1" in words(c, "test loss")
    assert "nan" not in words(c, "test loss")
    both = compare(make_arm("a", [0.3, BROKEN]), make_arm("b", [0.3, 0.9]), targets)
    two = compare(make_arm("c", [0.3, 0.9, 0.3]), make_arm("d", WORSE), targets)
    assert "the CNN stayed at chance level with seeds 0, 2." in words(two)
    told = "the CNN stayed at chance level with seed 0 and gave numbers that are not finite with seed 1 and the MLP"
    assert told in words(both)


def test_three_equal_differences_are_judged_by_the_images(logits_of, targets):
    first, second = [logits_of(0.95, s) for s in range(3)], [logits_of(0.80, s) for s in range(3)]
    c = compare_logits(first, second, targets)
    assert c.over_seeds == 0
    assert c.sign == 1
    close = compare_logits([logits_of(0.95)] * 3, [logits_of(0.94, 1)] * 3, targets)
    assert close.over_seeds == 0
    assert close.sign == 0


def test_targets_and_arms_that_do_not_fit_are_named(logits_of, targets):
    arm = [logits_of(0.95), logits_of(0.95, 1)]
    for wrong in (targets[:1], targets[:, None], targets + 7):
        with pytest.raises(ValueError, match="targets are"):
            compare_logits(arm, arm, wrong)
    with pytest.raises(ValueError, match="the arms have 2, 2, 2, 1 networks"):
        contrast_logits((arm, arm), (arm, arm[:1]), targets)


def test_what_is_no_share_is_named():
    with pytest.raises(ValueError, match="an accuracy is 90; it must be a share"):
        paired([90, 80], [70, 65])
    for tests in (0, -5, 2.5):
        with pytest.raises(ValueError, match=f"tests is {tests}"):
            paired([0.9], [0.8], tests)


def test_each_network_needs_its_seed(logits_of, targets):
    arm = [logits_of(0.95), logits_of(0.95, 1)]
    with pytest.raises(ValueError, match="2 networks in an arm and 1 seeds"):
        compare_logits(arm, arm, targets, seeds=[3])


def test_equal_differences_without_images_prove_nothing():
    c = paired([0.75, 0.875], [0.5, 0.625])
    assert c.sign == 0
    assert "+25.00 points in every seed" in words(c)
    assert "no verdict" in words(c)
    assert paired([0.1, 0.1, 0.1], [0.0, 0.0, 0.0]).sign == 0  # equal but for roundings
    assert "+0.00 points in every seed" in words(paired([0.5, 0.6], [0.5, 0.6]))


def test_seeds_and_images_are_added_in_quadrature(make_arm, targets):
    cnn, mlp = make_arm("cnn", BETTER), make_arm("mlp", WORSE)
    c = compare(cnn, mlp, targets)
    seeds = stats.ttest_rel([r.test.accuracy for r in cnn], [r.test.accuracy for r in mlp]).confidence_interval(0.95)
    right = [sum((r.logits.argmax(1) == targets).double() for r in arm) / 3 for arm in (cnn, mlp)]
    images = stats.ttest_rel(*right).confidence_interval(0.95)
    halves = [(i.high - i.low) / 2 for i in (seeds, images)]
    assert (c.over_seeds, c.over_images) == pytest.approx(halves)
    assert c.visible == pytest.approx(sqrt(halves[0] ** 2 + halves[1] ** 2))
    assert (c.low, c.high) == pytest.approx((c.difference - c.visible, c.difference + c.visible))


def test_pairing_is_by_seed():
    assert paired([0.2, 0.5, 0.9], [0.1, 0.4, 0.79]).sign == 1  # far apart between seeds, equal within


def test_a_number_of_test_images_widens_the_interval_of_plain_numbers():
    assert paired([0.90, 0.91, 0.92], [0.88, 0.892, 0.90]).sign == 1
    assert paired([0.90, 0.91, 0.92], [0.88, 0.892, 0.90], tests=500).sign == 0


def test_plain_numbers_that_are_not_finite_give_no_verdict():
    c = paired([nan, 0.9], [0.8, 0.8])
    assert c.word == "diverged"
    assert "the CNN has a value that is not finite" in words(c)
    assert "nan" not in words(c)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"capability": "AVX512"}, "processors"),
        ({"seeds": [0, 1, 3]}, "seeds"),
        (
            {
                "what": {
                    "training": {"precision": "bf16-mixed"},
                    "data": {"digest": "d" * 40},
                    "split": {"digest": "s" * 40},
                }
            },
            "precision",
        ),
        (
            {"what": {"training": {"precision": "32-true"}, "data": {"digest": "e"}, "split": {"digest": "s" * 40}}},
            "data",
        ),
        (
            {"what": {"training": {"precision": "32-true"}, "data": {"digest": "d" * 40}, "split": {"digest": "t"}}},
            "parts",
        ),
    ],
)
def test_arms_of_other_conditions_are_refused_by_name(make_arm, targets, change, name):
    with pytest.raises(ValueError, match=f"differ in {name}: cnn has .*, mlp has"):
        compare(make_arm("cnn", BETTER), make_arm("mlp", WORSE, **change), targets)


def test_what_cannot_be_paired_is_refused(make_arm, targets, logits_of):
    with pytest.raises(ValueError, match="no runs"):
        compare([], make_arm("mlp", WORSE), targets)
    with pytest.raises(ValueError, match="1 and 0 networks"):
        compare_logits([logits_of(0.9)], [], targets)
    with pytest.raises(ValueError, match="2 and 1 values"):
        paired([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="'recall'; it must be accuracy or loss"):
        compare(make_arm("cnn", BETTER), make_arm("other", WORSE), targets, "recall")


def test_a_contrast_is_the_difference_of_two_gains(make_arm, targets):
    a, b, c, d = (
        make_arm(n, v) for n, v in (("a", BETTER), ("b", WORSE), ("c", [0.9, 0.9, 0.9]), ("d", [0.88, 0.88, 0.88]))
    )
    shape = contrast((a, b), (c, d), targets)
    assert shape.difference == pytest.approx(0.15 - 0.02)
    assert shape.sign == 1
    assert contrast((c, d), (a, b), targets).sign == -1
    assert contrast((a, b), (c, make_arm("e", [0.33, 0.9, 0.9])), targets).word == "diverged"


def test_a_contrast_of_logits_is_that_of_their_runs(make_arm, targets):
    a, b, c, d = (make_arm(n, v) for n, v in (("a", BETTER), ("b", WORSE), ("c", [0.9] * 3), ("d", [0.33, 0.88, 0.88])))
    logits = [[[r.logits for r in arm] for arm in pair] for pair in ((a, b), (c, d))]
    assert contrast_logits(*logits, targets) == contrast((a, b), (c, d), targets)
    assert contrast_logits(*logits, targets).failed == ("", "stayed at chance level with seed 0")
    turned = contrast_logits(logits[0], logits[1][::-1], targets)
    assert turned.failed == ("", "stayed at chance level with seed 0")  # the third of four arms is the second gain's
    assert "with seed 7" in contrast_logits(*logits, targets, seeds=[7, 8, 9]).failed[1]


def test_pairs_have_names_a_table_and_sentences(make_arm, targets):
    named = {"a": make_arm("a", BETTER), "b": make_arm("b", WORSE)}
    comparisons = between(named, [("a", "b"), ("b", "a")], targets)
    assert list(comparisons) == ["a − b", "b − a"]
    shown = summary(comparisons)
    assert [row[-1] for row in shown.rows] == ["higher", "lower"]
    assert shown.rows[0][1] == "+15.00"
    told = sentences(comparisons, arm="net {}")
    assert told["verdict0"].startswith("The test accuracy of the net a is higher than that of the net b")
    assert told["verdict1"].startswith("The test accuracy of the net b is lower")


def test_pairs_are_compared_over_the_seeds_that_both_arms_have(make_arm, targets):
    named = {"a": make_arm("a", [0.9, 0.8, 0.7], seeds=[0, 1, 2]), "b": make_arm("b", [0.6, 0.65], seeds=[1, 2])}
    (c,) = between(named, [("a", "b")], targets).values()
    assert c.by_seed == pytest.approx((0.2, 0.05))


def test_two_measures_stand_beside_each_other_with_the_smallest_visible_difference(make_arm, targets):
    named = {"a": make_arm("a", BETTER), "b": make_arm("b", WORSE)}
    points, nats = (between(named, [("a", "b")], targets, measure) for measure in ("accuracy", "loss"))
    (row,) = summaries(points, nats).rows
    c, loss = points["a − b"], nats["a − b"]
    assert row[:3] == ("a − b", f"+15.00 ± {100 * c.visible:.2f}", "higher")
    assert row[3:] == (f"−{-loss.difference:.3f} ± {loss.visible:.3f}", "lower")
    single = {"a − b": compare(named["a"][:1], named["b"][:1], targets)}
    assert summaries(single, single).rows[0][1:3] == (single["a − b"].amount(single["a − b"].difference), "one seed")


def test_an_arm_that_is_not_there_is_named(make_arm, targets):
    with pytest.raises(ValueError, match="there is no arm 'c'; there are a, b"):
        between({"a": make_arm("a", [0.9]), "b": make_arm("b", [0.8])}, [("a", "c")], targets)
    with pytest.raises(ValueError, match="no comparison to sum up"):
        summary({})
