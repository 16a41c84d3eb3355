"""The embedded schema registry: Apicurio with its Confluent-compatible API."""

from __future__ import annotations

from fraudstream_platform.local.environment import base_environment
from fraudstream_platform.local.health import HOST, http_ok
from fraudstream_platform.local.jars import registry_jar
from fraudstream_platform.local.java import find_java
from fraudstream_platform.local.service import Service
from fraudstream_platform.settings import Settings

_JVM = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def registry_service(settings: Settings) -> Service:
    """Registry on PORT_BASE+1; its H2 file under DATA_DIR/registry outlives a restart."""
    port = settings.port_base + 1
    home = settings.data_dir.resolve() / "registry"
    environment = base_environment(settings) | {
        "QUARKUS_HTTP_HOST": HOST,
        "QUARKUS_HTTP_PORT": str(port),
        "REGISTRY_DATASOURCE_URL": f"jdbc:h2:file:{home / 'registry'};DB_CLOSE_ON_EXIT=FALSE",
        "QUARKUS_LOG_LEVEL": "WARN",
    }
    return Service(
        name="registry",
        port=port,
        prepare=lambda: home.mkdir(parents=True, exist_ok=True),
        command=lambda: [find_java(), *_JVM, "-jar", str(registry_jar(settings.services_dir))],
        environment=environment,
        healthy=lambda: http_ok(port, "/apis/ccompat/v7/subjects"),
    )
