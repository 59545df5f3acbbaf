"""The first steps of a run are those of the run."""

import numpy as np
import pytest

from hw3.studies.run import run
from hw3.studies.steps import cpu, first_losses
from hw3.train.device import fabric


def test_the_trace_is_that_of_the_run(runs, small):
    """The mean of an epoch's first losses is what the history says of that epoch."""
    experiment = small(name="rows/alone")
    losses, answers = first_losses(experiment, 3, fabric("32-true"), steps=len(experiment.batches(3)))
    assert np.mean(losses) == pytest.approx(run(experiment, 3).history[0]["loss/train"])
    assert answers == []


def test_the_cpu_is_asked_in_float32_whatever_else_there_is(runs, small):
    device = cpu()
    assert device.device.type == "cpu"
    experiment = small(name="rows/alone")
    assert first_losses(experiment, 0, device, steps=3) == first_losses(experiment, 0, fabric("32-true"), steps=3)
