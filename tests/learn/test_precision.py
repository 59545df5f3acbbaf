import torch

from hw3.learn import precision
from hw3.learn.precision import CHOICES, Precision, fastest, step_seconds
from hw3.learn.tasks import classification
from hw3.nets.mlp import mlp


def choose(monkeypatch, clean_cache, seconds):
    taken = dict(zip(CHOICES, seconds, strict=True))
    monkeypatch.setattr(precision, "step_seconds", lambda model, task, batch, choice, train, to_beat: taken[choice])
    batch = (torch.zeros(8, 3, 4, 4), torch.zeros(8, dtype=torch.long))
    return fastest(lambda: mlp((3, 4, 4), 3, (5,)), classification, batch, "test")


def test_the_fastest_wins(monkeypatch, clean_cache):
    assert choose(monkeypatch, clean_cache, (3.0, 2.0, 1.0)) == Precision(bf16=True, channels_last=True)


def test_bf16_is_not_used_where_it_gains_nothing(monkeypatch, clean_cache):
    assert choose(monkeypatch, clean_cache, (1.0, 0.99, 0.95)) == Precision()


def test_the_answer_is_remembered(monkeypatch, clean_cache):
    first = choose(monkeypatch, clean_cache, (3.0, 2.0, 1.0))
    assert choose(monkeypatch, clean_cache, (1.0, 2.0, 3.0)) == first


def test_a_real_probe_answers(clean_cache):
    batch = (torch.zeros(8, 3, 4, 4), torch.zeros(8, dtype=torch.long))
    assert fastest(lambda: mlp((3, 4, 4), 3, (5,)), classification, batch, "real") in CHOICES


def test_a_hopeless_choice_is_not_repeated():
    passes = []

    def slow(model, batch):
        passes.append(1)
        return classification(model, batch)

    batch = (torch.zeros(8, 3, 4, 4), torch.zeros(8, dtype=torch.long))
    model = mlp((3, 4, 4), 3, (5,))
    step_seconds(model, slow, batch, Precision(), to_beat=1e-9)
    assert len(passes) == 1
    step_seconds(model, slow, batch, Precision())
    assert len(passes) == 1 + 4
