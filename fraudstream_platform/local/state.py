"""The stack's state on disk: who runs, for `status`, `down` and the next `up`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.local.processes import Identity
from fraudstream_platform.settings import Settings

_MARKER_FILE = ".fraudstream-data"


@dataclass(frozen=True)
class ServiceState:
    """One service as the supervisor last saw it; health is starting, up or down."""

    name: str
    pid: int
    created: float
    port: int
    health: str
    restarts: int
    url: str = ""

    @property
    def identity(self) -> Identity:
        """The process behind this entry."""
        return Identity(self.pid, self.created)


def run_dir(settings: Settings) -> Path:
    """Folder of pid and state files."""
    return settings.data_dir.resolve() / "run"


def log_dir(settings: Settings) -> Path:
    """Folder of every service's log."""
    return settings.data_dir.resolve() / "logs"


def claim_data_dir(settings: Settings) -> None:
    """Create DATA_DIR with the marker that lets `reset` delete it again.

    A folder that already holds other files is used but never marked.
    """
    folder = settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            mark_data_dir(settings)
    except OSError as error:
        raise UserError(f"DATA_DIR {folder} cannot be written: {error}") from None


def mark_data_dir(settings: Settings) -> None:
    """Write the marker into DATA_DIR."""
    marker = settings.data_dir.resolve() / _MARKER_FILE
    marker.write_text("`fraudstream reset` deletes this folder.\n")


def is_claimed(settings: Settings) -> bool:
    """Whether DATA_DIR carries our marker."""
    return (settings.data_dir.resolve() / _MARKER_FILE).is_file()


def write_services(settings: Settings, services: list[ServiceState]) -> None:
    """Replace the state file in one move, so that a reader never sees half of it."""
    write_json(run_dir(settings) / "services.json", [asdict(one) for one in services])


def read_services(settings: Settings) -> list[ServiceState]:
    """The last state written; empty when there is none."""
    items = read_json(run_dir(settings) / "services.json")
    return [ServiceState(**item) for item in items] if isinstance(items, list) else []


def write_json(path: Path, value: object) -> None:
    """Write JSON beside `path`, then rename over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value))
    partial.replace(path)


def read_json(path: Path) -> object:
    """The JSON value of a file, or None when it is missing or unreadable."""
    try:
        value: object = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return value
