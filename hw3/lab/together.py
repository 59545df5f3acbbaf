"""A search by several machines: the trials live in a database, and what they found goes into the run store."""

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hw3.data.files import lock, whole
from hw3.lab import search
from hw3.lab.profiles import profile


def search_together(profile_name: str | None, storage: str, trials: int | None = None) -> optuna.Study:
    """Add trials to the study in the database at ``storage`` until there are enough; then keep a copy where the runs
    look for α and τ, in place of a search with too few. A trial that another worker ends later changes nothing there.

    Raises:
        ValueError: the database cannot be used.
    """
    chosen = profile(profile_name)
    wanted = chosen.distilling.trials if trials is None else trials
    study = search.search(chosen.name, storage, wanted)
    target = search.place(chosen)
    with lock(target):
        if len(_finished(search.open_study(chosen.name))) < wanted:
            with whole(target) as path:
                copy = JournalStorage(JournalFileBackend(str(path)))
                optuna.copy_study(from_study_name=study.study_name, from_storage=storage, to_storage=copy)
    return study


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=search.FINISHED)
