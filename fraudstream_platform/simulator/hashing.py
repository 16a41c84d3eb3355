"""Numbers that belong to an index: the same seed, stream and index always give the same draw.

So a population of a million costs nothing until somebody of it is needed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def mixed(seed: int, stream: int, index: int) -> int:
    """64 well-mixed bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    value = (seed * 0xD1342543DE82EF95 + stream * 0xA0761D6478BD642F + index * _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def turn_order(population: int, seed: int, start: int, count: int) -> Ints:
    """Customers `start` .. `start + count` of an endless round in which each comes up in turn.

    A full round lies between two turns of a customer, which keeps ordinary life from looking like
    a velocity attack however fast the simulation runs.
    """
    stride = _coprime(int(population * 0.6180339887), population)
    numbers = (np.arange(start, start + count, dtype=np.int64) % population) * stride
    return (numbers + mixed(seed, 1, 0) % population) % population


def _coprime(candidate: int, population: int) -> int:
    candidate = max(1, candidate)
    while np.gcd(candidate, population) != 1:
        candidate += 1
    return candidate
