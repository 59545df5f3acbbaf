import pytest

from hw3.studies import experiments as module
from hw3.studies.experiments import experiments, matching
from hw3.studies.profiles import PROFILES
from hw3.studies.search import Searched, Trials

SMOKE = PROFILES["smoke"]


def test_naming_all_of_them_trains_nothing(runs, untrained):
    known = experiments(SMOKE, searching=False)
    assert list(known)[:2] == ["shoes/mlp", "shoes/mlp-dropout"]
    waiting = [name for name, one in known.items() if one is None]
    assert waiting == [
        "distillation/distilled",
        "distillation/distilled-from-tuned",
        "distillation/labels-64-with-teacher",
        "distillation/labels-128-with-teacher",
        "distillation/wrong-as-it-is",
        "distillation/wrong-shuffled",
        "distillation/wrong-even",
        "distillation/distilled-from-itself",
    ]
    assert all(one.name == name for name, one in known.items() if one)
    assert not runs.exists()


def test_those_with_a_teacher_take_what_was_searched(runs, monkeypatch):
    searched = Searched((Trials(0.25, 3.0, (0.1,), (0.9,)),))
    monkeypatch.setattr(module.search, "search", lambda wanted, jobs: searched)
    made = experiments(SMOKE)
    assert None not in made.values()
    assert (made["distillation/distilled"].task.alpha, made["distillation/distilled"].task.temperature) == (0.25, 3.0)
    monkeypatch.setattr(module.search, "stored", lambda wanted: searched)
    assert experiments(SMOKE, searching=False).keys() == made.keys()
    assert None not in experiments(SMOKE, searching=False).values()


def test_names_match_by_patterns_and_a_wrong_one_gets_the_nearest():
    names = ["shoes/mlp", "shoes/cnn", "distillation/student"]
    assert matching("shoes/*", names) == ["shoes/mlp", "shoes/cnn"]
    assert matching("*", names) == names
    with pytest.raises(KeyError, match=r"'shoes/mpl'; did you mean shoes/mlp\?; there are shoes/mlp, shoes/cnn, dist"):
        matching("shoes/mpl", names)
    with pytest.raises(KeyError, match=r"no experiment matches 'zzz'; there are"):
        matching("zzz", names)
