"""What pages show: the record, or else this build's own runs, and a damaged record is not passed over."""

from functools import partial

import pytest

from hw3.files import DataError
from hw3.nets.cnn import cnn
from hw3.studies.record import record
from hw3.studies.shown import shown


def test_pages_show_the_record_or_else_their_own_runs(runs, small, folder, plan_of):
    alone, wide = small(name="rows/alone"), small(name="rows/wide", network=partial(cnn, widths=(6, 6)))
    assert not shown("rows", [alone, wide], (5, 6)).recorded
    record(plan_of(alone), jobs=1)
    mixed = shown("rows", [alone, wide], (5, 6))
    assert not mixed.recorded
    assert [r.seed for r in mixed.groups["rows/wide"]] == [5, 6]
    record(plan_of(wide, seeds=(0, 1, 2)), jobs=1)
    both = shown("rows", [alone, wide], (5, 6))
    assert both.recorded
    assert [r.seed for r in both.groups["rows/wide"]] == [0, 1]  # paired
    assert "recorded" in both.words
    assert shown(["never", "rows"], [alone, wide], (5, 6)).record == "rows"
    assert shown(["never"], [alone, wide], (5, 6)).record is None
    record(plan_of(small(name="rows/third"), seeds=(1, 2)), jobs=1)
    third, never = small(name="rows/third"), small(name="rows/never")
    for more in ({"apart": [third]}, {"beside": [third, never]}):  # with the seeds that it has
        groups = shown("rows", [alone, wide], (5, 6), **more).groups
        assert {name: [r.seed for r in arm] for name, arm in groups.items()} == {
            "rows/alone": [0, 1],
            "rows/wide": [0, 1],
            "rows/third": [1, 2],
        }
    assert not shown("rows", [alone], (5, 6), apart=[never]).recorded
    single = small(name="rows/single")
    record(plan_of(single, seeds=(1,)), jobs=1)
    assert [r.seed for r in shown("rows", [alone], (5, 6), apart=[single]).groups["rows/single"]] == [1]
    assert not shown("rows", [alone, single], (5, 6)).recorded  # one seed is no pair


def test_a_damaged_record_is_not_passed_over(one, small, plan_of):
    folder, experiment = one
    record(plan_of(experiment), jobs=1)
    (folder / "taught-seed0.npz.xz").write_bytes(b"")
    with pytest.raises(DataError, match="not what was recorded"):
        shown("rows", [experiment], (0,))
