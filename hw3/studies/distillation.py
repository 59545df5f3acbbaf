"""Questions P2 (b) to (d), from top to bottom: parts, teachers, a search, students."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from hw3.data.images import Split
from hw3.files import whole
from hw3.nets.resnet import student
from hw3.studies.pretrained import Shared, shared
from hw3.studies.record import Plan, folder_of, read_arrays, write_arrays
from hw3.studies.run import Experiment
from hw3.studies.search import Search, Trials
from hw3.studies.shown import Shown
from hw3.studies.teachers import WRONG, Changed, LinearTeacher, TunedTeacher, short
from hw3.train.features import whole_network
from hw3.train.linear import Linear
from hw3.train.losses import Classification, Distillation
from hw3.train.metrics import Scores, score
from hw3.train.settings import Training

if TYPE_CHECKING:
    from hw3.studies.profiles import Distillation as Sizes
    from hw3.studies.profiles import Profile

RECORDS = "distillation-full", "distillation"  # the names of what is recorded, the most images first
SEARCH = "distillation-search"  # the name of the recorded search
SEARCH_TESTS = 500  # a run must be tested; validation images alone judge a search, so few images do
TEACHER = "teacher.npz.xz"  # the last layer of the record's first teacher
CHECKED = 500  # test images that a build asks the recorded teacher about again
USUAL = Trials(0.9, 4.0, (), ())  # α and τ of what is recorded, fixed beforehand: those of Zagoruyko and Komodakis 2017
SHOWN = 1000  # training images whose answers are recorded, for the figure of soft labels
FOLDS = 5  # of the images, for answers about images not seen
SMOOTHING = 0.1  # of the labels, the usual choice (Szegedy et al. 2016)


def split_of(source: Shared, sizes: "Sizes") -> Split:
    """Indices of the images to train, to choose and to test. Where there are fewer than ``sizes`` wants, its parts keep
    their proportion."""
    pool = source.pools.train[: sizes.images + sizes.validation]
    chooses = len(pool) * sizes.validation // (sizes.images + sizes.validation)
    return Split(pool[:-chooses], pool[-chooses:], source.pools.test[: sizes.tests])


@dataclass(frozen=True)
class Study:
    """The study at the size of a profile. Nothing is trained until it is asked for."""

    shared: Shared
    sizes: "Sizes"
    seeds: tuple[int, ...]
    split: Split

    @property
    def training(self) -> Training:
        """Of every student, but for the arm that is about the schedule."""
        s, precision = self.sizes, self.shared.precision
        return Training(s.epochs, s.batch_size, s.learning_rate, precision=precision)

    def linear(self, labels: int | None = None, folds: int | None = None) -> LinearTeacher:
        """A new last layer, from all labels or from the first few; with ``folds`` its answers are about images that it
        has not seen."""
        return LinearTeacher(self.shared, self.split, self.sizes.resolution, self.sizes.shifts, labels, folds)

    def teacher_logits(self, runs: Shown, labels: int | None = None) -> Tensor:
        """The linear teacher's logits for the test images of ``runs``, recorded or this build's own."""
        if runs.record:
            return recorded_teacher(folder_of(runs.record))[f"test{labels or ''}"].float()
        return self.linear(labels).test_logits()

    def teacher(self, runs: Shown) -> tuple[Scores, Tensor]:
        """Of the linear teacher of ``runs``: its scores on the test images, and in what share of the training pictures
        it names the label, view by view."""
        if runs.record:
            right = recorded_teacher(folder_of(runs.record))["right"]
        else:
            named = self.linear().logits().argmax(2) == self.shared.data.labels[self.split.train]
            right = named.double().mean(1)
        return score(self.teacher_logits(runs), runs.targets), right

    @property
    def tuning(self) -> Experiment:
        """Question (d): every layer of the pretrained network is tuned."""
        epochs, rate, clip = self.sizes.teacher_epochs, self.sizes.teacher_rate, self.sizes.teacher_clip
        training = Training(epochs, 32, rate, weight_decay=1e-4, clip=clip, precision=self.shared.precision)
        network = partial(
            whole_network, weights=self.shared.weights, resolution=self.sizes.resolution, head=self.linear()
        )
        name, shifts = "distillation/teacher-tuned", self.sizes.shifts
        return Experiment(name, self.shared.data, self.split, network, training, shifts=shifts, standardize=False)

    def tuned(self) -> TunedTeacher:
        """One teacher for the students of all seeds: the network that was tuned with the first one."""
        return TunedTeacher(self.tuning, self.seeds[0], self.sizes.shifts)

    def student(self, name: str, stem: str | None = None, **changes: Any) -> Experiment:
        """A ResNet18 from scratch; ``changes`` are fields of ``Experiment``."""
        network = partial(student, stem=stem or self.sizes.stem)
        base = Experiment(f"distillation/{name}", self.shared.data, self.split, network, self.training)
        return replace(base, shifts=self.sizes.shifts, **changes)

    def search(self) -> Search:
        """Short trainings with the linear teacher, for α and τ."""
        short_training = replace(self.training, epochs=self.sizes.search_epochs)
        parts = replace(self.split, test=self.split.test[:SEARCH_TESTS])
        base = self.student("search", teacher=self.linear(), training=short_training, split=parts)
        return Search(base, self.sizes.alphas, self.sizes.temperatures, self.sizes.search_seeds)

    def few_labels(self, labels: int, setting: Trials | None = None) -> Experiment:
        """A student with ``labels`` labelled images; with a ``setting`` a teacher who was tuned on the same ones names
        all the others, and no label is used."""
        if setting is None:
            return self.student(f"labels-{labels}", labels=labels)
        task, teacher = Distillation(1.0, setting.temperature), self.linear(labels)
        return self.student(f"labels-{labels}-with-teacher", labels=labels, teacher=teacher, task=task)

    def students(self) -> dict[str, Experiment]:
        """Those that need no search."""
        constant = replace(self.training, schedule="constant", learning_rate=self.training.learning_rate / 2)
        arms = [
            self.tuning,
            self.student("student"),
            *map(self.few_labels, self.sizes.few),
            self.student(f"stem-{self.sizes.other_stem}", stem=self.sizes.other_stem),
            self.student("constant-rate", training=constant),
        ]
        return {experiment.name: experiment for experiment in arms}

    def taught(self, setting: Trials) -> dict[str, Experiment]:
        """Those that learn from a teacher, with the α and τ of ``setting``; with few labels no label is used."""
        task = Distillation(setting.alpha, setting.temperature)
        arms = [
            self.student("distilled", teacher=self.linear(), task=task),
            self.student("distilled-from-tuned", teacher=self.tuned(), task=task),
            *(self.few_labels(labels, setting) for labels in self.sizes.few),
        ]
        return {experiment.name: experiment for experiment in arms}

    def explaining(self, setting: Trials) -> dict[str, Experiment]:
        """What of a teacher helps? Mere softness (label smoothing), what it says of the wrong classes
        (as it is, shuffled, even; about images that it has not seen), or any teacher (the student's own twin)."""
        task, unseen = Distillation(setting.alpha, setting.temperature), self.linear(folds=FOLDS)
        itself = TunedTeacher(self.student("student"), self.seeds[0], self.sizes.shifts)
        arms = [
            self.student("smoothed", task=Classification(label_smoothing=SMOOTHING)),
            self.student("wrong-as-it-is", teacher=unseen, task=task),
            *(
                self.student(f"wrong-{how}", teacher=Changed(unseen, how, setting.temperature), task=task)
                for how in WRONG
            ),
            self.student("distilled-from-itself", teacher=itself, task=task),
        ]
        return {experiment.name: experiment for experiment in arms}

    def plan(self) -> Plan:
        """What is recorded, one tier whole before the next and each seed by seed: the tuned teacher, the main arms with
        all seeds and label smoothing with three, the explanation and few labels with three, then the rest. Written
        down before the first run, and so are α and τ."""
        every = self.students() | self.taught(USUAL) | self.explaining(USUAL)
        three = self.seeds[:3]

        def tier(names: Sequence[str], seeds: Sequence[int]) -> list[tuple[Experiment, int]]:
            return [(every[f"distillation/{name}"], seed) for seed in seeds for name in names]

        few = [f"labels-{n}{end}" for n in self.sizes.few for end in ("", "-with-teacher")]
        main = ["student", "distilled", "distilled-from-tuned"]
        runs = tier(["teacher-tuned"], three[:1]) + tier(main, three) + tier(["smoothed"], three)
        runs += tier(main, self.seeds[3:])
        runs += tier(["wrong-as-it-is", *(f"wrong-{how}" for how in WRONG)], three) + tier(few, three)
        runs += tier(["teacher-tuned"], three[1:]) + tier(["distilled-from-itself"], three)
        runs += tier([f"stem-{self.sizes.other_stem}", "constant-rate"], three)

        return Plan(
            self.sizes.record, tuple(runs), untraced=("distillation/teacher-tuned",), beside=self.record_teacher
        )

    def search_plan(self) -> Plan:
        """The search, recorded: each setting of its grid, seed by seed."""
        wanted = self.search()
        runs = [(variant, seed) for seed in wanted.seeds for variant in wanted.variants()]
        return Plan(SEARCH, tuple(runs), untraced=tuple(variant.name for variant in wanted.variants()))

    def record_teacher(self, folder: Path) -> None:
        """Write the first teacher's last layer, its answers for the images that choose and test, and how often it is
        right about the training pictures."""
        teacher, data, parts = self.linear(), self.shared.data, self.split
        layer, answers = teacher.solution(), teacher.logits()
        features = self.shared.features(
            self.shared.backbone(), data.images[parts.validation], self.sizes.resolution
        )  # kept since the teacher was made
        right = (answers.argmax(2) == data.labels[parts.train]).double().mean(1)
        heard = {"validation": layer(features), "test": teacher.test_logits(), "answers": answers[0, :SHOWN].float()}
        heard |= {f"test{n}": self.linear(n).test_logits() for n in self.sizes.few}
        heard["checked"] = layer(self._in_float32(CHECKED))
        arrays = {name: short(logits) for name, logits in heard.items()}
        write_arrays(folder / TEACHER, arrays | {"weight": layer.weight, "bias": layer.bias, "right": right})
        about = {"l2": layer.l2, "table": layer.table, "what": teacher.what}
        with whole(folder / "teacher.json") as path:
            path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    def _in_float32(self, images: int) -> Tensor:
        """Features of the first test images, which all machines can compute alike, whatever the study computes in."""
        exact, shown = replace(self.shared, precision="32-true"), self.shared.data.images[self.split.test[:images]]
        return exact.features(exact.backbone(), shown, self.sizes.resolution)

    def replayed_teacher(self, folder: Path, images: int = CHECKED) -> float | None:
        """How far (logits) the recorded last layer on this machine's float32 features is, at most, from its recorded
        answers about the first ``images`` test images; None where none is recorded, or the pretrained weights or images
        are others."""
        if not (folder / TEACHER).exists():
            return None
        about = json.loads((folder / "teacher.json").read_text(encoding="utf-8"))
        mine = json.loads(json.dumps(self.linear().what))
        if any(about["what"][name] != mine[name] for name in ("data", "weights", "resolution")):
            return None
        teacher = recorded_teacher(folder)
        layer = Linear(teacher["weight"], teacher["bias"], about["l2"])
        return (layer(self._in_float32(images)) - teacher["checked"][:images].float()).abs().max().item()


def recorded_few() -> tuple[int, ...]:
    """The numbers of labels of the recorded students with few of them; empty where there are none."""
    names = (path.name.split("-")[1] for path in folder_of("distillation").glob("labels-*-with-teacher-seed*.json"))
    return tuple(sorted(set(map(int, names))))


def recorded_teacher(folder: Path) -> dict[str, Tensor]:
    """What is recorded of the first teacher: its last layer (``weight``, ``bias``), logits for the ``validation`` and
    the ``test`` images, for some of these from features in float32 (``checked``) and for some training images
    (``answers``), and in what share of the training pictures it is ``right``, view by view."""
    return read_arrays(folder / TEACHER)


def distillation(profile: "Profile") -> Study:
    """The study at the size of ``profile``; reads the images, and trains nothing."""
    source = shared(profile)
    return Study(source, profile.distillation, profile.seeds, split_of(source, profile.distillation))
