"""The table of `fraudstream status`."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from fraudstream_platform.local import processes
from fraudstream_platform.local.state import ServiceState

_STYLE = {"up": "green", "starting": "yellow"}


def measured(entries: Iterable[ServiceState]) -> dict[str, float]:
    """Proportional memory (PSS, MB) of each running service with its children."""
    found = {}
    for entry in entries:
        process = entry.identity.process()
        if process is not None:
            found[entry.name] = processes.memory_mb(process)
    return found


def status_table(entries: list[ServiceState]) -> Table:
    """Service, pid, port, health, restarts, memory and address, one line each."""
    memory = measured(entries)
    table = Table(title="FraudStream services")
    for name in ("service", "pid", "port", "health", "restarts", "memory MB", "address"):
        table.add_column(name, justify="right" if name in ("pid", "port", "memory MB") else "left")
    for entry in entries:
        health = entry.health if entry.name in memory else "down"
        table.add_row(
            entry.name,
            str(entry.pid),
            str(entry.port or ""),
            f"[{_STYLE.get(health, 'red')}]{health}[/]",
            str(entry.restarts),
            f"{memory.get(entry.name, 0.0):.0f}",
            entry.url,
        )
    table.add_section()
    table.add_row("all", "", "", "", "", f"{sum(memory.values()):.0f}", "")
    return table
