import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from hw3.train.tensorboard import BINS, Board, histograms


def read_back(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    return events


def history(epochs):
    return [{"loss/train": 1 / epoch, "accuracy/test": 0.1 * epoch} for epoch in range(1, epochs + 1)]


def weights(epochs):
    torch.manual_seed(0)
    return [histograms(nn.Linear(4, 3)) for _ in range(epochs)]


def scalars(events):
    return {tag: [(e.step, pytest.approx(e.value)) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_histogram_counts_every_number():
    layer = nn.Linear(50, 20)
    edges, counts = histograms(layer)["weight"]
    assert (len(edges), len(counts)) == (BINS + 1, BINS)
    assert sum(counts) == 1000
    assert edges[0] == layer.weight.min().item()
    assert edges[-1] == pytest.approx(layer.weight.max().item())
    low = ((layer.weight >= edges[0]) & (layer.weight < edges[BINS // 2])).sum().item()
    assert abs(sum(counts[: BINS // 2]) - low) <= 1


def test_equal_numbers_and_numbers_that_are_none_are_counted_too():
    """A training that diverged is a result as well."""
    layer = nn.Linear(4, 3)
    nn.init.constant_(layer.bias, 0.5)
    layer.weight.data[:] = torch.tensor([[1.0, 2.0, float("inf"), float("nan")]] * 3)
    result = histograms(layer)
    assert sum(result["bias"][1]) == 3
    assert result["bias"][0][0] == 0.5
    assert sum(result["weight"][1]) == 6  # the finite ones
    assert (result["weight"][0][0], result["weight"][0][-1]) == (1.0, 2.0)
    layer.weight.data[:] = float("nan")
    assert sum(histograms(layer)["weight"][1]) == 0


def test_the_files_are_a_copy_of_the_history(tmp_path):
    board = Board(tmp_path)
    for epochs in (1, 2, 3):  # as the training calls it: the history grows
        board.write(history(epochs), weights(3)[:epochs])
    board.close()
    events = read_back(tmp_path)
    assert scalars(events) == {
        name: [(epoch, row[name]) for epoch, row in enumerate(history(3), 1)] for name in history(1)[0]
    }
    assert events.Tags()["histograms"] == ["weights/weight", "weights/bias"]
    kept = events.Histograms("weights/weight")
    assert [event.step for event in kept] == [1, 2, 3]
    assert all(event.histogram_value.num == 12 for event in kept)
    assert sum(kept[2].histogram_value.bucket) == 12


def test_a_resumed_training_writes_all_epochs_again_and_each_once(tmp_path):
    first = Board(tmp_path)
    first.write(history(2), [{}, {}])
    first.close()
    (tmp_path / "events.out.tfevents.torn").write_bytes(b"half")
    second = Board(tmp_path)
    second.write(history(3), [{}, {}, {}])
    second.close()
    assert len(list(tmp_path.iterdir())) == 1
    assert [event.step for event in read_back(tmp_path).Scalars("loss/train")] == [1, 2, 3]


def test_nothing_is_written_by_a_board_that_was_not_used(tmp_path):
    Board(tmp_path / "logs").close()
    assert not (tmp_path / "logs").exists()
