from dataclasses import replace
from math import nan
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hw3.data.images import ImageSet, Source, Split
from hw3.nets.resnet import STEMS
from hw3.show import verdicts
from hw3.show.comparison import Comparison
from hw3.studies.linear_tuning import Tuned
from hw3.studies.profiles import PROFILES
from hw3.studies.replay import Replay
from hw3.studies.search import Searched, Trials
from hw3.studies.shown import Shown
from hw3.train.metrics import score

GOOD, POOR, NEAR = [0.95, 0.952, 0.948], [0.80, 0.803, 0.797], [0.94, 0.96, 0.95]


def comparison(difference, reach=0.01, measure="accuracy", failed=("", "")):
    return Comparison(difference, reach, 0.0, (difference, difference), measure, failed=failed)


UP, DOWN, NONE = comparison(0.05), comparison(-0.05), comparison(0.001)
DIVERGED = comparison(0.05, failed=("stayed at chance level with seed 0", ""))
ONE_SEED = comparison(0.05, reach=float("nan"))


def image_set(images):
    labels = torch.arange(len(images)) % 2
    return ImageSet("toys", images, labels, ("a", "b"), tuple(map(str, range(len(images)))), Source("folder", "a toy"))


PARTS = Split(torch.arange(6), torch.tensor([6]), torch.arange(7, 10))
APART = np.arange(10)  # nothing has a twin


def ten_images():
    return torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 3, 2, 2).clone()


def told_of_photographs(images, groups=APART, nearest=(1, 0, 0)):
    return verdicts.photographs(image_set(images), PARTS, groups, torch.tensor(nearest))


def test_photographs_counts_parts_and_copies():
    images = ten_images()
    words = told_of_photographs(images)
    assert (words["total"], words["train"], words["validation"], words["test"]) == ("10", "6", "1", "3")
    assert words["test_share"] == "30.0%"
    assert words["copies"] == "No image is an exact copy of another one."
    images[1] = images[0]
    assert told_of_photographs(images)["copies"].startswith("One image is an exact copy")
    images[2] = images[0]
    assert told_of_photographs(images)["copies"].startswith("2 images are exact copies")
    images[9] = images[0]
    with pytest.raises(RuntimeError, match="toys: copies of an image lie in two parts"):
        told_of_photographs(images)


def test_twins_are_counted_and_must_lie_on_one_side():
    images = ten_images()
    assert told_of_photographs(images)["twins"] == "No image has a twin."
    twins = told_of_photographs(images, np.array([0, 0, 0, 1, 1, 2, 3, 4, 5, 6]))["twins"]
    assert twins.startswith("5 of the 10 images (50.0%) have a twin")
    assert twins.endswith("the largest group has 3.")
    assert "only exact copies" in told_of_photographs(images, None)["twins"]
    with pytest.raises(RuntimeError, match="toys: twins lie in two parts"):
        told_of_photographs(images, np.array([0, 1, 2, 3, 4, 5, 0, 6, 7, 8]))


def test_the_nearest_training_image_is_a_classifier_with_an_accuracy():
    assert told_of_photographs(ten_images(), nearest=(1, 0, 0))["nearest"] == "66.7%"  # the labels are 1, 0, 1


def told_of_the_mlp(make_arm, targets, dropped, late=GOOD, long=POOR):
    arms = {"MLP": POOR, "MLP with dropout": dropped, "long MLP": long, "long MLP with dropout": late}
    named = {name: make_arm(name, values, parameters=1000) for name, values in arms.items()}
    pairs = [("MLP with dropout", "MLP"), ("long MLP with dropout", "long MLP")]
    by_measure = (verdicts.between(named, pairs, targets, measure) for measure in ("accuracy", "loss"))
    return verdicts.mlp(named, *by_measure, 0.9)


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        (GOOD, "accuracy of the MLP with dropout is higher than that of the MLP: +15.00 points"),
        ([0.6, 0.603, 0.597], "accuracy of the MLP with dropout is lower"),
        ([0.79, 0.81, 0.80], "is not shown"),
        ([0.33, 0.81, 0.80], "the MLP with dropout stayed at chance level with seed 0"),
    ],
)
def test_the_mlps_verdict_follows_the_numbers(make_arm, targets, dropped, words):
    told = told_of_the_mlp(make_arm, targets, dropped)
    assert words in told["verdict0"]
    assert told["first_share"] == "90.0%"
    assert told["parameters"] == "1,000"
    assert told["precision"] == "32-bit floats"
    assert told["accuracy"].startswith("80.0% (79.")
    assert told["rise"] == "+0.00"


