import optuna
import torch

from hw3.data.views import views
from hw3.lab import distillation_pictures


def test_every_trial_is_drawn_and_pruned_ones_look_different():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")

    def objective(trial):
        trial.suggest_float("alpha", 0, 1)
        trial.suggest_float("temperature", 1, 8)
        trial.report(0.1 * trial.number, 0)
        if trial.number == 2:
            raise optuna.TrialPruned
        return 0.1 * trial.number

    study.optimize(objective, n_trials=4)
    axis = distillation_pictures.searched(study).axes[0]
    assert [len(drawn.get_offsets()) for drawn in axis.collections] == [3, 1]
    assert sorted(text.get_text() for text in axis.texts) == ["1", "2", "3", "4"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["to the end", "stopped early"]


def test_each_view_has_the_teachers_word_over_it():
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    answers = torch.full((4, 2), -50.0)
    answers[torch.arange(4), torch.tensor([0, 1, 1, 0])] = 50.0
    figure = distillation_pictures.views(image, views(2), answers, ("cat", "dog"))
    assert [axis.get_title() for axis in figure.axes] == ["cat (100%)", "dog (100%)", "dog (100%)", "cat (100%)"]


def test_entropies_are_drawn_under_the_undecided_line():
    figure = distillation_pictures.entropies((1, 2), {"a": (0.1, 0.2), "b": (0.3, 0.4)}, 0.69)
    assert len(figure.axes[0].lines) == 3
