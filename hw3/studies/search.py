"""The search for α and τ: short trainings over a fixed grid, the same seeds in each setting, judged on validation
images only. Optuna (Akiba et al. 2019) keeps the trials; with a database, several machines share them."""

import json
import logging
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError

from hw3.files import report, runs_dir
from hw3.store import Entry, described
from hw3.studies.parallel import run_all
from hw3.studies.record import begun, read
from hw3.studies.run import Experiment, Result, entry, tuples
from hw3.train.losses import Distillation


@dataclass(frozen=True)
class Trials:
    """One setting, with the validation loss (nats) and accuracy of each seed."""

    alpha: float
    temperature: float
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Search:
    """What is searched: ``experiment``, a short training with a teacher, with each α, τ and seed of the grid."""

    experiment: Experiment
    alphas: tuple[float, ...]
    temperatures: tuple[float, ...]
    seeds: tuple[int, ...]

    @property
    def what(self) -> dict:
        grid = {"alphas": self.alphas, "temperatures": self.temperatures, "seeds": self.seeds}
        return described({"experiment": self.experiment, **grid})

    def entry(self) -> Entry:
        """Where the search is kept. Asking trains nothing."""
        return Entry("search", self.what, (search, *entry(self.experiment, 0).code), runs_dir())

    def variant(self, alpha: float, temperature: float) -> Experiment:
        """The experiment in one setting. Without a teacher's part the temperature means nothing: one serves for all."""
        temperature = temperature if alpha > 0 else self.temperatures[0]
        name = f"{self.experiment.name}/alpha{alpha:g}-tau{temperature:g}"
        return replace(self.experiment, name=name, task=Distillation(alpha, temperature))

    @property
    def grid(self) -> list[dict[str, float]]:
        return [{"alpha": alpha, "temperature": tau} for alpha in self.alphas for tau in self.temperatures]

    @property
    def placeholder(self) -> Trials:
        """A setting of the grid, for naming what waits for the search."""
        return Trials(max(self.alphas), self.temperatures[0], (), ())

    def variants(self) -> list[Experiment]:
        every = [self.variant(**setting) for setting in self.grid]
        return list({experiment.name: experiment for experiment in every}.values())


@dataclass(frozen=True)
class Searched:
    """Every setting that was tried, and the one to use."""

    trials: tuple[Trials, ...]

    @property
    def settings(self) -> list[Trials]:
        """Those that differ: without a teacher (α = 0) the temperature means nothing."""
        return list({(t.alpha, t.temperature if t.alpha else None): t for t in self.trials}.values())

    @property
    def lowest(self) -> Trials:
        """The lowest mean validation loss."""
        return min(self.trials, key=lambda trial: mean(trial.losses))

    @property
    def alike(self) -> list[Trials]:
        """Settings whose loss is within one standard error of the lowest, over the seeds paired with it."""
        return [trial for trial in self.settings if _within_one_error(trial.losses, self.lowest.losses)]

    @property
    def setting(self) -> Trials:
        """The simplest setting with a teacher that is within one standard error of the best of those: the least α, then
        the least τ (the rule of Breiman et al. 1984, section 3.4.3)."""
        taught = Searched(tuple(trial for trial in self.trials if trial.alpha > 0))
        return min(taught.alike, key=lambda trial: (trial.alpha, trial.temperature))


def _within_one_error(losses: Sequence[float], lowest: Sequence[float]) -> bool:
    if not all(map(math.isfinite, losses)):  # a training that diverged
        return tuple(losses) == tuple(lowest)
    differences = [a - b for a, b in zip(losses, lowest, strict=True)]
    error = stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else 0.0
    return mean(differences) <= error


def stored(search: Search) -> Searched | None:
    """What the search found, if it was made."""
    folder = search.entry().stored()
    return None if folder is None else _read(folder)


def recorded(name: str) -> tuple[Searched, list[Result]] | None:
    """The search whose runs are recorded under ``name``, and these runs; None where no whole grid is.

    Raises:
        DataError: a file of the record was changed.
    """
    if not begun(name):
        return None
    kept = read(name)
    groups: dict[tuple[float, float], list[Result]] = {}
    for runs in kept.arms(*kept.groups):  # of the seeds that all have
        task = runs[0].what["task"]
        groups[task["alpha"], task["temperature"]] = [*runs]
    alphas, temperatures = map(sorted, map(set, zip(*groups, strict=True)))
    without = next((runs for (alpha, _), runs in groups.items() if alpha == 0), [])
    groups |= {(0.0, tau): without for tau in temperatures}  # there τ means nothing: one setting serves for all
    grid = [(alpha, tau) for alpha in alphas for tau in temperatures]
    if not all(groups.get(setting) for setting in grid):
        return None
    rows = []
    for alpha, tau in grid:
        scores = [run.validation for run in groups[alpha, tau]]
        rows.append(Trials(alpha, tau, tuple(s.loss for s in scores), tuple(s.accuracy for s in scores)))
    return Searched(tuple(rows)), [run for setting in grid for run in groups[setting]]