@pytest.mark.parametrize(
    ("late", "long", "words"),
    [
        (GOOD, POOR, "There dropout helps."),
        ([0.6, 0.603, 0.597], POOR, "Even there dropout names fewer photographs right."),
        ([0.79, 0.81, 0.80], POOR, "Whether dropout helps there is not shown."),
        ([0.97, 0.968, 0.972], [0.969, 0.971, 0.97], "there is little for dropout to gain"),  # trained: 97 %
    ],
)
def test_whether_dropout_helps_is_said_of_the_long_trainings(make_arm, targets, late, long, words):
    told = told_of_the_mlp(make_arm, targets, POOR, late, long)
    assert words in told["helps"]
    assert "test loss of the long MLP with dropout" in told["loss_verdict"]


def test_whether_the_training_was_long_enough_is_counted(make_arm):
    assert verdicts.last_epochs(make_arm("a", NEAR, best_epoch=2)).startswith("In no run")
    assert verdicts.last_epochs(make_arm("b", NEAR, best_epoch=3)).startswith(
        "In every run the last epoch was the best"
    )
    mixed = make_arm("c", [0.9], best_epoch=3) + make_arm("d", [0.9], best_epoch=1)
    assert verdicts.last_epochs(mixed).startswith("In one of two runs")


@pytest.mark.parametrize(
    ("accuracy", "words"), [(0.80, "17.0 points above"), (0.99, "2.0 points below"), (0.97, "nearly equal")]
)
def test_the_gap_between_training_and_test_images_has_a_side(make_arm, accuracy, words):
    assert words in verdicts.fit_gap(make_arm("a", [accuracy]))  # made-up training accuracy: 97 %


def test_the_most_frequent_mistake_is_named(make_arm, logits_of):
    assert verdicts.confused(make_arm("a", [logits_of(1.0)])) == "no test image was called wrong"
    logits = logits_of(1.0)
    logits[:30:3] = torch.tensor([0.0, 0.0, 4.0])  # ten boots are called shoes
    assert (
        verdicts.confused(make_arm("b", [logits]))
        == "the most frequent mistake is to call Boot Shoe: 5.0% of the images of Boot"
    )


@pytest.mark.parametrize(
    ("cnn", "moved", "factor", "cause", "work"),
    [
        (GOOD, UP, 60, "Moving the test photographs does cost it less", "which costs 60.0 times the multiplications"),
        (GOOD, NONE, 60, "costs it less is not shown", "which costs"),
        (GOOD, DIVERGED, 60, "costs it less is not shown", "which costs"),
        (GOOD, DOWN, 60, "does not support that reason", "which costs"),
        ([0.6, 0.603, 0.597], UP, 1, "did not pay", "about as many"),
        ([0.79, 0.81, 0.80], UP, 0.5, "do not show that the convolution pays", "needs 50% of the multiplications"),
        ([0.33, 0.95, 0.95], DOWN, 60, "do not show that the convolution pays", "which costs"),
    ],
)
def test_the_cnns_cause_and_work_are_claimed_only_where_they_are(make_arm, targets, cnn, moved, factor, cause, work):
    arms = (make_arm("cnn", cnn, multiplications=int(5000 * factor)), make_arm("mlp", POOR))
    named = dict(zip(("CNN", "MLP"), arms, strict=True))
    by_measure = (verdicts.between(named, [("CNN", "MLP")], targets, measure) for measure in ("accuracy", "loss"))
    told = verdicts.cnn(named, *by_measure, moved, {"CNN": 0.021, "MLP": 0.3})
    assert cause in told["cause"]
    assert work in told["work"]
    assert told["verdict"] == told["verdict0"]
    assert "test loss of the CNN" in told["loss_verdict"] or "no verdict on the test loss" in told["loss_verdict"]
    assert told["convolution_share"] == "50.0%"
    assert told["seconds"] == "3.3 s for the CNN and 3.3 s for the MLP"
    assert told["moved"].startswith("It costs the CNN 2.1 points and the MLP 30.0 points. ")
    steady = {1: "costs the CNN less (+5.00", -1: "costs the CNN more (−5.00", 0: "costs less is not shown"}
    assert steady[moved.sign] in told["moved"]


