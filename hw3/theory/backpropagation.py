"""Question T3: back-propagation through a 1-D convolutional network, for any input, kernel and pool size.

The network of figure 1: z = conv(x; k) + b, v_j = max(z_j, ..., z_{j+p-1}, 0), yhat = w·v + a, L = (y - yhat)²/2.
Indices start at 1, as in the hand-out.
"""

from dataclasses import dataclass

from sympy import Eq, Expr, Heaviside, IndexedBase, Integer, Max, Sum, Symbol, diff, expand, symbols

from hw3.theory.notation import Iverson, partial
from hw3.theory.sizes import whole

Symbols = tuple[Symbol, ...]


def _family(letter: str, count: int) -> Symbols:
    return tuple(symbols(f"{letter}1:{count + 1}", real=True))


@dataclass(frozen=True)
class Network1d:
    """The symbols of the network and, as expressions of the layer below, the values of each layer."""

    inputs: Symbols
    kernel: Symbols
    bias: Symbol
    convolved: Symbols
    pooled: Symbols
    weights: Symbols
    offset: Symbol
    target: Symbol
    prediction: Symbol
    convolved_of_inputs: tuple[Expr, ...]
    pooled_of_convolved: tuple[Expr, ...]
    prediction_of_pooled: Expr
    loss_of_prediction: Expr

    @property
    def loss(self) -> Expr:
        """L written out in the inputs, the target and the parameters."""
        z = dict(zip(self.convolved, self.convolved_of_inputs, strict=True))
        v = {s: e.subs(z) for s, e in zip(self.pooled, self.pooled_of_convolved, strict=True)}
        return self.loss_of_prediction.subs(self.prediction, self.prediction_of_pooled.subs(v))


def network(n: int = 5, d: int = 3, pool: int = 2) -> Network1d:
    """Build the network for ``n`` inputs, a kernel of ``d`` taps and max-pooling over ``pool`` neighbours, stride 1.

    Raises:
        ValueError: a size that is no integer, or sizes that leave no output.
    """
    n, d, pool = whole("n", n, None), whole("d", d, None), whole("pool", pool, None)
    outputs = n - d + 1
    if min(n, d, pool) < 1 or outputs < pool:
        raise ValueError(f"n={n}, d={d}, pool={pool} leave no output; needed: 1 <= d, 1 <= pool <= n - d + 1")
    x, k, z = _family("x", n), _family("k", d), _family("z", outputs)
    v, w = _family("v", outputs - pool + 1), _family("w", outputs - pool + 1)
    b, a, y, prediction = symbols("b a y yhat", real=True)
    return Network1d(
        inputs=x,
        kernel=k,
        bias=b,
        convolved=z,
        pooled=v,
        weights=w,
        offset=a,
        target=y,
        prediction=prediction,
        convolved_of_inputs=tuple(sum(k[j] * x[i + j] for j in range(d)) + b for i in range(outputs)),
        pooled_of_convolved=tuple(Max(*z[j : j + pool], 0) for j in range(len(v))),
        prediction_of_pooled=sum(wj * vj for wj, vj in zip(w, v, strict=True)) + a,
        loss_of_prediction=(y - prediction) ** 2 / 2,
    )


def parameters(net: Network1d) -> set[Symbol]:
    """(a) What training may change: every symbol in L that is neither an input nor the target."""
    return net.loss.free_symbols - set(net.inputs) - {net.target}


def output_gradients(net: Network1d) -> dict[Symbol, Expr]:
    """(b) ∂L/∂w_j and ∂L/∂a in terms of y, yhat and v: the chain rule through yhat."""
    upstream = diff(net.loss_of_prediction, net.prediction)
    return {p: upstream * diff(net.prediction_of_pooled, p) for p in (*net.weights, net.offset)}


