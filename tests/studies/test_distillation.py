"""The distillation study on scikit-learn's digits: who sees what, who is compared with whom, what a key depends on."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from hw3.data.images import Split
from hw3.data.views import show, views
from hw3.nets.resnet import student
from hw3.studies.distillation import distillation, recorded_teacher, split_of
from hw3.studies.parallel import run_all
from hw3.studies.profiles import PROFILES
from hw3.studies.run import entry, run, stored
from hw3.studies.search import Trials
from hw3.studies.teachers import LinearTeacher, TunedTeacher, short
from hw3.train.device import fabric
from hw3.train.features import forward, prepare
from hw3.train.linear import fit_linear
from hw3.train.losses import Distillation

SETTING = Trials(0.9, 4.0, (), ())


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Its teachers are made once for all tests here."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HW3_RUNS", str(tmp_path_factory.mktemp("distillation")))
    yield distillation(PROFILES["smoke"])
    patch.undo()


def arms(study):
    return study.students() | study.taught(SETTING)


def test_the_parts_never_overlap_and_keep_their_proportion(study):
    sizes, pools = study.sizes, study.shared.pools
    for parts in (study.split, split_of(study.shared, replace(sizes, images=1024, validation=400))):
        everything = torch.cat([parts.train, parts.validation, parts.test, pools.pretrain]).tolist()
        assert len(set(everything)) == len(everything)
    assert (len(study.split.train), len(study.split.validation)) == (sizes.images, sizes.validation)
    assert (len(parts.train), len(parts.validation)) == (288, 112)  # only 400 are at hand


def test_every_arm_uses_the_studys_parts_and_precision(study):
    for name, experiment in arms(study).items():
        assert experiment.name == name
        assert experiment.split is study.split
        assert experiment.data is study.shared.data
        assert experiment.training.precision == study.shared.precision


def test_arms_differ_in_the_one_thing(study):
    every = arms(study)
    plain = every["distillation/student"]

    def differ(name):
        one, other = plain.what, every[f"distillation/{name}"].what
        return {field for field in one if one[field] != other[field]}

    few = study.sizes.few[0]
    assert differ(f"labels-{few}") == {"labels"}
    assert differ(f"stem-{study.sizes.other_stem}") == {"network"}
    assert differ("constant-rate") == {"training"}
    assert differ("distilled") == differ("distilled-from-tuned") == {"task", "teacher"}
    assert differ(f"labels-{few}-with-teacher") == {"task", "teacher", "labels"}
    assert every["distillation/distilled"].task == Distillation(0.9, 4.0)
    assert every[f"distillation/labels-{few}-with-teacher"].task.alpha == 1.0  # no label is used
    assert every[f"distillation/labels-{few}-with-teacher"].teacher.labels == few


def test_arms_share_weights_batches_and_the_number_of_steps(study):
    every = arms(study)
    few = study.sizes.few[0]
    names = ("student", "distilled", f"labels-{few}", f"labels-{few}-with-teacher")
    plain, taught, alone, helped = (every[f"distillation/{name}"] for name in names)
    for other in (taught, alone, helped):
        for a, b in zip(plain.model(3).state_dict().values(), other.model(3).state_dict().values(), strict=True):
            assert torch.equal(a, b)
    assert len({len(arm.batches(3)) for arm in (plain, taught, alone, helped)}) == 1
    for other in (taught, helped):
        for one, two in zip(plain.batches(3).epoch(1), other.batches(3).epoch(1), strict=True):
            assert (len(one), len(two)) == (2, 3)
            assert torch.equal(one[0], two[0])
            assert torch.equal(one[1], two[1])
    assert torch.equal(alone.shown, study.split.train[:few])


def test_the_linear_teachers_logits_are_the_networks_for_the_same_views(study):
    teacher, images = study.linear(), study.shared.data.images[study.split.train[:5]]
    logits, layer, backbone = teacher.logits(), teacher.solution(), study.shared.backbone()
    assert logits.shape == (2 * study.sizes.shifts, len(study.split.train), 10)
    device = fabric(study.shared.precision)
    for number, view in enumerate(views(study.sizes.shifts)):
        features = forward(device, backbone, show(images, view), study.sizes.resolution, normalize=True)
        expected = short(layer(features.float())).float()
        assert torch.allclose(logits[number, :5].float(), expected, rtol=1e-2, atol=1e-2 * expected.std().item())
        with device.autocast(), torch.no_grad():
            direct = layer(backbone(prepare(show(images, view), study.sizes.resolution, normalize=True)))
        assert torch.allclose(direct, expected, rtol=0.05, atol=0.05 * expected.std().item())
    assert teacher.test_logits().shape == (len(study.split.test), 10)


def test_a_teacher_of_few_labels_learns_from_those_alone(study):
    few = study.linear(64).solution()
    backbone, data, parts = study.shared.backbone(), study.shared.data, study.split
    first = views(1)[0]
    train, validation = (
        (study.shared.features(backbone, show(data.images[part], first), study.sizes.resolution), data.labels[part])
        for part in (parts.train[:64], parts.validation)
    )
    alone = fit_linear(train, validation, 10)
    assert torch.equal(few.weight, alone.weight)
    assert few.l2 == alone.l2


def test_with_folds_each_answer_is_about_an_image_not_seen(study):
    plain, folded = study.linear(), study.linear(folds=2)
    assert plain.what != folded.what
    truth = study.shared.data.labels[study.split.train]
    seen, unseen = ((t.logits()[0].argmax(1) == truth).double().mean() for t in (plain, folded))
    assert unseen < seen
    torch.testing.assert_close(folded.test_logits(), plain.test_logits())  # of the layer that has seen all


def test_the_plan_is_whole_pairs_seed_by_seed_and_in_every_arm_that_is_compared(study):
    plan = study.plan()
    wanted = [(e.name.partition("/")[2], seed) for e, seed in plan.runs]
    assert len(set(wanted)) == len(wanted)
    assert wanted[0] == ("teacher-tuned", 0)  # what others are made of
    main = ("student", "distilled", "distilled-from-tuned")
    assert wanted[1:7] == [(name, seed) for seed in (0, 1) for name in main]
    seeds = {name: [seed for n, seed in wanted if n == name] for name, _ in wanted}
    assert seeds["student"] == seeds["distilled"] == seeds["distilled-from-tuned"] == list(study.seeds)
    assert seeds["smoothed"] == seeds["wrong-shuffled"] == seeds["wrong-even"] == list(study.seeds[:3])
    every = arms(study) | study.explaining(SETTING)
    assert {e.name for e, _ in plan.runs} == set(every)
    assert plan.untraced == ("distillation/teacher-tuned",)


def test_the_recorded_teacher_answers_as_it_did(study, tmp_path):
    assert study.replayed_teacher(tmp_path) is None
    study.record_teacher(tmp_path)
    assert study.replayed_teacher(tmp_path, images=50) < 0.05
    kept = recorded_teacher(tmp_path)
    torch.testing.assert_close(kept["test"].float(), study.linear().test_logits(), atol=0.05, rtol=1e-3)
    right = study.linear().logits().argmax(2) == study.shared.data.labels[study.split.train]
    assert kept["right"].tolist() == right.double().mean(1).tolist()
    other = replace(study, shared=replace(study.shared, precision="bf16-mixed"))  # asked on another machine
    assert other.replayed_teacher(tmp_path, images=50) < 0.05
    about = json.loads((tmp_path / "teacher.json").read_text(encoding="utf-8"))
    about["what"]["weights"] = "others"
    (tmp_path / "teacher.json").write_text(json.dumps(about), encoding="utf-8")
    assert study.replayed_teacher(tmp_path) is None


def test_logits_as_hard_as_can_be_stay_finite():
    assert short(torch.tensor([[1e9, -1e9, 1.5]])).tolist() == [[65504.0, -65504.0, 1.5]]


def test_the_tuned_network_starts_at_the_linear_solution_and_keeps_its_statistics(study):
    network = study.tuning.model(0).train()
    images = study.shared.data.images[study.split.test[:8]]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if "running" in name}
    logits = network(images)
    expected = study.linear().test_logits()[:8]
    assert torch.allclose(logits, expected, rtol=0.05, atol=0.05 * expected.std().item())
    logits.sum().backward()
    assert before
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in before.items())
    assert all(p.grad is not None for p in network.parameters())


def test_asking_for_every_arm_trains_nothing_and_tells_all(runs, untrained, monkeypatch):
    monkeypatch.setattr(LinearTeacher, "logits", lambda self: pytest.fail("a teacher was asked"))
    monkeypatch.setattr(TunedTeacher, "logits", lambda self: pytest.fail("a teacher was asked"))
    study = distillation(PROFILES["smoke"])
    keys = {}
    for name, experiment in arms(study).items():
        assert stored(experiment, 0) is None
        keys[name] = entry(experiment, 0).key
        what = experiment.what
        assert what["data"]["digest"] == study.shared.data.digest
        assert what["training"]["precision"] == study.shared.precision
        if experiment.teacher:
            assert {"alpha", "temperature"} < set(what["task"])
            assert what["teacher"]["key"] == experiment.teacher.entry.key
        else:
            assert what["teacher"] is None
    assert study.search().entry().stored() is None
    assert len(set(keys.values())) == len(keys)
    assert not runs.exists()


def key(study, name="distilled", setting=SETTING):
    return entry((study.students() | study.taught(setting))[f"distillation/{name}"], 0).key


def test_a_students_key_follows_its_teacher_and_the_setting(study):
    first, tuned, plain = (key(study, name) for name in ("distilled", "distilled-from-tuned", "student"))
    assert key(study, setting=Trials(0.5, 4.0, (), ())) != first != key(study, setting=Trials(0.9, 2.0, (), ()))
    assert key(study, "student", Trials(0.5, 4.0, (), ())) == plain
    longer = replace(study, sizes=replace(study.sizes, teacher_epochs=9))
    assert key(longer) == first
    assert key(longer, "distilled-from-tuned") != tuned
    sharper = replace(study, sizes=replace(study.sizes, resolution=64))
    assert key(sharper) != first
    assert key(sharper, "student") == plain
    other = replace(study, shared=replace(study.shared, precision="bf16-mixed"))
    assert not {key(other), key(other, "student")} & {first, plain}
    weights = replace(study.shared.weights, images=study.shared.weights.images[1:])
    pretrained_otherwise = replace(study, shared=replace(study.shared, weights=weights))
    assert key(pretrained_otherwise) != first
    assert key(pretrained_otherwise, "student") == plain
    fewer = Split(study.split.train, study.split.validation[1:], study.split.test)
    assert key(replace(study, split=fewer)) != first


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_declares_a_complete_and_fair_study(study, name):
    """Equal budgets: the same training for all students but the one that is about the schedule."""
    sizes = PROFILES[name].distillation
    declared = replace(study, sizes=sizes)
    students = [arm for arm in arms(declared).values() if arm.network.func is student]
    assert len({arm.training for arm in students if arm.name != "distillation/constant-rate"}) == 1
    assert {arm.network.keywords["stem"] for arm in students} == {sizes.stem, sizes.other_stem}
    for number in sizes.few:
        taught = [arm for arm in students if arm.labels == number]
        assert [arm.teacher is None for arm in taught] == [True, False]
    assert sizes.images + sizes.validation <= PROFILES[name].probe_images[0]
    assert sizes.tests <= PROFILES[name].probe_images[1]
    assert 0.0 in sizes.alphas
    assert max(sizes.alphas) > 0


SCRIPT = """
import hashlib, json
from hw3.studies.distillation import distillation
from hw3.studies.profiles import PROFILES
from hw3.studies.run import run
from hw3.studies.search import Trials
study = distillation(PROFILES["smoke"])
result = run(study.taught(Trials(0.9, 4.0, (), ()))["distillation/distilled"], 0)
print(result.key, hashlib.sha256(result.logits.numpy().tobytes()).hexdigest())
"""


def test_a_taught_student_is_the_same_with_two_threads_and_from_empty_caches(study, tmp_path):
    """The pretrained network, its features, the teacher and the student are all made again."""
    result = run(study.taught(SETTING)["distillation/distilled"], 0)
    places = {"HW3_RUNS": str(tmp_path / "runs"), "HW3_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=os.environ | places, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [result.key, hashlib.sha256(result.logits.numpy().tobytes()).hexdigest()]


def test_the_student_of_the_tuned_teacher_brings_its_teacher_along(study):
    """What a teacher is made of runs first; one of its seeds serves the students of all."""
    ((name, (result,)),) = run_all([study.taught(SETTING)["distillation/distilled-from-tuned"]], (1,), jobs=1).items()
    assert name == "distillation/distilled-from-tuned"
    assert torch.isfinite(result.logits).all()
    teacher = stored(study.tuning, study.seeds[0])
    assert teacher.weights["body.fc.weight"].shape == (10, 2048)
    assert teacher.parameters > 2 * result.parameters
    logits = study.tuned().logits()
    assert logits.shape == (2 * study.sizes.shifts, len(study.split.train), 10)
    network = study.tuning.model(0)
    network.load_state_dict(teacher.weights)
    view = views(study.sizes.shifts)[-1]
    with torch.no_grad():
        expected = network.eval()(show(study.shared.data.images[study.split.train[:4]], view))
    assert torch.allclose(logits[-1, :4].float(), expected, rtol=0.05, atol=0.05 * expected.std().item())