def test_errors_are_told_of_the_most_and_the_least_alike_quarter(targets, logits_of):
    likeness, wrong = torch.linspace(0, 1, 8), torch.tensor([1.0, 0.5, 0, 0, 0, 0, 0, 0.5])
    told = verdicts.alike(likeness, {"CNN": wrong}, UP)
    assert told["quarters"] == "On the most alike and the least alike quarter the CNN errs on 25.0% and 75.0%."
    assert told["nearest"].startswith("The test accuracy of the nearest training image is higher than that of the MLP")


@pytest.mark.parametrize(
    ("near", "far", "words"),
    [
        (0.5, 0.2, "says 2.5 times as much"),
        (0.2, 0.5, "say no less about a pixel"),
        (0.3, -0.01, "say hardly anything"),
        (0.001, -0.1, "neither of them says much"),
    ],
)
def test_what_rings_tell_is_compared_only_where_both_tell_something(make_arm, near, far, words):
    told = verdicts.dropblock({"no regularizer": make_arm("a", NEAR)}, {"a − b": UP}, 0.5, near, far, {"dropout": 0.0})
    assert words in told["ring"]
    assert "-" not in told["far"]


@pytest.mark.parametrize(
    ("correlation", "words"),
    [(0.95, "nearly the same"), (0.47, "far from the same"), (0.2, "little alike"), (-0.3, "not alike")],
)
def test_likeness_follows_the_correlation(make_arm, correlation, words):
    told = verdicts.dropblock(
        {"none": make_arm("a", [0.99])}, {"DropBlock − dropout": DOWN}, correlation, 0.5, 0.2, {"dropout": 0.01}
    )
    assert words in told["likeness"]
    assert told["verdict0"].startswith(
        "The test accuracy of the CNN with DropBlock is lower than that of the CNN with dropout"
    )
    assert told["blind_dropout"] == "1.00%"
    assert "meant to raise" not in told["gap"]  # there is none


def test_a_gap_is_what_a_regularizer_is_for(make_arm):
    told = verdicts.dropblock({"none": make_arm("a", [0.8])}, {"a − b": UP}, 0.5, 0.5, 0.2, {})
    assert told["gap"].endswith(
        "A regularizer is meant to raise the test accuracy, even if the training accuracy falls."
    )


def energies(mean):
    return mean + 0.01 * torch.randn(400, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("trained", "words"), [(0.9, "closer to"), (0.5, "further from"), (0.75, "about as close to")])
def test_ranks_are_compared_with_their_error(make_arm, trained, words):
    named = {
        "square": make_arm("square", NEAR),
        "narrow": make_arm("narrow", NEAR, parameters=500, multiplications=5000),
    }
    told = verdicts.factorization(
        named, {"narrow − square": NONE, "a − b": UP, "c − b": DOWN}, energies(trained), energies(0.75)
    )
    assert told["closer"].startswith(words)
    assert told["saved0"] == "50% fewer"
    assert told["work0"] == "as many"
    assert "CNN (narrow)" in told["verdict0"]
    assert told["relu"].startswith("as in the paper (+5.00 points")
    assert told["late"].startswith("here it is the other way round (−5.00 points")


@pytest.mark.parametrize(("seconds", "warned"), [(5.0, False), (12.0, True)])
def test_fewer_multiplications_are_said_not_to_help_only_where_they_did_not(make_arm, seconds, warned):
    named = {
        "square": make_arm("a", NEAR),
        "narrow": make_arm("b", NEAR, multiplications=2000, seconds=seconds, parameters=1100),
    }
    told = verdicts.factorization(named, {"narrow − square": NONE, "a − b": NONE}, energies(0.8), energies(0.75))
    assert ("need not mean less time" in told["time"]) == warned
    assert told["relu"].startswith("which side is right here is not shown (+0.10 points")
    assert told["saved0"] == "10% more"


