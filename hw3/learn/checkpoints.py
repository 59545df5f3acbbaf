"""Checkpoints of a training: which are written, which one a killed training goes on from, what is in them."""

import math
import shutil
from functools import partial
from pathlib import Path

import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch import Tensor

from hw3.data.files import whole


def to_go_on_from(checkpoints: Path) -> Path | None:
    """``last.ckpt``, made that of the furthest epoch if it is not; None if there is none to go on from. What cannot be
    read is removed, and if it was an epoch's own checkpoint, so is all from that epoch on: it is trained again."""
    reached, lost = {}, math.inf
    for path in sorted(checkpoints.glob("*.ckpt")):
        try:
            reached[path] = torch.load(path, map_location="cpu", weights_only=True)["epoch"]
        except Exception as error:  # torch raises many kinds for a damaged file; each means: do without it
            print(f"{path} is damaged ({type(error).__name__}); training goes on without it")
            path.unlink(missing_ok=True)
            lost = lost if path.stem == "last" else min(lost, _epoch_of(path))
    for path in [path for path, epoch in reached.items() if epoch >= lost]:
        path.unlink(missing_ok=True)
        del reached[path]
    if not reached:
        return None
    last, furthest = checkpoints / "last.ckpt", max(reached, key=reached.__getitem__)
    if reached.get(last) != reached[furthest]:  # a kill came between the two files of one epoch
        with whole(last) as path:
            shutil.copyfile(furthest, path)
    return last


def _epoch_of(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("epoch"))


def keepers(checkpoints: Path, detailed: bool) -> list[Callback]:
    """What writes checkpoints. Under fixed names: an epoch that is trained again replaces its own file."""
    keep = partial(ModelCheckpoint, checkpoints, auto_insert_metric_name=False, enable_version_counter=False)
    if detailed:
        return [keep("epoch{epoch}", save_last=True, save_top_k=-1)]
    best = keep("epoch{epoch}", monitor="accuracy/validation", mode="max", save_top_k=1)
    return [best, keep("last", save_top_k=1)]  # ``save_last`` passes over an epoch that is not the best so far


def epochs(checkpoints: Path) -> dict[int, Path]:
    """The checkpoints of single epochs, counted from 1, in their order."""
    found = {_epoch_of(path) + 1: path for path in checkpoints.glob("epoch*.ckpt")}
    return dict(sorted(found.items()))


def weights_of(checkpoint: Path) -> dict[str, Tensor]:
    """The model's state_dict inside a checkpoint that ``fit`` wrote."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return {name.removeprefix("model."): tensor for name, tensor in state.items()}
