"""Laws summed plainly at 50 digits: `python tests/oracles/laws.py > tests/oracles/laws.json` (needs mpmath, some minutes).

Tests of the native core read the file; nothing is drawn, so that it comes out the same everywhere. Probabilities are
written as natural logarithms, because the smallest are below what a double holds without loss.
"""

import itertools
import json
import sys

from mpmath import exp, gamma, inf, log, loggamma, mp, mpf, nsum, pi, sqrt

mp.dps = 50
FREEDOMS = (1, 2, 3, 9, 19, 40, 64, 1001)


def main() -> None:
    rows = {
        "chi_squared": list(central()),
        "noncentral": list(noncentral()),
        "kolmogorov": [[x, number(log(kolmogorov(mpf(x))))] for x in (0.05, 0.3, 0.7, 1.0, 1.3580986, 2.0, 5.0, 20.0)],
        "exact": list(exact()),
        "ln_gamma": [[x, number(loggamma(mpf(x)))] for x in (1e-3, 0.5, 1.0, 1.5, 2.0, 3.7, 12.5, 100.25, 1e5, 1e9)],
    }
    json.dump(rows, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


def number(value: mpf) -> float:
    return float(value)


def central():
    """Freedom, x, ln p: x some standard deviations from the mean, as far as p is above 1e-302."""
    for freedom in FREEDOMS:
        for deviations in (-2.5, -1, -0.3, 0, 0.3, 1, 3, 8, 20, 60, 200, 500, 900):
            x = round(freedom + deviations * (2 * freedom) ** 0.5, 3)
            p = survival(freedom, 0.0, x) if x > 0 else mpf(0)
            if p > mpf(10) ** -302:
                yield [freedom, x, number(log(p))]


def noncentral():
    """Freedom, lambda, x, ln p, down to p = 1e-31, and a few far beyond lambda = 1e5."""
    near = itertools.product(FREEDOMS, (1e-3, 0.5, 10.0, 450.0, 1e4, 1e5), (-3, -1, 0, 1, 2, 4, 6, 9, 12, 30, 90))
    far = itertools.product((1, 19), (4e5, 1e6), (-2, 0, 3, 9, 30))
    for freedom, noncentrality, deviations in itertools.chain(near, far):
        mean, deviation = freedom + noncentrality, (2 * (freedom + 2 * noncentrality)) ** 0.5
        x = round(mean + deviations * deviation, 3)
        if x <= 0 or (noncentrality == 1e5 and freedom not in {1, 19, 64}):
            continue
        p = survival(freedom, noncentrality, x)
        if p > mpf(10) ** -31 or noncentrality > 1e5:
            yield [freedom, noncentrality, x, number(log(p))]


def survival(freedom: int, noncentrality: float, x: float) -> mpf:
    """Sum over j of Poisson(j; lambda/2) times Q(freedom/2 + j, x/2), every term positive, from j = 0 on.

    Q(a + 1, y) = Q(a, y) + y^a e^-y / Gamma(a + 1), begun at Q(1/2, y) = erfc(sqrt y) or Q(1, y) = e^-y.
    """
    half, y = mpf(noncentrality) / 2, mpf(x) / 2
    a = mpf(1) if freedom % 2 == 0 else mpf(1) / 2
    tail = exp(-y) if freedom % 2 == 0 else mp.erfc(sqrt(y))
    step = y**a * exp(-y) / gamma(a + 1)
    while 2 * a < freedom:
        tail, a = tail + step, a + 1
        step *= y / a
    weight, total, j = exp(-half), mpf(0), 0
    # Beyond the largest terms every further one is less than half of the one before, long before the end.
    while True:
        term = weight * tail
        total += term
        if j > half and term < total * mpf(10) ** -30:
            return total
        tail, a, j = tail + step, a + 1, j + 1
        step *= y / a
        weight *= half / j


def kolmogorov(x: mpf) -> mpf:
    if x < 1:
        return 1 - sqrt(2 * pi) / x * nsum(lambda k: exp(-((2 * k - 1) ** 2) * pi**2 / (8 * x * x)), [1, inf])
    return 2 * nsum(lambda k: (-1) ** (k - 1) * exp(-2 * k * k * x * x), [1, inf])


def exact():
    """Reference hits and rows, current hits and rows, ln p of more hits in the current sample, ln p of either side."""
    for table in (
        (0, 1000, 0, 100),
        (0, 1000, 1, 100),
        (0, 80_000, 7, 5000),
        (3, 10, 1, 12),
        (45, 90, 30, 90),
        (90, 150, 60, 150),
        (12, 4000, 40, 4100),
        (40, 4000, 12, 4100),
        (1000, 1000, 999, 1000),
        (5, 10_000, 5, 10),
        (100_000, 50_000_000, 2200, 1_000_000),
        (30_000_000, 1_000_000_000, 30_050_000, 1_000_000_000),
        (2, 1_000_000_000, 25, 1_000_000_000),
    ):
        yield [*table, *(number(log(p)) for p in tails(*table))]


def tails(reference: int, rows: int, current: int, others: int) -> tuple[mpf, mpf]:
    """The hypergeometric tail at or above `current`, and all outcomes no likelier than it (to 1e-7, as scipy has it)."""
    hits, population = reference + current, rows + others

    def choose(n: int, k: int) -> mpf:
        return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)

    def weight(k: int) -> mpf:
        return exp(choose(others, k) + choose(rows, hits - k) - choose(population, hits))

    lowest, highest = max(0, hits - rows), min(hits, others)
    observed = weight(current)
    mode = min(max((hits + 1) * (others + 1) // (population + 2), lowest), highest)
    greater = extreme = mpf(0)
    for direction in (1, -1):
        k = mode if direction == 1 else mode - 1
        term = weight(k) if lowest <= k <= highest else mpf(0)
        while lowest <= k <= highest and term > observed * mpf(10) ** -30:
            greater += term if k >= current else 0
            extreme += term if term <= observed * (1 + mpf(10) ** -7) else 0
            if direction == 1:
                term *= mpf((others - k) * (hits - k)) / ((k + 1) * (rows - hits + k + 1))
            else:
                term *= mpf(k * (rows - hits + k)) / ((others - k + 1) * (hits - k + 1))
            k += direction
    return greater, extreme


if __name__ == "__main__":
    main()