def tuned(accuracies, resolution=64, tests=2000, images=1000):
    """The wrong images are the first ones, so where they are fewer they are some of the others'."""
    targets = torch.arange(tests) % 2
    logits = torch.eye(2)[targets].repeat(len(accuracies), 1, 1)
    for z, accuracy in zip(logits, accuracies, strict=True):
        z[: round((1 - accuracy) * tests)] = z[: round((1 - accuracy) * tests)].flip(1)
    scores = tuple(score(z, targets) for z in logits)
    same = [(value,) * len(accuracies) for value in (0.99, 0.1)]
    return Tuned(resolution, True, images, scores, *same, logits, targets)


def test_linear_tuning_speaks_of_every_resolution():
    with_it = [tuned([0.901, 0.9, 0.902], 32), tuned([0.8, 0.801, 0.802], 64), tuned([0.9, 0.901, 0.902], 96)]
    without = [tuned([0.8, 0.801, 0.802], 32), tuned([0.9, 0.901, 0.902], 64), tuned([0.9, 0.902, 0.903], 96)]
    told = verdicts.linear_tuning(tuned([0.84, 0.835, 0.843]), with_it, without)
    assert told["normalization"] == (
        "It raises the accuracy at 32 px. It lowers the accuracy at 64 px. Whether it helps is not shown at 96 px."
    )
    assert told["accuracy"] == "83.9% (83.5 to 84.3%)"
    assert told["error"] == "1.6"
    assert "network at 96 px is higher or lower than that of the one at 32 px is not shown" in told["scaling"]
    assert told["tests"] == "2,000"


def test_a_difference_within_the_error_of_the_test_images_is_not_shown():
    better, worse = tuned([0.80] * 3, tests=500), tuned([0.78] * 3, tests=500)
    assert (
        verdicts.normalization([better], [worse])["64 px"].sign == 1
    )  # on the same images: 10 less of the same errors
    order = torch.randperm(500, generator=torch.Generator().manual_seed(0))
    order = torch.cat([order[order % 2 == parity] for parity in (0, 1)]).view(2, -1).T.flatten()  # labels stay
    others = replace(worse, logits=worse.logits[:, order])
    assert others.accuracies == worse.accuracies
    assert verdicts.normalization([better], [others])["64 px"].sign == 0


def test_pretraining_is_compared_with_random_weights():
    told = verdicts.pretraining(tuned([0.9, 0.91]), tuned([0.5, 0.51], tests=500))
    assert "of the pretrained network is higher than that of the random one" in told["pretraining"]
    assert told["probe_tests"] == "500"


def searched(*losses):
    return Searched(tuple(Trials(0.5, float(t), loss, (0.3, 0.3)) for t, loss in enumerate(losses, start=1)))


def students(make_arm, taught=GOOD, smoothed=POOR):
    return {"alone": make_arm("alone", POOR), "taught": make_arm("taught", taught), "smooth": make_arm("s", smoothed)}


@pytest.mark.parametrize(
    ("taught", "why", "gain"),
    [
        (GOOD, "show a gain from all of that together", "is higher than"),
        ([0.6, 0.603, 0.597], "Together that did harm here", "is lower than"),
        ([0.79, 0.81, 0.80], "Whether there is a difference is not shown", "is not shown"),
        ([0.33, 0.81, 0.80], "Whether there is a difference is not shown", "no verdict"),
    ],
)
def test_the_students_explanation_fits_what_was_shown(make_arm, targets, logits_of, taught, why, gain):
    teacher = score(logits_of(0.9), targets), torch.tensor([0.75, 0.5])
    told = verdicts.student(students(make_arm, taught), targets, *teacher)
    assert why in told["why"]
    assert gain in told["gain"]
    assert (told["fits"], told["unshifted"], told["teacher"]) == ("62.5%", "75.0%", "90.0%")


@pytest.mark.parametrize(("record", "source"), [("distillation", "recorded"), (None, "solved for by this build")])
def test_the_teacher_is_told_with_the_images_that_it_learned_from(make_arm, targets, logits_of, record, source):
    what = {"split": {"train": 45_000, "test": 600}, "teacher": {"resolution": 96}}
    arm = [replace(run, what=run.what | what) for run in make_arm("taught", GOOD)]
    told = verdicts.teacher(
        Shown({"taught": arm}, targets, targets, record), score(logits_of(0.9), targets), torch.tensor([0.75, 0.5])
    )
    assert (told["teacher_images"], told["teacher_tests"], told["teacher_resolution"]) == ("45,000", "600", "96")
    assert (told["teacher_accuracy"], told["teacher_fits"], told["teacher_source"]) == ("90.0%", "75.0%", source)


