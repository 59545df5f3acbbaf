"""One run, from its configuration to its stored result. The test part is opened once, after the best epoch is
chosen."""

import shutil
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from hw3.data import ImageSet, load, loader
from hw3.data.files import lock
from hw3.data.parts import Split
from hw3.lab import curves, store
from hw3.lab.backbone import sources
from hw3.lab.experiments import TUNED, Experiment, experiment
from hw3.lab.material import Spread, first_process, material
from hw3.lab.profiles import Profile
from hw3.lab.search import best
from hw3.learn.loop import predict
from hw3.learn.metrics import score
from hw3.learn.precision import Precision, processor
from hw3.learn.settings import threads
from hw3.nets import count

THREADS = 1  # a result must not depend on the number of cores; other runs use the other cores


def run(
    name: str, seed: int, profile: Profile, progress: bool = False, devices: int = 1, num_nodes: int = 1
) -> store.Result:
    """The result of experiment ``name`` with ``seed``: from the store if it is there, else by training, which goes on
    where a killed run stopped. A second process that asks for the same run waits and then reads it.

    On several ``devices`` or nodes the batch size stays what the experiment says, divided among them. Each process
    calls this; the first one tests and stores, and the others read what it stored, so the nodes need one run store.
    On CPUs batch norm then sees a share of each batch: another result, under a key of its own.
    """
    config, run_key = identity(name, seed, profile)
    spread = Spread(devices, num_nodes)
    if spread.splits_statistics:
        run_key += f"-shared-by-{spread.processes}"
    folder = store.folder_of(name, seed, run_key)
    if config.training.batch_size % spread.processes:
        raise ValueError(f"a batch of {config.training.batch_size} cannot be divided among {spread.processes} devices")
    if devices > torch.cuda.device_count() > 0:
        raise ValueError(f"{devices} devices were asked for and this machine has {torch.cuda.device_count()} GPUs")
    with lock(folder) if first_process() else nullcontext():
        result = store.read(folder)
        if result is None:
            with threads(THREADS):
                _train_and_test(config, seed, profile, folder, run_key, progress, spread)
            result = store.read(folder) if first_process() else store.wait(folder)
    if result is None:
        raise RuntimeError(f"{folder} was written and cannot be read back; is the disk failing?")
    return result


def identity(name: str, seed: int, profile: Profile) -> tuple[Experiment, str]:
    """The complete configuration of a run, α and τ searched for if the experiment leaves them open, and its key."""
    config = experiment(name, profile)
    if config.study is None:
        return config, store.key(config, seed, profile, load(config.data, source=profile.source, quiet=True).digest)
    given = config.study
    if given.teacher is not None and given.temperature is None:
        alpha, temperature = best(profile.name)
        given = replace(given, alpha=alpha if given.alpha is None else given.alpha, temperature=temperature)
        config = replace(config, study=given)
    data, _, weights = sources(profile.name)
    digests = [data.digest, weights.digest]
    if given.teacher == "tuned":
        digests.append(identity(TUNED, profile.seeds[0], profile)[1])  # one teacher for all students, as the linear one
    return config, store.key(config, seed, profile, " ".join(digests))


def _train_and_test(
    config: Experiment, seed: int, profile: Profile, folder: Path, run_key: str, progress: bool, spread: Spread
) -> None:
    from hw3.learn import checkpoints, engine  # Lightning takes seconds to import, and a stored result does not need it

    (folder / "result.json").unlink(missing_ok=True)
    from_tuned = config.study is not None and config.study.teacher == "tuned"
    tuned = run(TUNED, profile.seeds[0], profile, False, spread.devices, spread.num_nodes) if from_tuned else None
    made = material(config, seed, profile, spread, tuned)
    data, parts, model, precision = made.data, made.parts, made.model, made.precision
    precision.place(model)
    fitted = engine.fit(
        model,
        made.task,
        made.batches,
        loader(
            data.images[parts.validation],
            data.labels[parts.validation],
            batch_size=500,
            channels_last=precision.channels_last,
        ),
        config.training,
        seed,
        folder,
        precision,
        spread.devices,
        spread.num_nodes,
        progress,
        made.detailed,
    )
    if not first_process():
        return
    watched = curves.scalars(fitted.tensorboard)
    weights = {epoch: checkpoints.weights_of(checkpoint) for epoch, checkpoint in fitted.epochs.items()}
    best_epoch = choose(watched["accuracy/validation"], watched["loss/validation"], fitted.epochs)
    logits = _test(model, weights, data, parts, precision, best_epoch, fitted.tensorboard)
    torch.save(logits, folder / "test_logits.pt")
    torch.save(weights[best_epoch], folder / "best.pt")
    files = ["best.pt", "test_logits.pt"]
    if made.detailed:
        shutil.copyfile(fitted.last, folder / "last.ckpt")
        files.append("last.ckpt")
    watched = curves.scalars(fitted.tensorboard)
    record = {
        "name": config.name,
        "seed": seed,
        "profile": profile.name,
        "key": run_key,
        "settings": asdict(config),
        "data_source": data.source.description,
        "stand_in": data.source.stand_in,
        "class_names": data.class_names,
        "parameters": count.parameters(model),
        "parameters_by_kind": count.by_kind(model),
        "multiplications": count.multiplications(model, data.shape),
        "precision": str(precision),
        "processor": processor(),
        "seconds": sum(watched["seconds"]),
        "best_epoch": best_epoch,
        "validation_accuracy": watched["accuracy/validation"][best_epoch - 1],
        "test": asdict(score(logits, data.labels[parts.test])),
        "curves": watched,
        "versions": store.versions(),
    }
    events = [str(path.relative_to(folder)) for path in sorted(fitted.tensorboard.iterdir())]
    store.save(folder, record, [*files, *events])
    shutil.rmtree(folder / "checkpoints")


def choose(accuracies: list[float], losses: list[float], kept: Collection[int]) -> int:
    """Of the ``kept`` epochs (from 1), the one with the highest validation accuracy; among equals, with the lowest
    loss."""
    return max(kept, key=lambda epoch: (accuracies[epoch - 1], -losses[epoch - 1]))


def _test(
    model: nn.Module,
    weights: dict[int, dict[str, Tensor]],
    data: ImageSet,
    parts: Split,
    precision: Precision,
    best_epoch: int,
    tensorboard: Path,
) -> Tensor:
    """Test logits of the best epoch. The other epochs are replayed for the curve only; the choice has been made."""
    from torch.utils.tensorboard import SummaryWriter

    images, targets = precision.arrange(data.images[parts.test]), data.labels[parts.test]
    logits = {}
    with SummaryWriter(str(tensorboard)) as writer:
        for epoch, state in weights.items():
            model.load_state_dict(state)
            logits[epoch] = predict(model, images, precision)
            scores = score(logits[epoch], targets)
            writer.add_scalar("loss/test", scores.loss, epoch)
            writer.add_scalar("accuracy/test", scores.accuracy, epoch)
    return logits[best_epoch]
