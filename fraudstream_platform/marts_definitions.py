"""What Dagster loads for the marts."""

from __future__ import annotations

from fraudstream_platform.defs.build_marts import build_marts_defs

defs = build_marts_defs()
