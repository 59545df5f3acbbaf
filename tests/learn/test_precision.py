import torch

from hw3.learn import precision
from hw3.learn.precision import CHOICES, Precision, fastest, step_seconds
from hw3.learn.tasks import classification
from hw3.nets.mlp import mlp


def choose(monkeypatch, clean_cache, seconds):
    taken = dict(zip(CHOICES, seconds, strict=True))
    monkeypatch.setattr(precision, "step_seconds", lambda model, task, batch, choice, train: taken[choice])
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


def ask_with(monkeypatch, seconds_of):
    """The choice, and which choices were timed in which order, if ``seconds_of(choice, turn)`` is what a step takes."""
    timed = []

    def step_seconds(model, task, batch, choice, train):
        timed.append(choice)
        return seconds_of(choice, timed.count(choice))

    monkeypatch.setattr(precision, "step_seconds", step_seconds)
    batch = (torch.zeros(8, 3, 4, 4), torch.zeros(8, dtype=torch.long))
    return fastest(lambda: mlp((3, 4, 4), 3, (5,)), classification, batch, "test"), timed


def test_a_hopeless_choice_is_not_repeated(monkeypatch, clean_cache):
    best, timed = ask_with(monkeypatch, lambda choice, turn: 9.0 if choice.bf16 else 1.0)
    assert best == Precision()
    assert [timed.count(choice) for choice in CHOICES] == [4, 4, 1]


def test_a_slow_moment_of_the_machine_does_not_decide(monkeypatch, clean_cache):
    """bf16 takes half the time, but the machine is busy whenever it has its first two turns."""
    best, timed = ask_with(monkeypatch, lambda choice, turn: (0.5 if choice.bf16 else 1.0) * (3 if turn < 3 else 1))
    assert best == Precision(bf16=True, channels_last=True)
    assert timed == [*CHOICES] * 4  # in turn


def test_a_step_takes_time_and_leaves_no_gradient():
    model = mlp((3, 4, 4), 3, (5,))
    batch = (torch.zeros(8, 3, 4, 4), torch.zeros(8, dtype=torch.long))
    assert step_seconds(model, classification, batch, Precision()) > 0
    assert all(p.grad is None for p in model.parameters())
