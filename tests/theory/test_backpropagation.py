import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Symbol, expand, latex
from torch.nn import functional as F

from hw3.theory import backpropagation

sizes = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)).map(
    lambda s: (s[0] + s[1] + s[2] - 2, s[0], s[1])  # n, d, pool with s[2] outputs
)


def forward(net, values):
    """The network in torch, from a dict of scalar tensors by symbol name."""
    x = torch.stack([values[s.name] for s in net.inputs])
    k = torch.stack([values[s.name] for s in net.kernel])
    w = torch.stack([values[s.name] for s in net.weights])
    z = F.conv1d(x[None, None], k[None, None]).flatten() + values["b"]
    v = F.relu(F.max_pool1d(z[None, None], len(net.convolved) - len(net.pooled) + 1, stride=1)).flatten()
    prediction = (w * v).sum() + values["a"]
    return z, v, prediction, (values["y"] - prediction) ** 2 / 2


def random_values(net, seed):
    torch.manual_seed(seed)
    names = [s.name for s in (*net.inputs, *net.kernel, *net.weights, net.bias, net.offset, net.target)]
    return {name: torch.randn((), dtype=torch.float64, requires_grad=True) for name in names}


def formulas(net, values, z, v, prediction):
    """All gradients by the formulas (b), (c) and (d), chained."""
    point = {Symbol(n, real=True): t.item() for n, t in values.items()}
    point |= {s: t.item() for s, t in zip(net.convolved, z, strict=True)}
    point |= {s: t.item() for s, t in zip(net.pooled, v, strict=True)} | {net.prediction: prediction.item()}
    output = {s.name: e.subs(point) for s, e in backpropagation.output_gradients(net).items()}
    upstream = net.loss_of_prediction.diff(net.prediction).subs(point)
    deltas = {Symbol(f"delta{j}", real=True): upstream * point[w] for j, w in enumerate(net.weights, 1)}
    alphas = {
        Symbol(f"alpha{i}", real=True): e.subs(point | deltas)
        for i, e in enumerate(backpropagation.pool_gradients(net).values(), 1)
    }
    return output | {s.name: e.subs(point | alphas) for s, e in backpropagation.convolution_gradients(net).items()}


