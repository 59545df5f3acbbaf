"""Several runs at once, one process for each core, each computing with one thread."""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from tqdm import tqdm

from hw3.files import report
from hw3.studies.run import Experiment, Result, run, stored

Wanted = tuple[Experiment, int]

# glibc gives large freed blocks back to the system, which then hands out zeroed pages at every step of training. The
# processes below keep them instead; other C libraries pass over these variables.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


def run_all(
    experiments: Sequence[Experiment], seeds: Sequence[int], jobs: int | None = None
) -> dict[str, list[Result]]:
    """Results of each experiment for each seed, by name: stored ones at once, others by running them in ``jobs``
    processes (by default as many as there are cores). What a teacher is made of runs first.

    Raises:
        RuntimeError: a run failed; it names the run. Others that had finished are kept.
        ValueError: ``jobs`` is less than 1, or two experiments have one name.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"the number of jobs is {jobs}; it must be 1 or more")
    names = [experiment.name for experiment in experiments]
    if len(set(names)) < len(names):
        raise ValueError(f"the experiments are called {', '.join(names)}; each needs a name of its own")
    wanted = [(experiment, seed) for experiment in experiments for seed in seeds]
    results = {(e.name, seed): stored(e, seed) for e, seed in wanted}
    missing = [(e, seed) for e, seed in wanted if results[e.name, seed] is None]
    if missing:
        teachers = {id(e.teacher): e.teacher for e, _ in missing if e.teacher is not None}.values()
        before = [(e, seed) for teacher in teachers for e, seed in teacher.needs]
        for experiment, seed in before:
            run_all([experiment], [seed], jobs)
        for teacher in teachers:
            teacher.logits()  # once, by all cores, and not by each process
        results |= _run_missing(missing, min(jobs or os.cpu_count() or 1, len(missing)))
    grouped: dict[str, list[Result]] = {experiment.name: [] for experiment in experiments}
    for (name, _), result in results.items():
        assert result is not None
        grouped[name].append(result)
    return grouped


def _context() -> BaseContext:
    """How processes start. A fork of this process could hang in torch's thread pool. On Linux, a server that imports
    what a run needs, and computes nothing, can be forked safely and saves the seconds of those imports."""
    if sys.platform != "linux":  # macOS's system libraries do not survive a fork, Windows has none
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run.__module__])
    return context


def _track() -> None:
    """Start Python's process that tidies up after others. It passes over Ctrl-C; a terminal that closes must not end it
    before them either."""
    if sys.platform != "win32" and threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a new process inherits this
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, before)


_handed: list[Wanted] = []  # in a worker: what its parent handed on


def _begin(environment: dict[str, str], wanted: bytes) -> None:
    """A worker's first act: to end with its parent, to leave Ctrl-C to it, and to take what it hands on."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tqdm.set_lock(threading.RLock())  # its own is shared by processes, and a worker that is ended would leave it behind
    os.environ.update(environment)  # the server was started once; it does not know variables that were set since
    _handed[:] = pickle.loads(wanted)


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _run(index: int) -> Result:
    return run(*_handed[index])


def _run_missing(missing: list[Wanted], jobs: int) -> dict[tuple[str, int], Result]:
    report(f"{len(missing)} runs to do, {jobs} at a time")
    start, done = time.monotonic(), dict[tuple[str, int], Result]()
    for name, value in KEEP_MEMORY.items():
        os.environ.setdefault(name, value)  # read by the C library when a process starts
    # Plain pickle copies the images; multiprocessing's own would share them through memory that containers ration.
    handed = dict(os.environ), pickle.dumps(missing)
    if b"__main__" in handed[1] and not hasattr(sys.modules["__main__"], "__file__"):
        return {(e.name, seed): run(e, seed) for e, seed in missing}  # no other process could import from a notebook
    _track()
    pool = ProcessPoolExecutor(jobs, _context(), initializer=_begin, initargs=handed)
    try:
        futures = {pool.submit(_run, index): wanted for index, wanted in enumerate(missing)}
        for future in as_completed(futures):
            experiment, seed = futures[future]
            try:
                result = future.result()
            except Exception as error:
                raise RuntimeError(f"the run {experiment.name}, seed {seed}, failed: {error}") from error
            done[experiment.name, seed] = result
            spent, left = time.monotonic() - start, len(missing) - len(done)
            report(
                f"[{len(done)}/{len(missing)}, {spent:.0f} s, about {spent / len(done) * left:.0f} s left] "
                f"{experiment.name} seed {seed}: validation accuracy {result.validation.accuracy:.4f}, "
                f"{result.seconds:.0f} s of training"
            )
    except BaseException:  # also Ctrl-C: nothing that was started may outlive this
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()
    return done
