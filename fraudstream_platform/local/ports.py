"""A port range and data folder of one's own, for tests and trials."""

from __future__ import annotations

import random
from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.local.health import port_free
from fraudstream_platform.settings import Settings

PORTS_USED = 9
_LOWEST, _HIGHEST = 20_000, 32_000  # below Linux's ephemeral range, which starts at 32768


def free_port_base() -> int:
    """A PORT_BASE whose ports are all free now."""
    source = random.SystemRandom()
    for _ in range(200):
        base = source.randrange(_LOWEST, _HIGHEST, 10)
        if all(port_free(base + offset) for offset in range(PORTS_USED)):
            return base
    raise UserError(f"No {PORTS_USED} free ports in a row between {_LOWEST} and {_HIGHEST}")


def settings_on_free_ports(data_dir: Path, **changes: object) -> Settings:
    """Settings of the environment with a free PORT_BASE, this DATA_DIR and `changes`."""
    values = {"port_base": free_port_base(), "data_dir": data_dir.resolve(), **changes}
    return Settings(**values)  # type: ignore[arg-type]
