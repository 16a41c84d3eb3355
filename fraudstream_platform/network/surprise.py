"""How surprising a count is: -log10 of an upper bound of its chance (Chernoff's bound).

The bound is conservative, exact enough where it matters (tiny chances), and needs no gamma function.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LN10 = math.log(10)
_TINY = 1e-9


def poisson_surprise(seen: Floats, expected: Floats) -> Floats:
    """Of at least `seen` where `expected` are; 0 where no more were seen than expected."""
    mean = np.maximum(expected, _TINY)
    count = np.maximum(seen, mean)
    found: Floats = (mean - count + count * np.log(count / mean)) / _LN10
    return found


def poisson_surprise_of(seen: float, expected: float) -> float:
    """The same for one count."""
    return float(poisson_surprise(np.array([float(seen)]), np.array([float(expected)]))[0])


def share_surprise(hits: float, trials: float, base: float) -> float:
    """Of at least `hits` in `trials` where each has the chance `base`."""
    if trials <= 0:
        return 0.0
    q = min(max(base, _TINY), 1 - _TINY)
    p = hits / trials
    if p <= q:
        return 0.0
    rest = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return trials * (p * math.log(p / q) + rest) / _LN10


def normal_surprise(z: float) -> float:
    """Of a mean `z` standard errors above the expected one."""
    return z * z / 2 / _LN10 if z > 0 else 0.0


def log10_choices(of: int, taken: int) -> float:
    """log10 of the number of ways to choose `taken` of `of`."""
    if taken > of:
        return 0.0
    log = math.lgamma(of + 1) - math.lgamma(taken + 1) - math.lgamma(of - taken + 1)
    return log / _LN10
