"""Questions P2 (b) to (d), from top to bottom: parts, teachers, a search, students."""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hw3.data.images import Split
from hw3.nets.resnet import student
from hw3.studies.pretrained import Shared, shared
from hw3.studies.run import Experiment
from hw3.studies.search import Search, Trials
from hw3.studies.teachers import LinearTeacher, TunedTeacher
from hw3.train.features import whole_network
from hw3.train.losses import Distillation
from hw3.train.settings import Training

if TYPE_CHECKING:
    from hw3.studies.profiles import Distillation as Sizes
    from hw3.studies.profiles import Profile


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

    def linear(self, labels: int | None = None) -> LinearTeacher:
        """A new last layer, from all labels or from the first few."""
        return LinearTeacher(self.shared, self.split, self.sizes.resolution, self.sizes.shifts, labels)

    @property
    def tuning(self) -> Experiment:
        """Question (d): every layer of the pretrained network is tuned."""
        training = Training(
            self.sizes.teacher_epochs, 32, 0.003, weight_decay=1e-4, clip=1.0, precision=self.shared.precision
        )
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
        base = self.student("search", teacher=self.linear(), training=short_training)
        return Search(base, self.sizes.alphas, self.sizes.temperatures, self.sizes.search_seeds)

    def students(self) -> dict[str, Experiment]:
        """Those that need no search."""
        constant = replace(self.training, schedule="constant", learning_rate=self.training.learning_rate / 2)
        arms = [
            self.tuning,
            self.student("student"),
            *(self.student(f"labels-{labels}", labels=labels) for labels in self.sizes.few),
            self.student(f"stem-{self.sizes.other_stem}", stem=self.sizes.other_stem),
            self.student("constant-rate", training=constant),
        ]
        return {experiment.name: experiment for experiment in arms}

    def taught(self, setting: Trials) -> dict[str, Experiment]:
        """Those that learn from a teacher, with the α and τ of ``setting``; with few labels no label is used."""
        task = Distillation(setting.alpha, setting.temperature)
        alone = Distillation(1.0, setting.temperature)
        arms = [
            self.student("distilled", teacher=self.linear(), task=task),
            self.student("distilled-from-tuned", teacher=self.tuned(), task=task),
            *(
                self.student(f"labels-{n}-with-teacher", labels=n, teacher=self.linear(n), task=alone)
                for n in self.sizes.few
            ),
        ]
        return {experiment.name: experiment for experiment in arms}


def distillation(profile: "Profile") -> Study:
    """The study at the size of ``profile``; reads the images, and trains nothing."""
    source = shared(profile)
    return Study(source, profile.distillation, profile.seeds, split_of(source, profile.distillation))
