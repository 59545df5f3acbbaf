"""Looking into trained networks: activations, their correlation in space, filters, mistakes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from hw3.store import once
from hw3.studies.run import Experiment, Result
from hw3.train.device import fabric
from hw3.train.loop import predict
from hw3.train.settings import threads


def trained(experiment: Experiment, result: Result) -> nn.Module:
    """The network of a finished run with the weights of its best epoch, in evaluation mode."""
    model = experiment.model(result.seed)
    model.load_state_dict(result.weights)
    return model.eval()


def re_estimated(experiment: Experiment, result: Result, images: int = 2000) -> Tensor:
    """Test logits (N, classes) of a run's best epoch after the batch-norm means and variances were taken anew from
    ``images`` training images with all masks off. Nothing is trained.

    With masks on, batch norm gathers statistics that do not hold without them (Li et al. 2019, arXiv 1801.05134).
    """

    def make(folder: Path) -> None:
        with threads(1):
            model = trained(experiment, result)
            for layer in model.modules():
                if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                    layer.reset_running_stats()
                    layer.train().momentum = None  # a plain average over the batches; masks stay off
            data, parts = experiment.data, experiment.split
            order = torch.randperm(len(parts.train), generator=torch.Generator().manual_seed(0))[:images]
            with torch.no_grad():
                for batch in data.images[parts.train[order]].split(250):
                    model(batch)
            logits = predict(fabric(experiment.training.precision), model.eval(), data.images[parts.test])
        torch.save(logits, folder / "logits.pt")

    what = {"run": result.key, "name": result.name, "seed": result.seed, "images": images}
    return torch.load(once("re-estimated", what, make) / "logits.pt", weights_only=True)


def shifted(experiment: Experiment, result: Result, pixels: int) -> Tensor:
    """Test logits (N, classes) of a run's best epoch for photographs that were moved to the right by ``pixels``; the
    column at the edge is repeated where nothing else is left."""
    images = experiment.data.images[experiment.split.test]
    columns = (torch.arange(images.shape[3]) - pixels).clamp_min(0)
    with threads(1):
        return predict(fabric(experiment.training.precision), trained(experiment, result), images[..., columns])


@torch.no_grad()
def activations(model: nn.Module, images: Tensor, block: int) -> Tensor:
    """What leaves block ``block`` (from 0) of a CNN for uint8 images (N, C, H, W): float (N, channels, h, w)."""
    normalize, body = model[0], model[1]  # type: ignore[index]
    return nn.Sequential(normalize, *list(body)[: block + 1]).eval()(images).contiguous()


def spatial_correlation(maps: Tensor, distance: int) -> float:
    """Pearson correlation of a pixel with the one ``distance`` columns or rows away in the same channel, taken over
    images and places, then averaged over the channels of (N, C, h, w) that vary.

    Raises:
        ValueError: the maps are not larger than ``distance``.
    """
    if distance < 1 or distance >= min(maps.shape[2:]):
        raise ValueError(
            f"distance is {distance}; maps of {tuple(maps.shape[2:])} allow 1 to {min(maps.shape[2:]) - 1}"
        )
    pairs = (
        (maps[..., :-distance], maps[..., distance:]),
        (maps[:, :, :-distance], maps[:, :, distance:]),
    )
    by_channel = [_correlation(*(p.transpose(0, 1).flatten(1) for p in pair)) for pair in pairs]
    return torch.stack(by_channel).nanmean().item()


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Row by row; NaN for a row that does not vary."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()


def recoverable(maps: Tensor, distance: int) -> float:
    """How much of a pixel's variance the eight pixels ``distance`` away (straight and diagonal) tell: R² of the best
    linear guess in each channel, averaged over the channels of (N, C, h, w) that vary."""
    d = distance
    height, width = maps.shape[2:]
    if d < 1 or 2 * d >= min(height, width):
        raise ValueError(f"distance is {d}; maps of {height} x {width} are too small for a ring of that size")
    shifts = [(i, j) for i in (-d, 0, d) for j in (-d, 0, d)]
    views = [maps[:, :, d + i : height - d + i, d + j : width - d + j].transpose(0, 1).flatten(1) for i, j in shifts]
    centre = views.pop(4).double()
    ring = torch.stack(views, 2).double()  # (C, places, 8)
    ring, centre = ring - ring.mean(1, keepdim=True), centre - centre.mean(1, keepdim=True)
    varies = centre.square().sum(1) > 0
    ring, centre = ring[varies], centre[varies]
    normal = ring.mT @ ring + 1e-9 * torch.eye(8, dtype=ring.dtype)
    guess = (ring @ torch.linalg.solve(normal, ring.mT @ centre[..., None])).squeeze(-1)
    return (1 - (centre - guess).square().sum(1) / centre.square().sum(1)).mean().item()


@torch.no_grad()
def masked_statistics(steps: nn.Module, maps: Tensor, masks: nn.Module) -> tuple[float, float]:
    """What ``masks`` on ``maps`` (N, C, h, w) do to a channel behind ``steps``: by how many of its standard deviations
    the mean rises, and by what factor the variance grows; means over the channels that vary."""
    on, off = (steps(z).transpose(0, 1).flatten(1).double() for z in (masks(maps), maps))
    rises, grows = (on.mean(1) - off.mean(1)) / off.std(1), on.var(1) / off.var(1)
    varies = off.var(1) > 0
    return rises[varies].mean().item(), grows[varies].mean().item()


@dataclass(frozen=True)
class RankOne:
    """``energy``: share of each filter's squared weights that its best column-times-row keeps, (filters,)."""

    filters: Tensor
    approximations: Tensor
    energy: Tensor


def rank_one(filters: Tensor) -> RankOne:
    """The best rank-1 approximation of each 3 x 3 filter (..., 3, 3), by singular values (Eckart and Young 1936)."""
    flat = filters.detach().reshape(-1, *filters.shape[-2:])
    u, s, v = torch.linalg.svd(flat)
    best = s[:, :1, None] * u[:, :, :1] @ v[:, :1]
    return RankOne(flat, best, s[:, 0].square() / s.square().sum(1))


@dataclass(frozen=True)
class Mistake:
    """A test image, what it is, what it was called, and the probability that the network gave to that."""

    image: Tensor
    file: str
    label: str
    called: str
    probability: float


def worst(experiment: Experiment, result: Result, count: int = 6) -> list[Mistake]:
    """The test images that the run got most wrong: highest cross-entropy first."""
    data, indices, logits = experiment.data, experiment.split.test, result.logits
    losses = nn.functional.cross_entropy(logits, data.labels[indices], reduction="none")
    names, mistakes = data.class_names, []
    for position in losses.argsort(descending=True)[:count].tolist():
        index, shares = int(indices[position]), logits[position].softmax(0)
        called = int(shares.argmax())
        label, probability = names[data.labels[index]], shares[called].item()
        mistakes.append(Mistake(data.images[index], data.files[index], label, names[called], probability))
    return mistakes
