"""A recorded run, trained again: its first steps by every build, all of it by whoever doubts."""

import os
import tempfile
from dataclasses import dataclass
from statistics import mean

import torch

from hw3.files import commit
from hw3.store import described, digest, meaning, versions
from hw3.studies.record import Plan, Record, Recorded, begun, has, is_of, read
from hw3.studies.run import Experiment, Result, entry, run
from hw3.studies.steps import cpu, first_losses
from hw3.train.device import capability

SETTLED = 20  # steps after which two machines are compared by their mean loss, no longer step by step
FIRST, LATER = 1e-3, 0.15  # nats: how far the first loss, and the mean of the later ones, may be off on another machine


@dataclass(frozen=True)
class Replay:
    """The first steps of a recorded run, trained again in float32 on one thread. ``first`` and ``later``: how far
    (nats) the first loss and the mean of the later ones are from the recorded; ``equal``: every loss to the bit;
    ``alike``: the same processor capability and versions; ``changed``: the code means something else today."""

    name: str
    seed: int
    steps: int
    first: float
    later: float
    equal: bool
    alike: bool
    changed: bool

    @property
    def agrees(self) -> bool:
        """To the bit where machine, versions and code are the same; elsewhere within the tolerances of this file."""
        if self.alike and not self.changed:
            return self.equal
        return self.first <= FIRST and self.later <= LATER


def replay(recorded: Recorded, experiment: Experiment) -> Replay:
    """Train the first steps again and compare.

    Raises:
        ValueError: the run was recorded with another configuration, or without its first losses.
    """
    if not is_of(recorded, experiment):
        raise ValueError(f"{recorded.name}, seed {recorded.seed}, was recorded with another configuration")
    if not recorded.trace:
        raise ValueError(f"{recorded.name}, seed {recorded.seed}, was recorded without its first losses")
    answers = list(recorded.arrays["answers"]) if "answers" in recorded.arrays else []
    losses, _ = first_losses(experiment, recorded.seed, cpu(), answers, len(recorded.trace))
    return Replay(
        recorded.name,
        recorded.seed,
        len(losses),
        abs(losses[0] - recorded.trace[0]),
        abs(mean(losses[SETTLED:] or losses) - mean(recorded.trace[SETTLED:] or recorded.trace)),
        tuple(losses) == recorded.trace,
        recorded.capability == capability() and recorded.versions == versions(),
        meaning(entry(experiment, recorded.seed).code) != recorded.code,
    )


def find(plan: Plan, name: str, seed: int) -> tuple[Recorded, Experiment]:
    """A recorded run by its name and seed, with its experiment.

    Raises:
        KeyError: it is not in the plan, or not recorded.
    """
    experiment = next((e for e, _ in plan.runs if e.name == name), None)
    if experiment is None or not has(plan.name, name, runs=1):
        raise KeyError(f"{name} is not recorded; hw3 record --status says what is, for a study and its --profile")
    one = next((run for run in read(plan.name, name).groups[name] if run.seed == seed), None)
    if one is None:
        raise KeyError(
            f"{name}, seed {seed}, is not recorded; hw3 record --status says what is, for a study and its --profile"
        )
    return one, experiment


def replayed(plan: Plan) -> Replay | str:
    """One run of the record of ``plan``, drawn by the commit, whose first steps were trained again; or why not.

    Raises:
        RuntimeError: the losses do not agree, or the labels are not those of the images at hand.
    """
    if not begun(plan.name):
        return "No run of this study is recorded yet, so nothing was replayed."
    kept = read(plan.name)
    one = drawn(kept)
    experiment = next(e for e, _ in plan.runs if e.name == one.name)
    if experiment.data.digest != one.what["data"]["digest"]:
        return f"The recorded runs saw {one.data_source}; those images are not at hand here, so nothing was replayed."
    if not torch.equal(kept.targets, experiment.data.labels[experiment.split.test]):
        raise RuntimeError(f"the labels in {kept.folder} are not those of {experiment.data.source.description}")
    again = replay(one, experiment)
    if not again.agrees:
        raise RuntimeError(
            f"{one.name}, seed {one.seed}, trained again for {again.steps} steps: its first loss is {again.first:.2g} "
            f"nats off and the mean of the later ones {again.later:.2g}; the record is not what this code computes"
        )
    return again


def whole_run(recorded: Recorded, experiment: Experiment) -> Result:
    """Train all of a recorded run again, and what its teacher is made of, in a run store of its own.

    Raises:
        ValueError: the run was recorded with another configuration.
    """
    if not is_of(recorded, experiment):
        raise ValueError(f"{recorded.name}, seed {recorded.seed}, was recorded with another configuration")
    before = os.environ.get("HW3_RUNS")
    with tempfile.TemporaryDirectory(prefix="hw3-replay-") as scratch:
        os.environ["HW3_RUNS"] = scratch
        try:
            return run(experiment, recorded.seed, progress=True)
        finally:
            if before is None:
                del os.environ["HW3_RUNS"]
            else:
                os.environ["HW3_RUNS"] = before


def drawn(record: Record) -> Recorded:
    """One run with its first losses, drawn by the commit (or, where there is none, by what is recorded)."""
    every = [one for runs in record.groups.values() for one in runs]
    traced = [r for r in every if r.trace and (r.what["teacher"] is None or "answers" in r.arrays)]
    draw = commit() or digest(described([one.key for one in traced]))
    return traced[int(draw[:12], 16) % len(traced)]
