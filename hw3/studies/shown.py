"""What a page shows of some experiments: what is recorded of them, or else this build's own runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from hw3.studies.parallel import run_all
from hw3.studies.record import has, read
from hw3.studies.run import Experiment, Result


@dataclass(frozen=True)
class Shown:
    """What a page shows of some experiments: ``groups`` by name, the labels of the parts that test and that choose, and
    the name of the ``record`` that they are from; None: they are this build's own."""

    groups: dict[str, list[Result]]
    targets: Tensor
    validation: Tensor
    record: str | None = None

    @property
    def recorded(self) -> bool:
        return self.record is not None

    @property
    def words(self) -> str:
        """Where the numbers come from, as a clause."""
        one = next(iter(self.groups.values()))
        train, epochs = one[0].what["split"]["train"], one[0].epochs
        sizes = f"{train:,} images, {epochs} epoch{'s' * (epochs > 1)}, {len(one)} seeds"
        return f"{'recorded runs' if self.recorded else 'runs of this build'} ({sizes}, {one[0].data_source})"


def shown(
    records: str | Sequence[str],
    experiments: Sequence[Experiment],
    seeds: Sequence[int],
    *,
    apart: Sequence[Experiment] = (),
    beside: Sequence[Experiment] = (),
) -> Shown:
    """Runs of ``experiments`` with the same seeds, of ``apart`` with any, one or more, and of ``beside``: what is
    recorded, under the first name in ``records`` that has two seeds or more, and there of each of ``beside`` if they
    are; else this build's own, with ``seeds``.

    Raises:
        DataError: a file of the record was changed.
    """
    paired, single = [e.name for e in experiments], [e.name for e in apart]
    for name in [records] if isinstance(records, str) else records:
        if not (has(name, *paired) and has(name, *single, runs=1)):
            continue
        more = [e.name for e in beside if has(name, e.name)]
        kept = read(name, *paired, *single, *more)
        groups: dict[str, list[Result]] = {n: list(g) for n, g in zip(paired, kept.arms(*paired), strict=True)}
        if min(map(len, groups.values())) > 1:
            groups |= {n: list(kept.groups[n]) for n in single + more}
            return Shown(groups, kept.targets, kept.labels["validation"], name)
    labels, parts = experiments[0].data.labels, experiments[0].split
    own = run_all([*experiments, *apart, *beside], seeds)
    return Shown(own, labels[parts.test], labels[parts.validation])
