"""What the teachers say of every view of every training image: computed once, kept, and given to the students."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from hw3.data.files import produce
from hw3.data.views import View, show, views
from hw3.lab import store
from hw3.lab.backbone import pretrained, sources
from hw3.lab.experiments import Study
from hw3.lab.progress import report
from hw3.lab.study import labelled, parts, precision_of, whole_network
from hw3.learn.features import extract
from hw3.learn.loop import predict
from hw3.learn.probe import Probe, fit_probe
from hw3.paths import runs_dir


@dataclass(frozen=True)
class Teacher:
    """``answers``: logits for each view of each training image, (views, images, classes), float16; ``test_logits``:
    (tests, classes); ``probe``: its last layer."""

    answers: Tensor
    test_logits: Tensor
    probe: Probe


def _kept(kind: str, everything: dict) -> Path:
    return runs_dir() / "teachers" / f"{kind}-{store.digest('cifar10', everything)}.pt"


def _short(logits: Tensor) -> Tensor:
    """As float16; what would be infinite there becomes its largest number, which is as hard an answer."""
    largest = torch.finfo(torch.float16).max
    return logits.clamp(-largest, largest).half()


def _features(profile_name: str, indices: Tensor, resolution: int, view: View) -> Tensor:
    data, _, weights, backbone = pretrained(profile_name)
    images = show(data.images[indices], view)
    found = extract(backbone, images, weights.digest, resolution, progress=report)
    return torch.from_numpy(found.astype("float32"))


def linear(study: Study, profile_name: str) -> Teacher:
    """The pretrained network with a new last layer, solved for on the labelled images, each in its first view; the
    others train nothing."""
    data, _, weights = sources(profile_name)
    sizes = asdict(replace(study, teacher=None, alpha=None, temperature=None))
    target = _kept("linear", {"study": sizes, "data": data.digest, "weights": weights.digest})

    def make(path: Path) -> None:
        split = parts(study, profile_name)
        seen = views(study.shifts)
        first, chooses, tests = (
            _features(profile_name, part, study.resolution, seen[0])
            for part in (split.train, split.validation, split.test)
        )
        known = len(labelled(study, split))
        train = first[:known], data.labels[split.train[:known]]
        probe = fit_probe(train, (chooses, data.labels[split.validation]), len(data.class_names))
        # One view's features at a time: together they would not fit into memory in a large study.
        answers = torch.stack([_short(probe(_features(profile_name, split.train, study.resolution, v))) for v in seen])
        report(f"the linear teacher with {known} labels: {probe.validation_accuracy:.1%} of the validation images")
        torch.save({"answers": answers, "test_logits": probe(tests), "probe": asdict(probe)}, path)

    found = torch.load(produce(target, make), weights_only=True)
    return Teacher(found["answers"], found["test_logits"], Probe(**found["probe"]))


def answers(study: Study, profile_name: str, tuned: store.Result | None) -> Tensor:
    """Logits for each view of each training image, (views, images, classes), float16: those of the run ``tuned`` of the
    tuned teacher, or of the linear one."""
    if tuned is None:
        return linear(study, profile_name).answers
    data, _, _ = sources(profile_name)
    target = _kept("tuned", {"run": tuned.key, "shifts": study.shifts})

    def make(path: Path) -> None:
        network = whole_network(profile_name, study.resolution)
        network.load_state_dict(tuned.weights)
        precision = precision_of("resnet50", profile_name)
        precision.place(network)
        images = data.images[parts(study, profile_name).train]
        found = []
        for number, view in enumerate(views(study.shifts), start=1):
            report(f"answers of the tuned teacher, seed {tuned.seed}: view {number} of {2 * study.shifts}")
            shown = precision.arrange(show(images, view))
            found.append(_short(predict(network, shown, precision, batch_size=100)))
        torch.save(torch.stack(found), path)

    return torch.load(produce(target, make), weights_only=True)