@pytest.mark.parametrize(("right", "words"), [(0.99, "would gain"), (0.8, "not be shown"), (0.5, "would lose")])
def test_the_teacher_is_held_against_the_student_that_never_met_it(make_arm, targets, logits_of, right, words):
    ahead = verdicts.teacher_over(logits_of(right, seed=9), make_arm("alone", POOR), targets)
    told = verdicts.beside_teacher(ahead)
    assert words in told["ahead"]


@pytest.mark.parametrize(
    ("studies", "told"),
    [
        ([(UP, UP), (DOWN, DOWN)], True),
        ([(DOWN, DOWN), (UP, UP)], True),
        ([(UP, UP), (UP, UP)], False),
        ([(UP, UP), (DOWN, UP)], False),
        ([(UP, UP), (DOWN, NONE)], False),
        ([(UP, NONE), (DOWN, DOWN)], False),
        ([(NONE, UP), (DOWN, DOWN)], False),
        ([(UP, DIVERGED), (DOWN, DOWN)], False),
    ],
)
def test_students_of_two_studies_follow_their_teachers_or_nothing_is_said(studies, told):
    assert ("moves towards its teacher" in verdicts.both_sizes(studies)["both_sizes"]) is told


@pytest.mark.parametrize(("recorded", "words"), [(True, "before the first run"), (False, "this build's search")])
def test_the_settings_of_students_with_few_labels_are_those_of_the_runs(make_arm, recorded, words):
    arms = [
        [
            replace(run, what=run.what | {"task": {"alpha": alpha, "temperature": tau}})
            for run in make_arm(f"taught {tau}", GOOD)
        ]
        for alpha, tau in ((1.0, 2.0), (0.5, 4.0))
    ]
    told = verdicts.labels_setting(arms, recorded)["labels_setting"]
    assert "The temperature is 2; " in told
    assert "α = 0.5 and τ = 4" in told
    assert words in told


def test_every_stem_has_its_words():
    assert set(verdicts.STEMS) == set(STEMS)


def test_losses_are_compared_at_each_runs_best_temperature(make_arm, targets, logits_of):
    right = [[0.8, 0.81, 0.79], [0.7, 0.71, 0.69]]
    sure = {"taught": 20.0, "alone": 4.0}  # the better student is so sure that its loss is higher as it is
    arms = {}
    for (name, sureness), shares in zip(sure.items(), right, strict=True):
        arms[name] = make_arm(name, [logits_of(share, seed, sureness) for seed, share in enumerate(shares)])
        for seed, result in enumerate(arms[name]):
            kept = {"test": result.logits, "validation": logits_of(shares[seed], 9 + seed, sureness)}
            torch.save(kept, result.folder / "best.pt")
    as_they_are = verdicts.compare(arms["taught"], arms["alone"], targets, "loss")
    assert as_they_are.sign == 1
    shown = Shown(arms, targets, targets)
    told = verdicts.calibrated(shown, arms["alone"], arms["taught"])["calibrated"]
    assert "test loss at each run's best temperature of the distilled student is lower" in told


def test_agreement_with_the_teacher_is_counted_on_all_images_and_on_its_mistakes(make_arm, targets, logits_of):
    teacher = logits_of(0.5, seed=9)
    alone = make_arm("alone", [logits_of(0.9, seed) for seed in range(3)])
    near = [torch.where((torch.arange(600) % 20 < 19)[:, None], teacher, logits_of(0.9, seed)) for seed in range(3)]
    told = verdicts.agreement(alone, make_arm("taught", near), teacher, targets)
    assert "agreement with the teacher of the distilled student is higher" in told["agreement"]
    assert "images that the teacher gets wrong of the distilled student is higher" in told["repeated"]
    assert "gets no test image wrong" in verdicts.agreement(alone, alone, logits_of(1.0), targets)["repeated"]