@given(size=sizes, seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_chained_formulas_agree_with_autograd(size, seed):
    net = backpropagation.network(*size)
    values = random_values(net, seed)
    z, v, prediction, loss = forward(net, values)
    loss.backward()
    gradients = formulas(net, values, z, v, prediction)
    assert set(gradients) == set(values) - {"y"}
    for name, gradient in gradients.items():
        assert float(gradient) == pytest.approx(values[name].grad.item(), rel=1e-9, abs=1e-12)


@given(size=sizes, seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_chained_formulas_agree_with_finite_differences(size, seed):
    net = backpropagation.network(*size)
    values = random_values(net, seed)
    z, v, prediction, _ = forward(net, values)
    gradients = formulas(net, values, z, v, prediction)
    step = 1e-6
    with torch.no_grad():
        for name, gradient in gradients.items():
            shifted = [forward(net, values | {name: values[name] + s})[3].item() for s in (step, -step)]
            assert float(gradient) == pytest.approx((shifted[0] - shifted[1]) / (2 * step), rel=1e-4, abs=1e-5)


def test_the_assignments_answers():
    net = backpropagation.network()
    assert {s.name for s in backpropagation.parameters(net)} == {"k1", "k2", "k3", "b", "w1", "w2", "a"}
    x, alpha = net.inputs, [Symbol(f"alpha{i}", real=True) for i in (1, 2, 3)]
    gradients = backpropagation.convolution_gradients(net)
    for j, tap in enumerate(net.kernel):
        assert expand(gradients[tap] - sum(alpha[i] * x[i + j] for i in range(3))) == 0
    assert gradients[net.bias] == sum(alpha)
    error = net.prediction - net.target
    assert backpropagation.output_gradients(net) == {
        net.weights[0]: expand(error) * net.pooled[0],
        net.weights[1]: expand(error) * net.pooled[1],
        net.offset: expand(error),
    }


@pytest.mark.parametrize(("n", "d"), [(n, d) for n in range(1, 9) for d in range(1, n + 1)])
def test_the_theorem_holds(n, d):
    assert backpropagation.verify_theorem(n, d)


@given(n=st.integers(1, 12), d=st.integers(1, 12), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_kernel_gradient_is_a_cross_correlation_and_input_gradient_a_full_convolution(n, d, seed):
    n, d = max(n, d), min(n, d)
    torch.manual_seed(seed)
    x = torch.randn(1, 1, n, dtype=torch.float64, requires_grad=True)
    k = torch.randn(1, 1, d, dtype=torch.float64, requires_grad=True)
    alpha = torch.randn(1, 1, n - d + 1, dtype=torch.float64)
    F.conv1d(x, k).backward(alpha)
    assert torch.allclose(k.grad, F.conv1d(x.detach(), alpha))
    assert torch.allclose(x.grad, F.conv1d(F.pad(alpha, (d - 1, d - 1)), k.detach().flip(-1)))


def test_the_theorem_notices_a_wrong_statement(monkeypatch):
    right = backpropagation.theorem()
    monkeypatch.setattr(backpropagation, "theorem", lambda: right | {"kernel": right["bias"]})
    assert not backpropagation.verify_theorem(4, 2)


def test_the_theorem_sums_over_all_outputs_and_prints_as_on_paper():
    i, j, n, d = (Symbol(name, integer=True, positive=True) for name in "ijnd")
    statements = backpropagation.theorem()
    assert statements["kernel"].rhs.limits == ((i, 1, n - d + 1),)
    assert statements["bias"].rhs.limits == ((i, 1, n - d + 1),)
    assert statements["input"].rhs.limits == ((j, 1, d),)
    assert latex(statements["bias"].lhs) == r"\frac{\partial L}{\partial b}"
    assert latex(statements["kernel"].lhs) == r"\frac{\partial L}{\partial {k}_{j}}"


def test_the_answer_to_c_is_short_enough_for_a_line():
    gradients = backpropagation.pool_gradients(backpropagation.network())
    assert [str(gradient) for gradient in gradients.values()] == [
        "delta1*[z1 > Max(0, z2)]",
        "delta1*[z2 > Max(0, z1)] + delta2*[z2 > Max(0, z3)]",
        "delta2*[z3 > Max(0, z2)]",
    ]


@given(n=st.integers(1, 8), d=st.integers(1, 8), index=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_a_written_out_statement_has_only_symbols_of_the_network(n, d, index):
    n, d = max(n, d), min(n, d)
    net = backpropagation.network(n, d, 1)
    known = {*net.inputs, *net.kernel, *(Symbol(f"alpha{i}", real=True) for i in range(1, n - d + 2))}
    for statement, last in (("kernel", d), ("bias", 8), ("input", n)):
        if index <= last:
            assert backpropagation.instantiate(statement, n, d, index).free_symbols <= known
        else:
            with pytest.raises(ValueError, match=f"index <= {last}"):
                backpropagation.instantiate(statement, n, d, index)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("weights", 5, 3), "statement is 'weights'; it must be kernel, bias or input"),
        (("kernel", 5, 3, 4), "index=4 do not fit"),
        (("kernel", 5, 3, 0), "index is 0"),
        (("kernel", 5, 3, 1.5), "index is 1.5"),
        (("input", 5, -2, 1), "d is -2"),
        (("bias", 2, 4), "d=4.* do not fit"),
        (("kernel", 5.0, 3), "n is 5.0"),
    ],
)
def test_a_statement_that_cannot_be_written_out_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        backpropagation.instantiate(*arguments)


def test_integers_of_numpy_are_sizes():
    assert backpropagation.network(np.int64(5), np.int8(3), np.uint8(2)) == backpropagation.network()


@pytest.mark.parametrize(
    ("size", "name"), [((5.0, 3, 2), "n is 5"), ((5, 3, 2.0), "pool is 2"), ((5, True, 2), "d is")]
)
def test_sizes_that_are_no_integers_are_refused_by_name(size, name):
    with pytest.raises(ValueError, match=name):
        backpropagation.network(*size)


@pytest.mark.parametrize("size", [(2, 3, 1), (5, 3, 4), (5, 0, 1), (5, 3, 0)])
def test_sizes_without_an_output_are_refused(size):
    with pytest.raises(ValueError, match="leave no output"):
        backpropagation.network(*size)
