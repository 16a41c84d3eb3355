"""Kernels are compiled at set-up: whatever shape a batch has, none is compiled on the stream."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import polars as pl
import pytest
from numba.core.registry import CPUDispatcher

import fraudstream_platform.detection as detection
from fraudstream_platform.detection.sample import bronze, sample_bronze, sample_row, token
from fraudstream_platform.detection.step import Detector, warm_up


def _compiled_forms() -> dict[str, int]:
    modules = [
        import_module(found.name)
        for found in pkgutil.iter_modules(detection.__path__, f"{detection.__name__}.")
        if not found.name.endswith(".compile")
    ]
    return {
        f"{module.__name__}.{name}": len(value.signatures)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, CPUDispatcher)
    }


_NOWHERE = {"latitude": None, "longitude": None, "geo_precision_km": None}
_NOBODY = {"customer": None, "device_pan": token("ca", 9)}


@pytest.mark.parametrize(
    "batch",
    [
        bronze([sample_row(100)]),
        bronze([sample_row(100, **_NOWHERE)]),
        bronze([sample_row(100, **_NOBODY)]),
        bronze([sample_row(100), sample_row(101, **_NOWHERE), sample_row(102, **_NOBODY)]),
        bronze([sample_row(100, mcc=None, message_type="REFUND")]),
        pl.concat([sample_bronze(3), sample_bronze(5)], rechunk=False),
        sample_bronze(0),
    ],
    ids=["one row", "no place", "no customer", "mixed", "no window counts it", "chunks", "empty"],
)
def test_no_batch_compiles_a_kernel_again(batch: pl.DataFrame) -> None:
    warm_up()
    before = _compiled_forms()
    assert len(before) > 20
    detector = Detector(quality_threshold=0.0)
    detector.step(batch, "2026-01-05T12")
    detector.import_state(0, detector.export_state(0))
    detector.step(batch, "2026-01-05T12")
    assert _compiled_forms() == before
