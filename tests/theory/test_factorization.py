from sympy import Rational, expand, symbols

from hw3.theory import factorization

c, k, m = symbols("c k m", positive=True)


def test_the_known_answers():
    assert factorization.square(c, k) == 9 * c * k
    assert expand(factorization.factorized(c, k, m)) == 3 * c * m + 3 * m * k
    wide, narrow = factorization.saving(c, k, k), factorization.saving(c, k, c)
    assert wide.subs(k, c) == Rational(1, 3)
    assert wide.subs(k, 2 * c) == 0
    assert wide.subs(k, 3 * c) < 0
    assert narrow.subs(k, 2 * c) == Rational(1, 2)
    assert expand(factorization.break_even(c, k) * (c + k) - 3 * c * k) == 0