@pytest.mark.parametrize(
    ("taught", "smoothed", "words"),
    [
        (GOOD, POOR, "does less than this teacher, so softness of that amount does not explain the gain"),
        (POOR, [0.6, 0.603, 0.597], "does less than this teacher, which does not show that the teacher helps"),
        (GOOD, NEAR, "cannot be told from this teacher"),
        (GOOD, [0.99, 0.99, 0.991], "does more than this teacher"),
        (GOOD, [0.33, 0.9, 0.9], "allows no verdict"),
    ],
)
def test_mere_softness_is_the_control(make_arm, targets, logits_of, taught, smoothed, words):
    teacher = score(logits_of(0.9), targets), torch.tensor([0.75, 0.5])
    told = verdicts.student(students(make_arm, taught, smoothed), targets, *teacher)
    assert words in told["smoothing"]


def test_settings_that_the_search_cannot_tell_apart_are_counted(make_arm):
    tried = searched((1.0, 1.1), (1.05, 1.06), (1.5, 1.6))
    runs = make_arm("trial", [0.5, 0.5])
    runs = [replace(run, what=run.what | {"split": {"train": 10_000, "validation": 2_500}}) for run in runs]
    runs = [replace(run, what=run.what | {"network": {"stem": "imagenet"}}) for run in runs]
    told = verdicts.searched(tried, runs, True, (0.5, 3.0))
    assert told["alike"].startswith("Two settings, it among them, lie within one standard error of it")
    assert told["settings"] == "3"
    assert (
        told["searched"]
        == "recorded (10,000 images, stem “7 × 7, pooled”, 3 epochs, 2 seeds, 2,500 images judge, made up)"
    )
    assert told["by_accuracy"] == "It is the best by accuracy too."
    surer = replace(tried.trials[1], accuracies=(0.4, 0.5))
    told = verdicts.searched(Searched((tried.trials[0], surer, tried.trials[2])), runs, True, (0.5, 3.0))
    assert told["by_accuracy"] == (
        "By accuracy the best is α = 0.5, τ = 2 with 45.0% at 1.055 nats; with the setting of the students below 30.0% "
        "at 1.550 nats. So it matters which measure chooses."
    )
    alone = tuple(Trials(0.0, tau, (0.9, 0.9), (0.3, 0.3)) for tau in (1.0, 2.0))  # one setting: τ means nothing
    told = verdicts.searched(Searched(tried.trials + alone), runs, False, (0.9, 4.0))
    alone = tuple(replace(trial, accuracies=(0.2, 0.2)) for trial in alone)
    others = (tried.trials[0], surer, *alone)
    told_again = verdicts.searched(Searched(others), runs, False, (0.9, 4.0))
    assert "; without a teacher it is 20.0% at 0.900 nats. So" in told_again["by_accuracy"]
    assert (told["settings"], told["lowest"]) == ("4", "α = 0, no teacher")
    assert told["alike"].startswith("No other setting is within one standard error")
    assert told["searched"].startswith("this build’s own (")


def test_what_was_replayed_is_told():
    again = Replay("shoes/cnn", 3, 60, 0.0, 0.0, equal=True, alike=True, changed=False)
    assert verdicts.replayed(again).endswith(
        "shoes/cnn, seed 3, 60 steps in float32. Every loss is the same to the last bit."
    )
    near = replace(again, first=2e-4, later=0.02, equal=False, alike=False)
    assert "0.0002 nats from the recorded one, the mean of the later steps 0.02" in verdicts.replayed(near)
    assert "the code has been changed; its losses still agree" in verdicts.replayed(replace(again, changed=True))
    assert verdicts.replayed("no images") == "no images"


def test_a_recorded_layer_that_answers_otherwise_is_an_error():
    assert "at most 0.02 logits off" in verdicts.replayed_teacher(0.02)
    assert "not at hand" in verdicts.replayed_teacher(None)
    for distance in (0.2, float("nan")):
        with pytest.raises(RuntimeError, match="logits from its recorded answers"):
            verdicts.replayed_teacher(distance)


