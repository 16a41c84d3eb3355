"""The Prometheus endpoint of the drain, at the lowest priority."""

from __future__ import annotations

import sys

from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.local.health import HOST, http_ok
from fraudstream_platform.local.service import Service
from fraudstream_platform.settings import Settings


def metrics_service(settings: Settings) -> Service:
    """`fraudstream metrics` on PORT_BASE+8."""
    port = settings.port_base + 8
    command = [sys.executable, "-m", "fraudstream_platform.cli", "metrics", "--port", str(port)]
    return Service(
        name="metrics",
        port=port,
        command=lambda: command,
        environment=python_environment(settings),
        healthy=lambda: http_ok(port, "/metrics"),
        nice=19,
        wave=1,
        start_timeout_s=120.0,
        url=f"http://{HOST}:{port}/metrics",
    )
