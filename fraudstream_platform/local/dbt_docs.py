"""The dbt documentation site: static files that a dbt run leaves under DATA_DIR."""

from __future__ import annotations

import sys
from pathlib import Path

from fraudstream_platform.local.environment import base_environment
from fraudstream_platform.local.health import HOST, tcp_open
from fraudstream_platform.local.service import Service
from fraudstream_platform.settings import Settings

_PLACEHOLDER = """<!doctype html><meta charset="utf-8"><title>FraudStream dbt docs</title>
<p>The documentation appears here after the first dbt run. Reload this page then.</p>
"""


def docs_dir(settings: Settings) -> Path:
    """Folder that is served; a dbt run copies index.html, manifest.json, catalog.json here."""
    return settings.data_dir.resolve() / "dbt_docs"


def docs_service(settings: Settings) -> Service:
    """Web server of the docs on PORT_BASE+6."""
    port = settings.port_base + 6
    folder = docs_dir(settings)

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        index = folder / "index.html"
        if not index.exists():
            index.write_text(_PLACEHOLDER)

    command = [sys.executable, "-m", "http.server", str(port), "--bind", HOST]
    return Service(
        name="docs",
        port=port,
        prepare=prepare,
        command=lambda: [*command, "--directory", str(folder)],
        environment=base_environment(settings),
        healthy=lambda: tcp_open(port),
        nice=10,
        url=f"http://{HOST}:{port}",
    )