@pytest.mark.parametrize(
    ("gain", "loss", "over", "choices", "passed"),
    [
        (
            UP,
            comparison(-0.1, 0.01, "loss"),
            UP,
            "fits what one expects",
            "The better teacher made the better student.",
        ),
        (UP, NONE, NONE, "fits what one expects", "did not make a student that these runs can tell"),
        (UP, NONE, DOWN, "fits what one expects", "The better teacher made the worse student."),
        (DOWN, comparison(0.1, 0.01, "loss"), DOWN, "did harm", "The better teacher made the better student."),
        (DOWN, NONE, UP, "did harm", "The better teacher made the worse student."),
        (NONE, NONE, UP, "do not show that tuning all layers names more", "Neither teacher was shown"),
        (DIVERGED, NONE, UP, "do not show that tuning all layers names more", "Neither teacher was shown"),
        (
            replace(UP, over_seeds=nan, over_images=0.01),
            NONE,
            UP,
            "",
            "teacher that is better on these test images made the better student",
        ),
        (
            replace(DOWN, over_seeds=nan, over_images=0.01),
            NONE,
            UP,
            "",
            "better on these test images made the worse student",
        ),
        (replace(NONE, over_seeds=nan, over_images=0.01), NONE, UP, "", "Neither teacher was shown"),
    ],
)
def test_full_tuning_has_words_for_every_pair_of_signs(make_arm, targets, logits_of, gain, loss, over, choices, passed):
    told = verdicts.full_tuning(make_arm("tuned", GOOD), score(logits_of(0.9), targets), gain, loss, over, NONE)
    assert choices in told["choices"]
    assert passed in told["passed"]
    assert ("probabilities are better" in told["choices"]) == (loss.sign < 0)
    assert ("probabilities are worse" in told["choices"]) == (loss.sign > 0)
    assert told["linear"] == "90.0%"


def helped(gains=(UP, NONE), shape=UP, factors=None, linear=UP, tuned_teacher=NONE, softness=(0.2, 0.4)):
    teachers = {"linear": linear, "wholly tuned": tuned_teacher}
    return verdicts.when_it_helps([150, 1500], gains, shape, factors or {"stem": UP}, teachers, softness)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (UP, "The gain is larger with the fewest labels"),
        (DOWN, "The gain is smaller"),
        (NONE, "do not show whether"),
        (DIVERGED, "no better than a guess"),
        (ONE_SEED, "do not show whether"),
    ],
)
def test_the_shape_over_the_labels(shape, words):
    told = helped(shape=shape)["shape"]
    assert words in told
    assert "nan" not in told


def test_the_ranking_lists_what_was_shown_and_what_was_not():
    told = helped(factors={"schedule": NONE, "stem": DOWN, "teacher": comparison(0.1), "late": DIVERGED})["ranking"]
    assert told == (
        "Shown, the largest first: teacher (+10.00 points); stem (−5.00 points). "
        "Without a verdict: late (diverged); schedule (not shown)."
    )
    assert helped(factors={"schedule": NONE})["ranking"] == "None of the changes was shown to matter."


@pytest.mark.parametrize(
    ("linear", "tuned_teacher", "last"),
    [
        (UP, UP, "with the linear one a gain was shown; with the wholly tuned one a gain was shown."),
        (DOWN, NONE, "with the linear one the student did worse; with the wholly tuned one no gain was shown."),
    ],
)
def test_what_each_teacher_brought_is_told_by_itself(linear, tuned_teacher, last):
    assert helped(linear=linear, tuned_teacher=tuned_teacher)["explained"].endswith(last)


@pytest.mark.parametrize(
    ("shuffled", "even", "words"),
    [
        (UP, UP, "it matters which other class gets which probability, as Hinton et al. suppose"),
        (NONE, UP, "whether the order of the other classes matters stays open"),
        (UP, NONE, "that the true one helps is not shown"),
        (NONE, NONE, "do not show that the probabilities of the other classes matter"),
        (DOWN, DOWN, "With even and shuffled answers the student did better"),
        (DOWN, UP, "With shuffled answers the student did better"),
        (ONE_SEED, DIVERGED, "So there is no verdict."),
    ],
)
def test_what_the_wrong_classes_are_worth_follows_both_comparisons(shuffled, even, words):
    told = verdicts.wrong_classes(shuffled, even)
    assert words in told["wrong"]
    assert "taught even ones" in told["even"] or "stayed at chance level" in told["even"]
    assert "taught shuffled ones" in told["shuffled"]


def test_labels_and_softness_have_their_words():
    told = helped(gains=(DOWN, ONE_SEED), softness=(0.5, 0.4))
    assert "student with 150 labels and a teacher is lower" in told["fewest"]
    assert told["most"].startswith("One seed cannot tell")
    assert "are no harder: 0.50 nats, on others 0.40" in told["harder"]
    assert "and the student did worse." in told["explained"]
    assert "are harder" in helped()["harder"]


