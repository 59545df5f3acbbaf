"""Training curves and weight histograms, read back from TensorBoard's own event files."""

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import HISTOGRAMS, SCALARS, EventAccumulator


def scalars(folder: Path) -> dict[str, list[float]]:
    """Each scalar tag in TensorBoard's ``folder`` with its values in the order of their steps. Of a step that was
    written twice (before and after a kill) the later value counts."""
    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()
    result = {}
    for tag in events.Tags()["scalars"]:
        by_step = {event.step: event.value for event in events.Scalars(tag)}
        result[tag] = [by_step[step] for step in sorted(by_step)]
    return result


def histograms(folder: Path, tag: str) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """For each step of the histogram ``tag``: the step, the bucket edges (n + 1,) and the counts (n,).

    Raises:
        KeyError: no such tag was written.
    """
    events = EventAccumulator(str(folder), size_guidance={HISTOGRAMS: 0}).Reload()
    result = {}
    for event in events.Histograms(tag):
        value = event.histogram_value
        counts = np.array(value.bucket)
        result[event.step] = (np.array([value.min, *value.bucket_limit]), counts)
    return [(step, *result[step]) for step in sorted(result)]
