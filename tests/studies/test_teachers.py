"""What a teacher's answers become when those about the wrong classes are changed."""

from dataclasses import dataclass

import pytest
import torch

from hw3.studies.teachers import WRONG, Changed

TAU = 4.0


@dataclass
class Made:
    """Random answers, (views, images, classes)."""

    what: str = "made up"
    needs: tuple = ()

    def logits(self):
        return (3 * torch.randn(2, 50, 6, generator=torch.Generator().manual_seed(0))).half()


@pytest.mark.parametrize("wrong", WRONG)
def test_the_named_class_and_its_probability_stay(wrong):
    before, after = Made().logits().float(), Changed(Made(), wrong, TAU).logits().float()
    assert torch.equal(before.argmax(2), after.argmax(2))
    torch.testing.assert_close((before / TAU).softmax(2).amax(2), (after / TAU).softmax(2).amax(2), atol=2e-3, rtol=0)


def test_shuffled_answers_are_the_same_numbers_in_another_order():
    before, after = Made().logits(), Changed(Made(), "shuffled", TAU).logits()
    assert torch.equal(before.sort(2).values, after.sort(2).values)
    moved = (before != after).any(2).double().mean()
    assert moved > 0.9
    assert torch.equal(after, Changed(Made(), "shuffled", TAU).logits())  # the same whenever it is asked


def test_even_answers_say_nothing_of_the_wrong_classes():
    answers = Changed(Made(), "even", TAU).logits()
    wrong = answers.sort(2).values[..., :-1]
    assert torch.equal(wrong, wrong[..., :1].expand_as(wrong))


def test_what_names_the_change_and_the_teacher():
    assert Changed(Made(), "even", TAU).what == {"wrong classes": "even", "temperature": TAU, "of": "made up"}
    with pytest.raises(ValueError, match="wrong is 'uneven'; it must be one of shuffled, even"):
        Changed(Made(), "uneven", TAU)
