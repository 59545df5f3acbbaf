"""Every experiment of the book by its name: what the command line and the page about the build ask for."""

from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from hw3.studies import search
from hw3.studies.distillation import SEARCH, Study, distillation
from hw3.studies.profiles import Profile
from hw3.studies.record import Plan, recorded_precision
from hw3.studies.run import Experiment
from hw3.studies.shoes import shoes


def experiments(profile: Profile, jobs: int | None = None, searching: bool = True) -> dict[str, Experiment | None]:
    """All as ``profile`` runs them, in the order of the book. Those with a teacher take α and τ from the search,
    which is made if it was not; without ``searching`` nothing is trained, and they are None then."""
    photographs = shoes(profile)
    return photographs.experiments | photographs.more | of_distillation(distillation(profile), jobs, searching)


def of_distillation(study: Study, jobs: int | None = None, searching: bool = True) -> dict[str, Experiment | None]:
    """Those of the distillation study; see ``experiments``."""
    wanted = study.search()
    searched = search.search(wanted, jobs) if searching else search.stored(wanted)
    setting = searched.setting if searched else wanted.placeholder
    others = study.taught(setting) | study.explaining(setting)
    return dict(study.students()) | {
        name: one if searched or one.teacher is None else None for name, one in others.items()
    }


def plan(study: str, profile: Profile) -> Plan:
    """What is recorded of "shoes", of "distillation" or of its "search" at the size of ``profile``, in the precision of
    what is recorded already. Trains nothing."""
    name = {"distillation": profile.distillation.record, "search": SEARCH}.get(study, study)
    profile = replace(profile, precision=recorded_precision(name) or profile.precision)
    if study == "shoes":
        return shoes(profile).plan()
    return distillation(profile).search_plan() if study == "search" else distillation(profile).plan()


def matching(pattern: str, names: list[str]) -> list[str]:
    """Those of ``names`` that match a shell pattern such as ``shoes/*``.

    Raises:
        KeyError: none does; the message lists them and the nearest.
    """
    matches = [name for name in names if fnmatchcase(name, pattern)]
    if not matches:
        near = get_close_matches(pattern, names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise KeyError(f"no experiment matches {pattern!r}{hint}; there are {', '.join(names)}")
    return matches