def pool_gradients(net: Network1d) -> dict[Symbol, Expr]:
    """(c) ∂L/∂z_i in terms of z and δ_j = ∂L/∂v_j, away from ties of the maximum.

    SymPy writes the derivative of a maximum with Heaviside steps. They are given here as brackets [z_i > the others], 1
    if true and 0 if not, which is a choice at a tie, where no derivative exists.
    """
    deltas = _family("delta", len(net.pooled))

    def partial_derivative(v: Expr, z: Symbol) -> Expr:
        return diff(v, z).replace(Heaviside, lambda argument, *_: Iverson(z, z - argument, 1))

    return {
        z: sum(delta * partial_derivative(v, z) for delta, v in zip(deltas, net.pooled_of_convolved, strict=True))
        for z in net.convolved
    }


def convolution_gradients(net: Network1d) -> dict[Symbol, Expr]:
    """(d) ∂L/∂k_j, ∂L/∂b and ∂L/∂x_l in terms of x, k and α_i = ∂L/∂z_i."""
    alphas = _family("alpha", len(net.convolved))
    return {
        p: expand(sum(alpha * diff(z, p) for alpha, z in zip(alphas, net.convolved_of_inputs, strict=True)))
        for p in (*net.kernel, net.bias, *net.inputs)
    }


def theorem() -> dict[str, Eq]:
    """(e) The general statement: the kernel's, the bias's and the input's gradient, for n inputs and d taps."""
    i, j, r = symbols("i j l", integer=True, positive=True)
    n, d = symbols("n d", integer=True, positive=True)
    m = n - d + 1
    x, k, alpha = IndexedBase("x"), IndexedBase("k"), IndexedBase("alpha")
    return {
        "kernel": Eq(partial(k[j]), Sum(alpha[i] * x[i + j - 1], (i, 1, m))),
        "bias": Eq(partial("b"), Sum(alpha[i], (i, 1, m))),
        "input": Eq(partial(x[r]), Sum(alpha[r - j + 1] * k[j], (j, 1, d))),
    }


def instantiate(statement: str, n: int, d: int, index: int = 1) -> Expr:
    """The right-hand side of one part of ``theorem`` with its sum written out for given n, d and index.

    ``index`` is j for "kernel" and l for "input". α outside 1..m is 0: the window of the full convolution hangs
    over the edge there.

    Raises:
        ValueError: another statement, sizes that leave no output, or an index that no tap or input has.
    """
    if statement not in ("kernel", "bias", "input"):
        raise ValueError(f"statement is {statement!r}; it must be kernel, bias or input")
    n, d, index = whole("n", n), whole("d", d), whole("index", index)
    last = {"kernel": d, "bias": index, "input": n}[statement]
    if d > n or index > last:
        raise ValueError(f"n={n}, d={d}, index={index} do not fit; needed: d <= n and index <= {last}")
    right = theorem()[statement].rhs
    sizes = {"n": n, "d": d, "l" if statement == "input" else "j": index}
    bound = {v.name for v in right.bound_symbols}
    free = {s: sizes[s.name] for s in right.free_symbols if getattr(s, "name", "") in sizes and s.name not in bound}
    m = n - d + 1

    def named(term: Expr) -> Expr:
        letter, position = str(term.base), int(term.indices[0])
        inside = letter != "alpha" or 1 <= position <= m
        return Symbol(f"{letter}{position}", real=True) if inside else Integer(0)

    written_out = right.subs(free).doit()
    return written_out.replace(lambda e: e.is_Indexed, named)


def verify_theorem(n: int, d: int) -> bool:
    """Does the theorem agree with differentiating every output, for this n and d? All taps, bias and all inputs."""
    net = network(n, d, pool=1)
    direct = convolution_gradients(net)
    stated = {k: instantiate("kernel", n, d, j) for j, k in enumerate(net.kernel, start=1)}
    stated[net.bias] = instantiate("bias", n, d)
    stated |= {x: instantiate("input", n, d, position) for position, x in enumerate(net.inputs, start=1)}
    return all(expand(direct[p] - stated[p]) == 0 for p in direct)
