"""All networks of one kind in a study compute alike: in the precision that was chosen when the study began."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from torch import Tensor, nn

from hw3.data.files import produce
from hw3.lab import store
from hw3.lab.experiments import Experiment
from hw3.lab.profiles import Profile
from hw3.learn.precision import Precision, fastest
from hw3.learn.settings import threads
from hw3.learn.tasks import classification
from hw3.paths import runs_dir


def one_precision(
    reference: Experiment, profile: Profile, build: Callable[[], nn.Module], batch: tuple[Tensor, Tensor]
) -> Precision:
    """What is fastest on this machine for the experiment ``reference``, whose network ``build()`` makes.

    It is kept in the run store, with the runs: an arm that is trained later, or on another machine to which the store
    was copied, computes like those that it is compared with.
    """
    name = store.digest(reference.data, {"experiment": asdict(reference), "profile": profile.name})
    target = runs_dir() / "precision" / f"{reference.name.replace('/', '-')}-{name}.json"

    def make(path: Path) -> None:
        with threads(1):  # as a run computes; with more threads another choice may be the fastest
            found = fastest(build, classification, batch, f"{reference.name} {profile.name}")
        path.write_text(json.dumps(asdict(found)))

    return Precision(**json.loads(produce(target, make).read_text()))
