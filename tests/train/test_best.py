import pytest
import torch
from torch import nn

from hw3.train.best import Best, best_epoch
from hw3.train.device import fabric
from hw3.train.metrics import score


def rows(accuracies, losses):
    return [{"accuracy/validation": a, "loss/validation": b} for a, b in zip(accuracies, losses, strict=True)]


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([0.8, 0.9, 0.7], [1, 2, 3], 2),  # the most accurate, however sure
        ([0.9, 0.9, 0.9], [0.3, 0.1, 0.2], 2),  # then the surest
        ([0.5, 0.9, 0.9], [0.3, 0.1, 0.1], 2),  # then the first
        ([0.1], [9.0], 1),
        ([0.1, 0.1], [float("nan"), 2.0], 2),  # a loss that is no number is never the lowest
        ([0.1, 0.1], [float("nan"), float("nan")], 1),
    ],
)
def test_the_best_epoch_is_the_most_accurate_then_the_surest_then_the_first(accuracies, losses, best):
    assert best_epoch(rows(accuracies, losses)) == best


class Shift(nn.Module):
    """Two classes; it answers by the sign of pixel + shift."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        x = images.float().flatten(1)[:, 0] - 127.5 + self.shift
        return torch.stack([-x, x], 1) / 100


IMAGES = torch.arange(0, 256, 5, dtype=torch.uint8).view(-1, 1, 1, 1)
LABELS = (IMAGES.flatten() > 100).long()  # right with a shift of about 27


def follow(folder, shifts, test_labels=LABELS, weights=False):
    model, best = Shift(), Best(fabric("32-true"), (IMAGES, LABELS), (IMAGES, test_labels), folder, weights)
    history = []
    for shift in shifts:
        nn.init.constant_(model.shift, shift)
        history.append({"loss/train": shift})
        model.train()
        best(model, history)
        assert model.training
    best.board.close()
    return model, best, history


def test_the_best_epochs_weights_and_logits_are_kept(tmp_path):
    model, best, history = follow(tmp_path, (0.0, 27.0, 60.0))
    assert best.state["epoch"] == 2
    assert best.state["weights"]["shift"].item() == 27.0
    nn.init.constant_(model.shift, 27.0)
    assert torch.equal(best.state["validation"], model(IMAGES))
    assert torch.equal(best.state["test"], model(IMAGES))
    assert set(history[0]) == {"loss/train"} | {
        f"{q}/{p}" for q in ("loss", "accuracy") for p in ("validation", "test")
    }
    scores = score(best.state["test"], LABELS)
    assert (history[1]["loss/test"], history[1]["accuracy/test"]) == (scores.loss, scores.accuracy)


def test_the_test_part_chooses_nothing(tmp_path):
    _, first, one = follow(tmp_path / "a", (0.0, 27.0, 60.0))
    _, second, two = follow(tmp_path / "b", (0.0, 27.0, 60.0), 1 - LABELS)
    assert one[1]["accuracy/test"] != two[1]["accuracy/test"]
    assert first.state["epoch"] == second.state["epoch"]
    assert torch.equal(first.state["weights"]["shift"], second.state["weights"]["shift"])


def test_histograms_are_kept_where_they_are_wanted(tmp_path):
    _, best, _ = follow(tmp_path / "a", (0.0, 1.0), weights=True)
    assert [list(epoch) for epoch in best.histograms] == [["shift"], ["shift"]]
    assert follow(tmp_path / "b", (0.0, 1.0))[1].histograms == [{}, {}]


def test_its_state_can_be_taken_up(tmp_path):
    _, best, _ = follow(tmp_path / "a", (27.0, 0.0), weights=True)
    again = Best(fabric("32-true"), (IMAGES, LABELS), (IMAGES, LABELS), tmp_path / "b", True)
    again.load_state_dict(best.state_dict())
    assert again.state["epoch"] == 1
    assert torch.equal(again.state["weights"]["shift"], torch.tensor(27.0))
    assert again.histograms == best.histograms