def search(search: Search, jobs: int | None = None, storage: str | None = None, trials: int | None = None) -> Searched:
    """Make the search, or read it. Locally its runs go through the run store, so that a killed search goes on where it
    stopped. With the URL of a database as ``storage`` several machines share the grid; ``trials`` beyond its size are
    proposed by Optuna's tree-structured Parzen estimator.

    Raises:
        ValueError: a database that cannot be used (it says why), or fewer trials than the grid has settings.
    """
    wanted = len(search.grid) if trials is None else trials
    if wanted < len(search.grid):
        raise ValueError(f"the number of trials is {trials}; the grid alone has {len(search.grid)}")
    place = search.entry()
    if trials is not None:
        place = replace(place, what=place.what | {"trials": trials})
    if storage and place.stored() is None:
        _fill(search, jobs, storage, wanted)  # before it is made, since workers of one run store would wait for that

    def make(folder: Path) -> None:
        if storage is None:
            run_all(search.variants(), search.seeds, jobs)  # all of the grid at once, over all cores
        study = _fill(search, jobs, storage, wanted)
        rows = dict.fromkeys(map(_row, _finished(study)))  # the same setting counts once
        (folder / "trials.json").write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")

    return _read(place.made(make))


def _read(folder: Path) -> Searched:
    rows = json.loads((folder / "trials.json").read_text(encoding="utf-8"))
    return Searched(tuple(Trials(**{name: tuples(value) for name, value in row.items()}) for row in rows))


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _row(trial: FrozenTrial) -> Trials:
    return Trials(
        **trial.params, losses=tuple(trial.user_attrs["losses"]), accuracies=tuple(trial.user_attrs["accuracies"])
    )


def _fill(search: Search, jobs: int | None, storage: str | None, wanted: int) -> optuna.Study:
    """First each setting of the grid, then proposed ones, until ``wanted`` are complete."""
    optuna.logging.set_verbosity(logging.ERROR)  # a trial that fails or is stopped raises; no traceback beside that
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    study = optuna.create_study(
        storage=None if storage is None else _database(storage),
        study_name=f"distillation-{search.entry().key}",
        # workers that share a study must not propose the same
        sampler=optuna.samplers.TPESampler(seed=None if storage else 0, constant_liar=storage is not None),
        load_if_exists=True,
    )

    def objective(trial: Trial) -> float:
        alpha = trial.suggest_float("alpha", min(search.alphas), max(search.alphas))
        temperature = trial.suggest_float("temperature", min(search.temperatures), max(search.temperatures))
        experiment = search.variant(alpha, temperature)
        (results,) = run_all([experiment], search.seeds, jobs).values()
        losses = [r.validation.loss if math.isfinite(r.validation.loss) else math.inf for r in results]
        accuracies = [r.validation.accuracy for r in results]
        trial.set_user_attr("losses", losses)
        trial.set_user_attr("accuracies", accuracies)
        report(
            f"search: alpha {alpha:.2f}, temperature {temperature:.2f}: {mean(losses):.3f} nats, {mean(accuracies):.1%}"
        )
        return mean(losses)

    while True:
        complete = [trial.params for trial in _finished(study)]
        left = [setting for setting in search.grid if setting not in complete]
        if not left and len({tuple(params.items()) for params in complete}) >= wanted:
            break
        if left:  # first what no other worker has begun; one that died may have left its own
            begun = [trial.params for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))]
            study.enqueue_trial(next((setting for setting in left if setting not in begun), left[0]))
        try:
            study.optimize(objective, n_trials=1)
        except ValueError as error:
            if not str(error).startswith("Cannot tell a COMPLETE trial"):
                raise
            report("search: another worker finished the same trial first")
    return study


def _database(url: str) -> optuna.storages.RDBStorage:
    """The database at ``url``. Where two workers make its tables at the same moment one fails, and tries again."""
    for wait in (1, 2, 4, None):
        try:
            return optuna.storages.RDBStorage(url, heartbeat_interval=30)  # the trial of a dead worker fails
        except Exception as error:  # SQLAlchemy and each driver raise kinds of their own
            if wait is None or not isinstance(error, (IntegrityError, ProgrammingError)):
                reason = str(error).strip().splitlines()[0]
                raise ValueError(f"the storage {_without_password(url)} cannot be used: {reason}") from error
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _without_password(url: str) -> str:
    try:
        return str(make_url(url).set(username=None, password=None, query={}))  # a password can stand in the query too
    except ArgumentError:
        return f"{url.partition(':')[0]}:..."
