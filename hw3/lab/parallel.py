"""Several runs at once, one process for each core, each computing with one thread."""

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.context import BaseContext

from hw3.lab import store
from hw3.lab.profiles import Profile, profile
from hw3.lab.progress import report
from hw3.lab.run import identity, run
from hw3.lab.store import Result

Wanted = tuple[str, int]

# glibc gives large freed blocks back to the system, which then hands out zeroed pages at every step of training. The
# processes below keep them instead; other C libraries pass over these variables.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


def _stored(wanted: Wanted, chosen: Profile) -> Result | None:
    name, seed = wanted
    return store.read(store.folder_of(name, seed, identity(name, seed, chosen)[1]))


def run_all(
    names: Sequence[str], seeds: Sequence[int] | None = None, profile_name: str | None = None, jobs: int | None = None
) -> dict[str, list[Result]]:
    """Results of each experiment for each seed (by default the profile's), stored ones at once, others by running
    them in ``jobs`` processes (by default as many as there are cores).

    Raises:
        KeyError: an unknown experiment.
        RuntimeError: a run failed; it names the run. Others that had finished are kept.
        ValueError: ``jobs`` is less than 1.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"the number of jobs is {jobs}; it must be 1 or more")
    chosen = profile(profile_name)
    wanted = [(name, seed) for name in names for seed in (chosen.seeds if seeds is None else seeds)]
    found = {one: _stored(one, chosen) for one in wanted}
    missing = [one for one, result in found.items() if result is None]
    if missing:
        found |= _run_missing(missing, chosen, min(jobs or os.cpu_count() or 1, len(missing)))
    grouped: dict[str, list[Result]] = {name: [] for name in names}
    for (name, _), result in found.items():
        assert result is not None
        grouped[name].append(result)
    return grouped


def _context() -> BaseContext:
    """How processes start. A fork of this process could hang in torch's thread pool. On Linux, a server that imports
    what a run needs, and computes nothing, can be forked safely and saves the seconds of those imports."""
    if sys.platform != "linux":  # macOS's system libraries do not survive a fork, Windows has none
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hw3.lab.run", "hw3.learn.engine"])
    return context


def _adopt(environment: dict[str, str]) -> None:
    """The server was started once; variables that were set since then (``HW3_RUNS``, say) it does not know."""
    os.environ.update(environment)


def _run_missing(missing: list[Wanted], chosen: Profile, jobs: int) -> dict[Wanted, Result | None]:
    report(f"{len(missing)} runs to do, {jobs} at a time")
    start = time.monotonic()
    done: dict[Wanted, Result | None] = {}
    for name, value in KEEP_MEMORY.items():
        os.environ.setdefault(name, value)  # read by the C library when a process starts
    with ProcessPoolExecutor(jobs, _context(), initializer=_adopt, initargs=(dict(os.environ),)) as pool:
        futures = {pool.submit(run, name, seed, chosen): (name, seed) for name, seed in missing}
        for future in as_completed(futures):
            name, seed = futures[future]
            try:
                result = future.result()
            except Exception as error:
                pool.shutdown(cancel_futures=True)
                raise RuntimeError(f"the run {name}, seed {seed}, failed: {error}") from error
            done[name, seed] = result
            report(
                f"[{len(done)}/{len(missing)}, {time.monotonic() - start:.0f} s] {name} seed {seed}: "
                f"validation accuracy {result.validation_accuracy:.4f}, {result.seconds:.0f} s of training"
            )
    return done
