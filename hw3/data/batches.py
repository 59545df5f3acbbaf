"""Whole batches from tensors in memory, in an order that depends on the seed and the epoch alone."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

Batch = tuple[Tensor, ...]


class TensorBatches(Dataset[Batch]):
    """Several tensors of equal length; a list of indices gives one batch in one indexing operation."""

    def __init__(self, *tensors: Tensor, channels_last: bool = True) -> None:
        lengths = {len(tensor) for tensor in tensors}
        if len(lengths) != 1:
            raise ValueError(f"the tensors have the lengths {[len(t) for t in tensors]}; they must be equal")
        # Rows are picked from memory laid out as the network will read it, so that a batch needs no second copy.
        self.channels_last = channels_last
        self.tensors = tuple(self._stored(tensor) for tensor in tensors)

    def _stored(self, tensor: Tensor) -> Tensor:
        if tensor.dim() != 4:
            return tensor
        return tensor.permute(0, 2, 3, 1).contiguous() if self.channels_last else tensor.contiguous()

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        picked = (tensor.index_select(0, chosen) for tensor in self.tensors)
        return tuple(t.permute(0, 3, 1, 2) if t.dim() == 4 and self.channels_last else t for t in picked)


def _processes() -> tuple[int, int]:
    """This process's rank and how many there are that train one network together."""
    together = torch.distributed.is_available() and torch.distributed.is_initialized()
    return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if together else (0, 1)


Order = Callable[[torch.Generator], Tensor]


class EpochSampler(Sampler[int]):
    """An order drawn from (seed, epoch) alone: the same epoch always has the same one, also after a resume.

    ``order(generator)`` gives all ``draws`` indices of an epoch, by default a permutation. Of w processes that train
    together each takes every w-th, so that the k-th batches of all are the k-th batch of one; Lightning's own sampler
    for several devices would shuffle again.
    """

    def __init__(self, draws: int, seed: int, order: Order | None = None) -> None:
        self.draws, self.seed, self.epoch = draws, seed, 0
        self.order = order or partial(_permutation, draws)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.draws // _processes()[1]

    def __iter__(self) -> Iterator[int]:
        rank, processes = _processes()
        order = self.order(torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)).tolist()
        return iter(order[rank : len(self) * processes : processes])


def _permutation(draws: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(draws, generator=generator)


def _whole(batch: Any) -> Batch:
    return batch


def batches(dataset: Dataset[Batch], batch_size: int, sampler: EpochSampler | None = None) -> DataLoader[Batch]:
    """Whole batches of a data set with ``__getitems__``: those of the sampler, without what does not fill a last one,
    or all in order."""
    # A generator of its own: otherwise each pass would draw a number from torch's global one and shift all masks.
    own = torch.Generator().manual_seed(0)
    drop_last = sampler is not None
    return DataLoader(dataset, batch_size, sampler=sampler, drop_last=drop_last, collate_fn=_whole, generator=own)


def loader(*tensors: Tensor, batch_size: int, seed: int | None = None, channels_last: bool = True) -> DataLoader[Batch]:
    """Batches of ``tensors``: shuffled anew for each epoch when ``seed`` is given, in order when it is None.

    4-D tensors are images (N, C, H, W); their batches have that shape too, in the memory layout asked for. A shuffled
    epoch leaves out what does not fill a last batch (other images each time; batch norm cannot use a batch of one);
    in order, the last batch holds what is left. Call ``loader.sampler.set_epoch(epoch)`` before each shuffled epoch.

    Raises:
        ValueError: a batch size below 1, tensors of different lengths, or too few of them to fill one batch.
    """
    dataset = TensorBatches(*tensors, channels_last=channels_last)
    if seed is not None and len(dataset) < batch_size:
        raise ValueError(f"{len(dataset)} samples do not fill one batch of {batch_size}; choose a smaller batch_size")
    return batches(dataset, batch_size, None if seed is None else EpochSampler(len(dataset), seed))
