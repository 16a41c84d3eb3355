"""Whose attacks a run injects: the first injector's, or those that were held out."""

from __future__ import annotations

from typing import Literal

from fraudstream_platform.simulator.heldout import HELDOUT
from fraudstream_platform.simulator.injector import PATTERNS
from fraudstream_platform.simulator.injector.attack import Plan

Injector = Literal["first", "heldout"]
INJECTORS: dict[Injector, dict[str, Plan]] = {"first": PATTERNS, "heldout": HELDOUT}
"""Injector -> pattern -> the function that plans one attack of it."""
