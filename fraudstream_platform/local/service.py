"""What the supervisor has to know about a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Service:
    """One supervised process; `prepare` runs before each start, `healthy` never raises.

    A service starts when all services of lower `wave` are healthy.
    """

    name: str
    port: int
    command: Callable[[], list[str]]
    healthy: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = _nothing
    extra_ports: tuple[int, ...] = ()
    nice: int = 0
    wave: int = 0
    start_timeout_s: float = 60.0
    stop_grace_s: float = 10.0
    url: str = ""

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port the service listens on."""
        return (self.port, *self.extra_ports) if self.port else self.extra_ports
