"""The questions to guess at: the choice that a page calls right is the one that comes out when it is computed."""

import re
from itertools import product
from math import isclose
from pathlib import Path

import pytest
import torch
from sympy import Rational, Symbol, limit, oo, pi, symbols
from torch import nn
from torchvision.models import resnet50

from hw3.data.views import views
from hw3.nets.count import parameters
from hw3.show.comparison import Comparison
from hw3.studies.teachers import WRONG, Changed
from hw3.theory import backpropagation, box_filter, distillation, factorization, kernel, layers
from hw3.train.losses import soft_entropy
from hw3.train.metrics import score

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(path for part in ("theory", "shoes", "distillation") for path in (ROOT / "book" / part).glob("*.md"))


def gap_at(factor):
    """The derivative of the soft cross-entropy without τ², at 1 and at ``factor``, as a ratio for large τ."""
    case, tau = distillation.setting(2), Symbol("tau", positive=True)
    point = dict(zip((*case.student, *case.teacher), (1, 0, 0, 2), strict=True))
    student, teacher = (distillation.softmax(side, tau)[0].subs(point) for side in (case.student, case.teacher))
    return limit((student - teacher) / tau * tau**factor, tau, oo)


def box_noise():
    return f"By {1 / sum(weight**2 for weight in box_filter.box_kernel()) ** Rational(1, 2)}"


def box_stripes():
    left = box_filter.frequency_response(box_filter.box_kernel(), 0, pi)
    return {-Rational(1, 3): "A third of the contrast, with black and white exchanged"}[left]


def layers_work():
    return max(layers.trace(layers.parse(layers.ASSIGNMENT), (32, 32, 3)), key=lambda row: row.multiplications).name


def layers_larger():
    small, large = (layers.trace(layers.parse(layers.ASSIGNMENT), (side, side, 3)) for side in (32, 64))
    (name,) = (a.name for a, b in zip(small, large, strict=True) if a.parameters != b.parameters)
    return f"Only in {name}"


def backprop_ways():
    net = backpropagation.network()
    maxima = [sum(v.has(z) for v in net.pooled_of_convolved) for z in net.convolved]
    held = [z.has(net.kernel[0]) for z in net.convolved_of_inputs]
    return {4: "Four"}[sum(m * h for m, h in zip(maxima, held, strict=True))]


def backprop_negative():
    net = backpropagation.network()
    point = dict(zip(net.convolved, (-1, -3, -2), strict=True))
    (gradient,) = {value.subs(point) for value in backpropagation.pool_gradients(net).values()}
    return str(gradient)


