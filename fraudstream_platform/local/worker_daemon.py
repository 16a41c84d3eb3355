"""PySpark's worker daemon with the heavy imports done before it forks.

A forked worker then starts in milliseconds and shares the pages of these libraries.
Only libraries that start no threads of their own, beyond allocator housekeeping that
survives a fork, stand here; none is used before the fork, since polars and delta-rs
start their thread pools on first use.
"""

from __future__ import annotations

import gc
import importlib

PREIMPORTED = (
    "numpy",
    "numba",
    "pyarrow",
    "polars",
    "deltalake",
    "confluent_kafka",
    "fastavro",
    "pandera.polars",
    "cryptography.fernet",
)


def preimport() -> None:
    """Import every library of `PREIMPORTED`."""
    for name in PREIMPORTED:
        importlib.import_module(name)


if __name__ == "__main__":
    from pyspark.daemon import manager

    preimport()
    gc.freeze()  # no collection of a worker looks at the libraries, or writes to their pages
    manager()
