"""`compiled`: numba's njit with a cache that notices a change in any kernel.

Numba's own cache is keyed by the one file a function stands in, so a kernel that inlines a helper
or a constant of another file would go on running its old machine code after that file changes.
Here the cache folder is named for the content of the packages that kernels stand in or take
constants from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


_PACKAGES = ("contracts", "protection", "detection")


@cache
def _cache_dir() -> Path:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((here / package).glob("*.py")):
            digest.update(path.read_bytes())
    return here / "__pycache__" / f"kernels-{digest.hexdigest()[:12]}"


def compiled(function: F) -> F:
    """Compile `function` on first use, without fastmath, so that bits agree between machines."""
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(_cache_dir())
    try:
        return cast(F, numba.njit(cache=True, fastmath=False)(function))
    finally:
        config.CACHE_DIR = before
