from types import SimpleNamespace

import torch

from hw3.show.tables import (
    agreement,
    by_class,
    by_likeness,
    calibration,
    configuration,
    costs,
    data_notice,
    glue_all,
    minus,
    one_row,
    scores,
    spread,
    table,
)
from hw3.studies.shown import Shown


def test_parameters_are_the_second_column_of_every_score_table(make_arm):
    groups = {"MLP": make_arm("mlp", [0.9, 0.8], parameters=208_500)}
    for made in (scores(groups), costs(groups)):
        assert made.header[1] == "parameters"
        assert made.rows[0][:2] == ("MLP", "208,500")
    assert "85.0%<br>(80.0 to 90.0%)" in scores(groups).rows[0]
    assert costs(groups).rows[0][2:] == ("5,000", "3.3")


def test_agreement_is_counted_on_all_images_and_where_the_teacher_is_wrong(make_arm, targets):
    says = targets.clone()
    says[:60] = (says[:60] + 1) % 3  # a tenth is wrong
    student = says.clone()
    student[30:90] = (targets[30:90] + 2) % 3  # half of the mistakes repeated, and thirty other ones
    groups = {"student": make_arm("s", [torch.eye(3)[student]])}
    shown = Shown(groups, targets, targets)
    assert agreement(shown, groups, torch.eye(3)[says]).rows == (("student", "90.0%", "50.0%"),)


def test_one_temperature_repairs_a_network_that_is_surer_than_it_is_right(make_arm, targets, logits_of):
    (result,) = make_arm("s", [logits_of(0.75, sure=20.0)])
    kept = {part: logits_of(0.75, seed, sure=20.0) for seed, part in enumerate(("test", "validation"))}
    torch.save(kept, result.folder / "best.pt")
    ((_, loss, error, temperature, loss_there, error_there),) = calibration(
        Shown({"s": [result]}, targets, targets), {"s": [result]}
    ).rows
    assert error == "25.0%"  # always sure, right three times in four
    assert float(temperature) > 5
    assert float(loss_there) < 0.8 < float(loss)
    assert float(error_there.rstrip("%")) < 1


def test_a_spread_is_a_mean_with_its_range():
    assert spread([0.5, 0.75, 1.0]) == "75.0% (50.0 to 100.0%)"
    assert spread([0.5]) == "50.0%"
    assert spread([1.0, 2.0], ".2f") == "1.50 (1.00 to 2.00)"
    assert minus("-1.5") == "−1.5"


def test_a_table_is_markdown_with_numbers_to_the_right():
    assert table(("a", "b"), [("x", 1)])._repr_markdown_() == "| a | b |\n| --- | ---: |\n| x | 1 |"
    assert one_row(rate_of_starts=0.1).header == ("rate of starts",)


def test_each_class_of_each_network_has_a_row(make_arm):
    rows = by_class({"A": make_arm("a", [0.9]), "B": make_arm("b", [0.8])}).rows
    assert [row[:2] for row in rows] == [(n, c) for n in "AB" for c in ("Boot", "Sandal", "Shoe")]


class Described:
    name = "shoes/cnn"

    @property
    def what(self):
        training = {"kind": "Training", "weight_decay": 5e-4, "clip": None}
        return {"data": {"digest": "0123456789abcdef"}, "labels": None, "training": training}


def test_a_configuration_is_flat_and_leaves_out_what_is_not_set():
    made = configuration(Described())
    assert made.header == ("setting", "shoes/cnn")
    assert made.rows == (("data: digest", "`0123456789ab`"), ("training: weight decay", "0.0005"))


class Images:
    class source:  # noqa: N801
        stand_in = True
        description = "digits <drawn>"

    def __len__(self):
        return 1234


def test_a_stand_in_is_a_warning_and_its_text_is_escaped():
    notice = data_notice(Images())
    assert notice.kind == "warning"
    assert "1,234 images" in repr(notice)
    assert "digits &lt;drawn&gt;" in notice._repr_html_()
    assert "every verdict on this page is about these images" in notice.text
    kept = SimpleNamespace(recorded=True, words="recorded runs (9 images)")
    told = data_notice(Images(), kept).text
    assert told.endswith(
        "What it trained itself is about these images. Tables and verdicts show recorded runs (9 images)."
    )
    Images.source.stand_in = False
    assert data_notice(Images()).kind == "note"
    assert data_notice(Images(), kept).text.endswith("in all. Tables and verdicts show recorded runs (9 images).")
    kept.recorded = False
    assert data_notice(Images(), kept) == data_notice(Images())


def test_errors_by_likeness_leave_out_what_holds_no_image():
    likeness = torch.tensor([0.95, 0.9, 0.86, 0.3])
    shown = by_likeness(likeness, {"CNN": torch.tensor([1.0, 0.5, 0.0, 0.25]), "nearest": torch.zeros(4)})
    assert shown.header[2:] == ("error, CNN", "error, nearest")
    assert shown.rows == (
        ("above 0.90", "25.0%", "100.0%", "0.0%"),
        ("0.85 to 0.90", "50.0%", "25.0%", "0.0%"),
        ("below 0.70", "25.0%", "25.0%", "0.0%"),
    )


def test_texts_are_glued_under_their_names(monkeypatch):
    import myst_nb

    glued = {}
    monkeypatch.setattr(myst_nb, "glue", lambda name, value, display: glued.update({name: value}))
    glue_all({"a": "1", "b": "2"})
    assert glued == {"a": "1", "b": "2"}
