import pytest
import torch

from hw3.train.checkpoints import load, save

STATE = {"model": {"weight": torch.arange(6.0)}, "history": [{"loss": 0.5, "seconds": 1.0}], "step": 3}


def test_what_is_saved_is_what_is_loaded(tmp_path):
    save(tmp_path / "deep" / "last.ckpt", STATE)
    again = load(tmp_path / "deep" / "last.ckpt")
    assert torch.equal(again["model"].pop("weight"), torch.arange(6.0))
    assert again == {"model": {}, "history": STATE["history"], "step": 3}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["last.ckpt"]


def test_nothing_is_loaded_where_nothing_was_saved(tmp_path, capsys):
    assert load(tmp_path / "last.ckpt") is None
    assert capsys.readouterr().err == ""


def flipped(content):
    return content[:500] + bytes([content[500] ^ 1]) + content[501:]


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: content[:10], lambda content: content[:-1], flipped, lambda content: b"x"],
)
def test_a_damaged_one_is_named_in_one_line_and_taken_away(tmp_path, capsys, damage):
    path = tmp_path / "last.ckpt"
    save(path, STATE)
    path.write_bytes(damage(path.read_bytes()))
    assert load(path) is None
    assert capsys.readouterr().err == f"{path} is damaged; the training starts again\n"
    assert load(path) is None
    save(path, STATE)
    assert load(path)["step"] == 3


def test_a_folder_of_its_name_is_damaged_too(tmp_path, capsys):
    (tmp_path / "last.ckpt" / "inside").mkdir(parents=True)
    assert load(tmp_path / "last.ckpt") is None
    assert "is damaged" in capsys.readouterr().err
    save(tmp_path / "last.ckpt", STATE)
    assert load(tmp_path / "last.ckpt")["step"] == 3
