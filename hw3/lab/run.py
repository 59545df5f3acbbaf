"""One run, from its configuration to its stored result. The test part is opened once, after the best epoch is
chosen."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from hw3.data import ImageSet, load, loader, split
from hw3.data.files import lock, produce
from hw3.data.parts import Split
from hw3.lab import curves, store
from hw3.lab.experiments import Experiment, experiment
from hw3.lab.profiles import Profile
from hw3.learn.loop import predict
from hw3.learn.metrics import score
from hw3.learn.precision import Precision, fastest, processor
from hw3.learn.settings import threads
from hw3.learn.tasks import classification
from hw3.nets import count
from hw3.nets.models import build
from hw3.nets.normalize import Normalize, pixel_statistics

SPLIT_SEED = 0  # every run sees the same three parts; the seed of a run moves weights, batches and masks
REFERENCE = {"shoes": "shoes/cnn"}  # whose speed decides the precision
THREADS = 1  # a result must not depend on the number of cores; other runs use the other cores


def network(config: Experiment, data: ImageSet, parts: Split, seed: int) -> nn.Module:
    """The network of ``config`` with weights drawn from ``seed``; uint8 images in, logits out."""
    mean, std = pixel_statistics(data.images[parts.train])
    torch.manual_seed(seed)
    model = build(config.model, data.shape, len(data.class_names), **config.options)
    return nn.Sequential(Normalize(mean, std), model)


def run(name: str, seed: int, profile: Profile, progress: bool = False) -> store.Result:
    """The result of experiment ``name`` with ``seed``: from the store if it is there, else by training, which goes on
    where a killed run stopped. A second process that asks for the same run waits and then reads it."""
    config = experiment(name, profile)
    data = load(config.data, source=profile.source, quiet=True)
    run_key = store.key(config, seed, profile, data.digest)
    folder = store.folder_of(name, seed, run_key)
    with lock(folder):
        result = store.read(folder)
        if result is None:
            with threads(THREADS):
                _train_and_test(config, seed, profile, data, folder, run_key, progress)
            result = store.read(folder)
    if result is None:
        raise RuntimeError(f"{folder} was written and cannot be read back; is the disk failing?")
    return result


def _train_and_test(
    config: Experiment, seed: int, profile: Profile, data: ImageSet, folder: Path, run_key: str, progress: bool
) -> None:
    from hw3.learn import engine  # Lightning takes seconds to import, and a stored result does not need it

    (folder / "result.json").unlink(missing_ok=True)
    parts = split(data, seed=SPLIT_SEED)
    model = network(config, data, parts, seed)
    train, validation = ((data.images[part], data.labels[part]) for part in (parts.train, parts.validation))
    size = config.training.batch_size
    precision = _precision(config, data, parts, (train[0][:size], train[1][:size]), profile, folder)
    precision.place(model)
    fitted = engine.fit(
        model,
        classification,
        loader(*train, batch_size=size, seed=seed, channels_last=precision.channels_last),
        loader(*validation, batch_size=500, channels_last=precision.channels_last),
        config.training,
        seed,
        folder,
        precision,
        progress=progress,
    )
    watched = curves.scalars(fitted.tensorboard)
    best_epoch = choose(watched["accuracy/validation"], watched["loss/validation"])
    weights = {epoch: engine.weights_of(checkpoint) for epoch, checkpoint in fitted.epochs.items()}
    logits = _test(model, weights, data, parts, precision, best_epoch, fitted.tensorboard)
    torch.save(logits, folder / "test_logits.pt")
    torch.save(weights[best_epoch], folder / "best.pt")
    shutil.copyfile(fitted.last, folder / "last.ckpt")
    watched = curves.scalars(fitted.tensorboard)
    record = {
        "name": config.name,
        "seed": seed,
        "profile": profile.name,
        "key": run_key,
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
    store.save(folder, record, ["best.pt", "last.ckpt", "test_logits.pt", *events])
    shutil.rmtree(folder / "checkpoints")


def _precision(
    config: Experiment, data: ImageSet, parts: Split, batch: tuple[Tensor, ...], profile: Profile, folder: Path
) -> Precision:
    """One for all networks that are trained on a data set, so that two arms never differ in it: what is fastest for the
    data set's largest network. It is kept in the run's folder, in case the run is resumed."""
    reference = experiment(REFERENCE[config.data], profile)

    def make(path: Path) -> None:
        chosen = fastest(lambda: network(reference, data, parts, 0), classification, batch, config.data)
        path.write_text(json.dumps(asdict(chosen)))

    return Precision(**json.loads(produce(folder / "precision.json", make).read_text()))


def choose(accuracies: list[float], losses: list[float]) -> int:
    """The epoch (from 1) with the highest validation accuracy; among equals, the one with the lowest loss."""
    return max(range(len(accuracies)), key=lambda i: (accuracies[i], -losses[i])) + 1


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
