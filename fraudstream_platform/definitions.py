"""What Dagster loads for the drain."""

from __future__ import annotations

from fraudstream_platform.defs.build import build_defs

defs = build_defs()
