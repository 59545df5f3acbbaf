"""The plain loop's work on Lightning's Trainer: checkpoints, exact resume, TensorBoard, progress, any device count."""

import logging
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from hw3.learn.checkpoints import epochs, keepers, to_go_on_from
from hw3.learn.precision import Precision
from hw3.learn.settings import Training, clip_gradient, optimizer_and_schedule, seed_epoch, set_progress
from hw3.learn.tasks import Task


class Module(pl.LightningModule):
    """A model and a task as Lightning wants them."""

    def __init__(self, model: nn.Module, task: Task, training: Training, seed: int, name: str) -> None:
        super().__init__()
        self.model, self.task, self.settings, self.seed, self.name = model, task, training, seed, name

    def on_fit_start(self) -> None:
        if dist.is_initialized():  # two networks of one shape could be averaged without a complaint
            names: list[str] = [""] * dist.get_world_size()
            dist.all_gather_object(names, self.name)
            if len(set(names)) > 1:
                raise RuntimeError(
                    f"the processes would train different runs together ({', '.join(names)}); another program may be "
                    "training one of them: start again when it is done"
                )

    def on_train_epoch_start(self) -> None:
        # Other masks on each device, and with one device those of the plain loop.
        seed_epoch(self.seed + 7919 * self.global_rank, self.current_epoch)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        set_progress(self.model, self.global_step / self.trainer.estimated_stepping_batches)

    def on_after_backward(self) -> None:
        clip_gradient(self.model, self.settings)  # the Trainer's own clipping refuses a fused optimizer

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        return self._measure(batch, "train")

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        return self._measure(batch, "validation")

    def _measure(self, batch: tuple[Tensor, ...], part: str) -> Tensor:
        result = self.task(self.model, batch)
        accuracy = (result["logits"].argmax(1) == batch[1]).float().mean()
        values = {f"loss/{part}": result["loss"].detach(), f"accuracy/{part}": accuracy}
        # Weighted by batch size: a mean of batch means would count the images of a short last batch too much.
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(batch[0]), sync_dist=True, logger=False)
        return result["loss"]

    def configure_optimizers(self) -> Any:
        steps = int(self.trainer.estimated_stepping_batches)  # of each device, where there are several
        optimizer, schedule = optimizer_and_schedule(self.model, self.settings, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Curves(Callback):
    """After each epoch, its losses, accuracies, seconds and, if wanted, weight histograms go to TensorBoard, by epoch
    from 1."""

    def __init__(self, histograms: bool) -> None:
        self.histograms = histograms

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(trainer.logger, TensorBoardLogger)
        writer, epoch = trainer.logger.experiment, trainer.current_epoch + 1
        for name, value in trainer.callback_metrics.items():
            writer.add_scalar(name, value, epoch)
        writer.add_scalar("seconds", time.perf_counter() - self.started, epoch)
        for name, weights in module.named_parameters() if self.histograms else ():
            writer.add_histogram(f"weights/{name.removeprefix('model.')}", weights.detach().float(), epoch)
        writer.flush()


@dataclass(frozen=True)
class Fitted:
    """Where the run left its files: a checkpoint for each epoch (from 1) that was kept, the last, TensorBoard's
    folder."""

    epochs: dict[int, Path]
    last: Path
    tensorboard: Path


def _quiet() -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for text in (".*does not have many workers.*", ".*GPU available but not used.*", ".*exists and is not empty.*"):
        warnings.filterwarnings("ignore", text)
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.*")
    warnings.filterwarnings("ignore", ".*module.*in eval mode at the start.*")  # a frozen part is meant to be


def fit(
    model: nn.Module,
    task: Task,
    batches: DataLoader,
    validation: DataLoader,
    training: Training,
    seed: int,
    folder: Path,
    precision: Precision = Precision(),  # noqa: B008 - frozen
    devices: int = 1,
    num_nodes: int = 1,
    progress: bool = False,
    detailed: bool = True,
) -> Fitted:
    """Train ``model`` in place, writing checkpoints and TensorBoard files under ``folder``.

    ``detailed`` keeps every epoch's checkpoint and histograms of the weights; without it, for large networks, the epoch
    with the best validation accuracy (the first of equals) and the last are kept.

    On several ``devices`` and nodes each process gets its share of every batch: give ``batches`` the batch size of one
    device. Their gradients are averaged, so a step is that of one device with the whole batch, but for batch norm,
    which sees its own share where there are no GPUs to synchronize it on.

    A folder that holds an earlier, unfinished fit is continued from its last whole epoch and ends with the same
    weights as if it had never stopped. Always use the same folder for the same run.
    """
    _quiet()
    if devices * num_nodes > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))  # Lightning would choose others
    checkpoints = folder / "checkpoints"
    resume = to_go_on_from(checkpoints)
    module = Module(model, task, training, seed, f"{folder.parent.name}/{folder.name}")
    trainer = pl.Trainer(
        accelerator="auto" if torch.cuda.is_available() else "cpu",
        devices=devices,
        num_nodes=num_nodes,
        sync_batchnorm=torch.cuda.is_available() and devices * num_nodes > 1,
        max_epochs=training.epochs,
        precision="bf16-mixed" if precision.bf16 else "32-true",
        logger=TensorBoardLogger(folder, name="", version="tensorboard"),
        callbacks=[Curves(detailed), *keepers(checkpoints, detailed), *([TQDMProgressBar()] if progress else [])],
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # ours share each batch (see hw3.data.batches); validation is whole everywhere
    )
    model.train()  # the Trainer leaves each layer's mode as it finds it; a frozen part says here that it stays in eval
    trainer.fit(module, batches, validation, ckpt_path=resume and str(resume))
    return Fitted(epochs(checkpoints), checkpoints / "last.ckpt", folder / "tensorboard")