def kernel_nine():
    return str((205 - 9) // 3 + 1)


def kernel_stride():
    steps = [kernel.multiplications(10, 10, 96, ((205 - 10) // stride + 1,) * 2) for stride in (3, 1)]
    return f"{steps[1] / steps[0]:.0f} times"


def loss_two_forms():
    case = distillation.setting()
    assert not distillation.offset(case).free_symbols & set(case.student)
    return "The losses that they print"


def loss_hot():
    assert gap_at(1) == 0
    assert gap_at(2) not in (0, oo, -oo)
    return "It shrinks like 1/τ²"


def factor_double():
    c = symbols("c", positive=True)
    return {0: "Nothing"}[factorization.saving(c, 2 * c, 2 * c)]


def factor_seven():
    c = symbols("c", positive=True)
    return {Rational(5, 7): "Five sevenths"}[factorization.saving(c, c, c, size=7)]


def photos_best_of():
    scores = torch.randn(1000, 10, generator=torch.Generator().manual_seed(0))  # around the accuracy of all ten
    return "too high on the mean" if scores.amax(1).mean() > 1 else "right on the mean"


def photos_leak():
    return f"{100 * (Rational(1, 10) + Rational(9, 10) * Rational(4, 5))} %"


def mlp_dropout():
    p = Rational(1, 4)
    kept = 3 / (1 - p)
    mean = (1 - p) * kept
    return f"mean {mean}, variance {(1 - p) * kept**2 - mean**2}"


def mlp_constant():
    called = score(torch.tensor([[1.0, 0.0, 0.0]]).expand(9, 3), torch.arange(9) % 3)
    assert isclose(called.accuracy, 1 / 3)
    assert isclose(called.recall, 1 / 3)
    return str(Rational(called.precision).limit_denominator(100))


def cnn_chance():
    return f"± {100 * Comparison(0.0, 0.003, 0.004, (0.0, 0.0)).visible:g} points"


def cnn_moved():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))
    image = torch.zeros(1, 1, 20, 20)
    image[..., 8:12, 4:9] = torch.rand(4, 5)
    logits, moved = (body(x).mean((2, 3)) for x in (image, image.roll(5, 3)))
    return "Nothing" if torch.allclose(logits, moved, atol=1e-6) else "They change a little"


def drop_window():
    return {Rational(1, 10**9): "Once in a billion"}[Rational(1, 10) ** 9]


def drop_neighbour():
    starts = [(row, column) for row, column in product(range(-2, 1), repeat=2)]  # of blocks that cover the place (0, 0)
    return str(Rational(sum(column + 2 >= 1 for _, column in starts), len(starts)))


def linear_count():
    return f"{parameters(nn.Linear(2048, 10)):,}"


def linear_start():
    torch.manual_seed(0)
    features, labels = torch.randn(60, 5), torch.arange(60) % 3
    layers_found = []
    for _ in range(2):
        layer = nn.Linear(5, 3)  # other first weights each time
        optimizer = torch.optim.LBFGS(
            layer.parameters(), max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-9
        )

        def closure(layer=layer, optimizer=optimizer):
            optimizer.zero_grad()
            penalty = sum(p.square().sum() for p in layer.parameters()) / 20
            loss = nn.functional.cross_entropy(layer(features), labels) + penalty
            loss.backward()
            return loss

        optimizer.step(closure)
        layers_found.append(layer.weight.detach())
    return "the loss, the weights and all answers" if torch.allclose(*layers_found, atol=1e-4) else "the loss alone"


def student_views():
    return str(len(views(4)))


def student_temperature():
    logits = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(200) % 5
    sharp, soft = score(logits, labels), score(logits / 2, labels)
    assert sharp.accuracy == soft.accuracy
    assert sharp.loss != soft.loss
    return "how sure it is"


def tuning_clip():
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    nn.utils.clip_grad_norm_([weight], 1.0)
    return f"({weight.grad[0]:.1f}, {weight.grad[1]:.1f})"


def tuning_share():
    network = resnet50()
    network.fc = nn.Linear(2048, 10)
    assert parameters(network) == 23_528_522
    return f"about {round(parameters(network) // parameters(network.fc), -1):,} times"


def helps_entropy():
    answer = torch.tensor([[0.0, 0.0] + [-1e4] * 8])
    return f"{soft_entropy(answer, 1.0).item():.2f}"


def helps_changed():
    class Answers:
        def logits(self):
            return torch.randn(2, 50, 10, generator=torch.Generator().manual_seed(0))

    before = soft_entropy(Answers().logits().flatten(0, 1), 1.0)
    kept = []
    for how in WRONG:
        after = soft_entropy(Changed(Answers(), how, 1.0).logits().float().flatten(0, 1), 1.0)
        kept += [how] if torch.allclose(after, before, atol=0.01) else []
    return {("shuffled",): "shuffling the wrong classes", ("even",): "making the wrong classes even"}[tuple(kept)]


RIGHT = [
    box_noise,
    box_stripes,
    layers_work,
    layers_larger,
    backprop_ways,
    backprop_negative,
    kernel_nine,
    kernel_stride,
    loss_two_forms,
    loss_hot,
    factor_double,
    factor_seven,
    photos_best_of,
    photos_leak,
    mlp_dropout,
    mlp_constant,
    cnn_chance,
    cnn_moved,
    drop_window,
    drop_neighbour,
    linear_count,
    linear_start,
    student_views,
    student_temperature,
    tuning_clip,
    tuning_share,
    helps_entropy,
    helps_changed,
]


@pytest.mark.parametrize("computed", RIGHT)
def test_the_right_choice_of_a_quiz_is_the_computed_one(computed):
    name = computed.__name__.replace("_", "-")
    (quiz,) = re.findall(rf"(?ms)^:::\{{quiz\}} {name}\n(.*?)^:::$", "".join(map(Path.read_text, PAGES)))
    choices = re.findall(r"(?m)^(\S.*)\n: (Yes|No)", quiz)
    assert 2 <= len(choices) <= 4
    assert [choice for choice, word in choices if word == "Yes"] == [computed()]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_each_page_has_two_quizzes_and_each_is_checked(page):
    names = re.findall(r"(?m)^:::\{quiz\} (\S+)$", page.read_text())
    assert len(names) == 2
    assert {name.replace("-", "_") for name in names} <= {computed.__name__ for computed in RIGHT}
