"""Facts of the embedded services, from the supervisor's files and the processes themselves."""

from __future__ import annotations

from fraudstream_platform.doctor.judge_services import ServiceFacts, StackFacts
from fraudstream_platform.local import control, state
from fraudstream_platform.local.catalogue import build_services
from fraudstream_platform.local.health import port_free
from fraudstream_platform.settings import Settings


def are_embedded(settings: Settings) -> bool:
    """False where every service has an address of its own, as in docker-compose.yml."""
    return not all(
        (
            settings.kafka_bootstrap_servers,
            settings.schema_registry_url,
            settings.spark_remote_url,
            settings.dagster_url,
        )
    )


def ask_services(settings: Settings) -> StackFacts:
    """What runs of this DATA_DIR, and who has the ports of what does not."""
    entries = {entry.name: entry for entry in state.read_services(settings)}
    services = []
    for service in build_services(settings):
        entry = entries.get(service.name)
        alive = entry is not None and entry.identity.process() is not None
        services.append(
            ServiceFacts(
                service.name,
                alive,
                entry.health if entry else "down",
                entry.restarts if entry else 0,
                () if alive else tuple(port for port in service.ports if not port_free(port)),
            )
        )
    supervised = control.running(settings) is not None
    return StackFacts(supervised, services, str(state.log_dir(settings)))
