"""Runs of the distillation study on scikit-learn's digits: who sees what, and what a run's key depends on."""

from dataclasses import replace

import pytest
import torch

from hw3.data.views import show, views
from hw3.lab import search, study, teachers
from hw3.lab.backbone import pretrained, sources
from hw3.lab.experiments import TUNED, experiment, experiments
from hw3.lab.material import Spread, material
from hw3.lab.profiles import PROFILES
from hw3.lab.run import identity, run
from hw3.learn.features import extract, prepare
from hw3.learn.probe import fit_probe

SMOKE = PROFILES["smoke"]


@pytest.fixture(scope="module", autouse=True)
def _own_runs(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("HW3_RUNS", str(tmp_path_factory.mktemp("distilling")))
    search.best.cache_clear()
    yield
    patch.undo()
    search.best.cache_clear()


def test_the_parts_never_overlap_and_labels_are_the_first():
    config = experiment("distillation/student", SMOKE)
    parts = study.parts(config.study, "smoke")
    everything = torch.cat([parts.train, parts.validation, parts.test]).tolist()
    assert len(set(everything)) == len(everything)
    assert (len(parts.train), len(parts.validation)) == (config.study.images, config.study.validation)
    more = study.parts(replace(config.study, images=1024, validation=400), "smoke")  # only 400 are at hand
    assert (len(more.train), len(more.validation)) == (288, 112)
    few = replace(config.study, labels=64)
    assert torch.equal(study.labelled(few, parts), parts.train[:64])
    assert torch.equal(study.labelled(config.study, parts), parts.train)


def test_a_linear_teachers_answers_are_the_networks_to_the_same_views():
    config = experiment("distillation/distilled", SMOKE)
    found = teachers.linear(config.study, "smoke")
    data, _, _, backbone = pretrained("smoke")
    images = data.images[study.parts(config.study, "smoke").train]
    assert found.answers.shape == (2 * config.study.shifts, len(images), 10)
    for number, view in enumerate(views(config.study.shifts)):
        with torch.no_grad():
            features = backbone(prepare(show(images[:5], view), config.study.resolution, normalize=True))
        expected = found.probe(features)
        assert torch.allclose(found.answers[number, :5].float(), expected, rtol=0.05, atol=0.05 * expected.std().item())


def test_a_teacher_of_few_labels_learns_from_those_alone():
    given = experiment("distillation/distilled", SMOKE).study
    few = teachers.linear(replace(given, labels=64), "smoke").probe
    data, _, weights, backbone = pretrained("smoke")
    parts = study.parts(given, "smoke")
    train, chooses = (
        (torch.from_numpy(extract(backbone, data.images[i], weights.digest, given.resolution).astype("float32")), i)
        for i in (parts.train, parts.validation)
    )
    alone = fit_probe(
        (train[0][:64], data.labels[parts.train[:64]]), (chooses[0], data.labels[parts.validation]), classes=10
    )
    assert torch.equal(few.weight, alone.weight)
    assert few.l2 == alone.l2


def test_arms_share_weights_and_batches_and_differ_in_the_task():
    made = []
    for name in ("distillation/student", "distillation/distilled", "distillation/labels-64"):
        config, _ = identity(name, 3, SMOKE)
        made.append(material(config, 3, SMOKE, Spread(), None))
    plain, taught, few = made
    for one, other in zip(plain.model.state_dict().values(), taught.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(plain.batches, taught.batches, strict=True):
        assert torch.equal(one[0], other[0])
        assert (len(one), len(other)) == (2, 3)
    assert len(few.batches) == len(plain.batches)  # as many steps with fewer images
    assert len(set(torch.cat([labels for _, labels in few.batches]).tolist())) <= 10
    data, _, _ = sources("smoke")
    first = study.parts(experiment("distillation/student", SMOKE).study, "smoke").train[:64]
    assert torch.equal(few.batches.dataset.labels, data.labels[first])
    config, _ = identity("distillation/labels-64-with-teacher", 3, SMOKE)
    helped = material(config, 3, SMOKE, Spread(), None)
    assert helped.task.alpha == 1.0  # no label is used
    given = replace(config.study, teacher=None)
    assert torch.equal(helped.batches.dataset.answers, teachers.linear(given, "smoke").answers)
    for one, other in zip(plain.batches, helped.batches, strict=True):
        assert torch.equal(one[0], other[0])


def test_every_experiment_of_the_study_runs_and_can_be_repeated(tmp_path, monkeypatch):
    """One seed of the arms that differ in kind; the student of the tuned teacher brings its teacher along."""
    first = run("distillation/distilled-from-tuned", 0, SMOKE)
    teacher = run(TUNED, 0, SMOKE)
    assert first.settings["study"]["teacher"] == "tuned"
    assert 0 < first.settings["study"]["alpha"] <= 1
    assert teacher.parameters > 2 * first.parameters
    assert teacher.weights["body.fc.weight"].shape == (10, 2048)
    before, after = pretrained("smoke")[3].state_dict(), teacher.weights
    kept = [name for name in after if "running" in name]
    assert kept
    assert all(torch.equal(after[name], before[name]) for name in kept)
    assert not torch.equal(after["body.layer1.0.conv1.weight"], before["body.layer1.0.conv1.weight"])
    assert len(first.curves["loss/train"]) == SMOKE.distilling.epochs
    assert "accuracy/test" in first.curves
    monkeypatch.setenv("HW3_RUNS", str(tmp_path))
    search.best.cache_clear()
    again = run("distillation/distilled-from-tuned", 0, SMOKE)
    assert again.key == first.key
    assert torch.isfinite(first.logits).all()
    assert torch.isfinite(teacher.logits).all()
    assert torch.equal(again.logits, first.logits)


def test_a_students_key_follows_its_teacher(monkeypatch):
    from hw3.lab import run as runner

    plain, linear, tuned = (
        identity(f"distillation/{name}", 0, SMOKE)[1] for name in ("student", "distilled", "distilled-from-tuned")
    )
    assert len({plain, linear, tuned}) == 3
    monkeypatch.setattr(runner, "best", lambda name: (0.35, 5.5))
    config, key = identity("distillation/distilled", 0, SMOKE)
    assert (config.study.alpha, config.study.temperature) == (0.35, 5.5)
    assert key != linear
    assert identity("distillation/student", 0, SMOKE)[1] == plain
    monkeypatch.undo()
    right = runner.experiment

    def longer(name, profile):
        config = right(name, profile)
        return replace(config, training=replace(config.training, epochs=9)) if name == TUNED else config

    monkeypatch.setattr(runner, "experiment", longer)
    assert identity("distillation/distilled", 0, SMOKE)[1] == linear
    assert identity("distillation/distilled-from-tuned", 0, SMOKE)[1] != tuned


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_declares_a_complete_study(name):
    """Equal budgets: the same schedule for all students but the one that is about the schedule."""
    found = [one for one in experiments(PROFILES[name]).values() if one.model == "resnet18"]
    budgets = {one.training for one in found if one.name != "distillation/constant-rate"}
    assert len(budgets) == 1
    assert len({one.options["stem"] for one in found}) == 2
    labels = {one.study.labels for one in found if one.study.labels}
    assert {one.study.teacher for one in found if one.study.labels == max(labels)} == {None, "linear"}
    sizes = PROFILES[name].distilling
    assert sizes.images + sizes.validation <= PROFILES[name].probe_images[0]


def test_the_whole_network_keeps_its_statistics_and_starts_at_the_linear_solution():
    given = experiment(TUNED, SMOKE).study
    teacher = teachers.linear(given, "smoke")
    network = study.whole_network("smoke", given.resolution, teacher.probe).train()
    data, _, _ = sources("smoke")
    images = data.images[study.parts(given, "smoke").test[:8]]
    before = {k: v.clone() for k, v in network.state_dict().items() if "running" in k}
    out = network(images)
    assert torch.allclose(out, teacher.test_logits[:8], rtol=0.05, atol=0.05 * out.std().item())
    out.sum().backward()
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in before.items())
    assert all(p.grad is not None for p in network.parameters())
