"""Widths that spend a given number of parameters: a fair comparison starts with equal budgets."""

TOLERANCE = 0.01


def mlp_parameters(inputs: int, first: int, second: int, classes: int) -> int:
    """Of ``mlp`` with two hidden layers: weights, biases and two batch-norm numbers for each hidden unit."""
    return (inputs + 3) * first + (first + 3) * second + (second + 1) * classes


def mlp_widths(budget: int, inputs: int, classes: int) -> tuple[int, int]:
    """Two hidden widths (first, second) with at most ``budget`` parameters and at least 99 % of it.

    Nearly all of it goes into the first layer, which sees the pixels; the second layer takes what is left over.

    Raises:
        ValueError: no such widths exist; the message says what budget would do.
    """
    first = budget // (inputs + 3)
    while first >= 1:
        left = budget - mlp_parameters(inputs, first, 0, classes)
        second = left // (first + 3 + classes)
        spent = mlp_parameters(inputs, first, second, classes)
        if second >= max(first // 2, classes):
            if spent >= (1 - TOLERANCE) * budget:
                return first, second
            break
        first -= 1
    least = mlp_parameters(inputs, 1, max(1, classes), classes)
    raise ValueError(f"no MLP on {inputs} inputs has about {budget} parameters; the smallest has {least}")
