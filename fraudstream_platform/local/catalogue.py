"""The embedded services in the order in which they start."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fraudstream_platform.local.dagster import (
    code_service,
    daemon_service,
    marts_service,
    webserver_service,
)
from fraudstream_platform.local.dbt_docs import docs_service
from fraudstream_platform.local.kafka import kafka_service
from fraudstream_platform.local.metrics import metrics_service
from fraudstream_platform.local.registry import registry_service
from fraudstream_platform.local.service import Service
from fraudstream_platform.local.spark import spark_service
from fraudstream_platform.settings import Settings

BUILDERS: dict[str, Callable[[Settings], Service]] = {
    "kafka": kafka_service,
    "registry": registry_service,
    "spark": spark_service,
    "code": code_service,
    "marts": marts_service,
    "webserver": webserver_service,
    "daemon": daemon_service,
    "docs": docs_service,
    "metrics": metrics_service,
}
ALL = tuple(BUILDERS)


def build_services(settings: Settings, names: Iterable[str] = ALL) -> list[Service]:
    """The named services in start order; raises `ValueError` for an unknown name."""
    wanted = set(names)
    unknown = wanted - set(ALL)
    if unknown:
        raise ValueError(f"unknown services {sorted(unknown)}; known are {list(ALL)}")
    return [BUILDERS[name](settings) for name in ALL if name in wanted]