def test_entropies_shares_and_the_size_of_the_study_are_told_as_they_are():
    words = verdicts.softness((0.5, 0.75, 0.25, 1.5, 2.3026), wrong=(0.1, 0.025), right=0.8, temperature=4.0)
    assert (words["seen"], words["unseen"], words["whole"], words["warm"]) == ("0.50", "0.75", "0.25", "1.50")
    assert (words["fits"], words["fits_tuned"], words["right"], words["tau"]) == ("90.0%", "97.5%", "80.0%", "4")
    assert words["most_possible"] == "2.30"
    size = verdicts.size_of(
        SimpleNamespace(
            sizes=replace(PROFILES["book"].distillation, epochs=3),
            split=Split(torch.arange(1300), torch.arange(1300, 1500), torch.arange(1500, 3500)),
        )
    )
    assert (size["images"], size["judges"], size["tests"]) == ("1,300", "200", "2,000")
    assert (size["epochs"], size["steps"]) == ("3 epochs", "60")


def test_what_new_statistics_repair_is_told_by_network():
    before = {"a − b": comparison(0.01, 0.04), "c − d": comparison(0.01, 0.02)}
    fair = {"a − b": comparison(0.05, 0.01), "c − d": comparison(0.05, 0.03)}
    words = verdicts.batch_norm({"none": NONE, "dropout": UP, "DropBlock": UP, "odd": DOWN}, before, fair)
    assert words["repaired"] == (
        "The test accuracy rises for dropout (+5.00 points), DropBlock (+5.00 points); it falls for odd "
        "(−5.00 points); it is not shown to change for none (+0.10 points)."
    )
    assert words["narrower"] == "The intervals are then 0.25 to 1.50 times as wide as before."
    broken = verdicts.batch_norm({"x": DIVERGED, "y": ONE_SEED}, {"a − b": ONE_SEED}, {"a − b": ONE_SEED})
    assert broken["repaired"].count("allows no verdict for") == 2
    assert broken["narrower"] == ""


def test_whether_a_regularizer_helped_is_told_for_each_number_of_images():
    told = verdicts.helped(
        {9000: {"dropout − none": DOWN, "DropBlock − none": NONE}, 900: {"dropout − none": DIVERGED}}
    )
    assert told["told"] == (
        "Compared with no regularizer, with 9,000 training images (two seeds) the test accuracy is lower with dropout "
        "(−5.00 points), neither shown to be higher nor lower with DropBlock (+0.10 points); with 900 training images "
        "(two seeds) the test accuracy is without a verdict with dropout (+5.00 points)."
    )
    assert told["helped"] == (
        "No regularizer was shown to help; a true gain of 1.00 points with 9,000 training images and 1.00 points with "
        "900 training images would be missed about half of the time."
    )
    assert verdicts.helped({9: {"a − b": ONE_SEED, "c − b": NONE}})["helped"] == "No regularizer was shown to help."
    some = verdicts.helped({9: {"a − b": UP, "c − b": comparison(0.1)}, 3: {"a − b": comparison(0.2, reach=0.3)}})
    assert some["helped"] == (
        "Shown to help: two of three comparisons, by 5.00 and 10.00 points; they are not corrected for their number."
    )


@pytest.mark.parametrize(
    ("recorded", "own", "words"),
    [
        (UP, UP, "say the same as the record (+5.00 points"),
        (DOWN, UP, "say the opposite of the record"),
        (NONE, DOWN, "show a side where the record shows none"),
        (UP, NONE, "cannot tell the sign (+0.10 points"),
        (UP, ONE_SEED, "cannot tell the sign (+5.00 points)"),
        (UP, DIVERGED, "allow no verdict, since a run is no better than a guess"),
    ],
)
def test_a_builds_own_runs_are_held_against_the_record(recorded, own, words):
    kept = SimpleNamespace(recorded=True)
    told = verdicts.own_runs(kept, {"a − b": recorded, "c − d": UP}, {"a − b": own, "c − d": UP})
    assert told.startswith("Of this build's own runs: on a − b they")
    assert words in told
    assert "; on c − d they say the same" in told
    kept.recorded = False
    assert verdicts.own_runs(kept, {}, {"a − b": own}).startswith("Nothing is recorded here")
