"""The search for α and τ: short trainings, judged on validation images only, by Optuna (Akiba et al. 2019)."""

import logging
import time
import warnings
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError

from hw3.data.files import lock
from hw3.data.views import view_loader, views
from hw3.lab import store
from hw3.lab.backbone import sources
from hw3.lab.experiments import experiment
from hw3.lab.networks import network
from hw3.lab.profiles import Profile, profile
from hw3.lab.progress import report
from hw3.lab.study import parts, precision_of
from hw3.lab.teachers import linear
from hw3.learn import loop
from hw3.learn.distillation import Distillation
from hw3.learn.metrics import score
from hw3.learn.settings import threads
from hw3.paths import runs_dir

ALPHA = (0.1, 1.0, 0.1)  # lowest, highest, step
TEMPERATURE = (1.0, 8.0)  # on a logarithmic scale
USUAL = {"alpha": 0.9, "temperature": 4.0}  # tried first
THREADS = 2  # one trial after the other, the same on any number of cores
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def _name(chosen: Profile) -> str:
    """The study's name: it changes with the configuration, the data, the weights and the code, as a run's key does."""
    data, _, weights = sources(chosen.name)
    everything = {
        "experiment": asdict(experiment("distillation/distilled", chosen)),
        "search": [chosen.distilling.search_epochs, ALPHA, TEMPERATURE, USUAL],
        "data": [data.digest, weights.digest],
    }
    return f"distillation-{store.digest('cifar10', everything)}"


def place(chosen: Profile) -> Path:
    """The file of the study in the run store."""
    return runs_dir() / "search" / f"{_name(chosen)}.journal"


def open_study(profile_name: str, storage: str | None = None) -> optuna.Study:
    """The study of this profile with its finished trials, in the run store or in the database at ``storage``.

    Raises:
        ValueError: a URL that names no database that can be used; it says why.
    """
    chosen = profile(profile_name)
    optuna.logging.set_verbosity(logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    kept: optuna.storages.BaseStorage
    if storage is None:
        file = place(chosen)
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = optuna.storages.JournalStorage(JournalFileBackend(str(file)))
    else:
        kept = _database(storage)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=3)
    return optuna.create_study(
        storage=kept, study_name=_name(chosen), direction="maximize", pruner=pruner, load_if_exists=True
    )


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


def search(profile_name: str | None = None, storage: str | None = None, trials: int | None = None) -> optuna.Study:
    """The study with ``trials`` finished trials (by default the profile's), making those that are missing.

    Without ``storage`` the order is fixed and so is the result: a killed search goes on as if it had not stopped. With
    a database's URL several machines add trials to one study until there are enough.
    """
    chosen = profile(profile_name)
    wanted = chosen.distilling.trials if trials is None else trials
    if wanted < 1:
        raise ValueError(f"the number of trials is {wanted}; it must be 1 or more")
    if storage is not None:
        return _fill(open_study(chosen.name, storage), chosen, wanted, together=True)
    with lock(place(chosen)):
        study = open_study(chosen.name)
        for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
            study.tell(trial.number, state=TrialState.FAIL)  # the lock is ours: its process was killed
        return _fill(study, chosen, wanted, together=False)


def _fill(study: optuna.Study, chosen: Profile, wanted: int, together: bool) -> optuna.Study:
    while (done := len(study.get_trials(deepcopy=False, states=FINISHED))) < wanted:
        if not study.get_trials(deepcopy=False, states=(*FINISHED, TrialState.RUNNING, TrialState.WAITING)):
            study.enqueue_trial(USUAL)
        # A seed for each trial makes a resumed search exact; workers that share one must not propose the same.
        seed = None if together else done
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=4, constant_liar=together)
        study.optimize(lambda trial: _objective(trial, chosen), n_trials=1)
        last = study.get_trials(deepcopy=False, states=FINISHED)[-1]
        found = ", ".join(f"{name} {value:.2f}" for name, value in last.params.items())
        report(f"search, trial {done + 1} of {wanted}: {found}: {last.state.name.lower()}, {_accuracy(last):.1%}")
    return study


def _accuracy(trial: optuna.trial.FrozenTrial) -> float:
    return trial.intermediate_values[max(trial.intermediate_values)]


def _objective(trial: Trial, chosen: Profile) -> float:
    """Validation accuracy after a short training with the linear teacher; the same weights and batches in each
    trial."""
    alpha = trial.suggest_float("alpha", ALPHA[0], ALPHA[1], step=ALPHA[2])
    temperature = trial.suggest_float("temperature", *TEMPERATURE, log=True)
    config = experiment("distillation/distilled", chosen)
    assert config.study is not None
    data, _, _ = sources(chosen.name)
    split = parts(config.study, chosen.name)
    model = network(config, data, split, seed=0)
    precision = precision_of(config.model, chosen.name)
    precision.place(model)
    images, labels = (part[split.train] for part in (data.images, data.labels))
    size = config.training.batch_size
    answers = linear(config.study, chosen.name).answers
    batches = view_loader(images, labels, views(config.study.shifts), size, seed=0, answers=answers)
    held, targets = precision.arrange(data.images[split.validation]), data.labels[split.validation]
    accuracy = 0.0

    def judge(epoch: int) -> None:
        nonlocal accuracy
        accuracy = score(loop.predict(model, held, precision), targets).accuracy
        trial.report(accuracy, epoch)
        if epoch + 1 < chosen.distilling.search_epochs and trial.should_prune():
            raise optuna.TrialPruned

    with threads(THREADS):
        training = replace(config.training, epochs=chosen.distilling.search_epochs)
        loop.fit(model, Distillation(alpha, temperature), batches, training, 0, precision, judge)
    return accuracy


@cache
def best(profile_name: str) -> tuple[float, float]:
    """α and τ of the best finished trial, from the run store, or from a search made now."""
    found = search(profile_name).best_params
    return round(found["alpha"], 2), round(found["temperature"], 2)
