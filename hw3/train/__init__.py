"""Settings, losses, the one loop, metrics, the last layer as a convex problem.

The names are handed on when they are asked for: ``import hw3.train`` alone does not load torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hw3.train.device import default_precision, fabric
    from hw3.train.linear import fit_linear
    from hw3.train.loop import fit, predict
    from hw3.train.losses import Classification, Distillation, distillation_loss, distillation_loss_kl, soft_kl
    from hw3.train.metrics import Scores, score
    from hw3.train.settings import Training

__all__ = [
    "Classification",
    "Distillation",
    "Scores",
    "Training",
    "default_precision",
    "distillation_loss",
    "distillation_loss_kl",
    "fabric",
    "fit",
    "fit_linear",
    "predict",
    "score",
    "soft_kl",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"hw3.train has no {name!r}; it has {', '.join(__all__)}")
    from hw3.train import device, linear, loop, losses, metrics, settings

    return next(
        getattr(room, name) for room in (device, linear, loop, losses, metrics, settings) if hasattr(room, name)
    )
