"""How every client reaches Kafka and the schema registry: address, TLS, credentials."""

from __future__ import annotations

from confluent_kafka.schema_registry import SchemaRegistryClient

from fraudstream_platform.settings import Settings

Config = dict[str, str | int | float | bool]


def kafka_connection(settings: Settings) -> Config:
    """What each librdkafka client needs to connect, and nothing else."""
    config: Config = {
        "bootstrap.servers": settings.bootstrap,
        "security.protocol": settings.kafka_security_protocol.lower(),
    }
    if settings.kafka_ca_file:
        config["ssl.ca.location"] = settings.kafka_ca_file
    if settings.kafka_security_protocol.startswith("SASL"):
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_username
        config["sasl.password"] = settings.kafka_password.get_secret_value()
    return config


def registry_client(settings: Settings, **options: float) -> SchemaRegistryClient:
    """A client of the schema registry; `options` are the client's own, such as `timeout` (s)."""
    config: dict[str, str | float] = {"url": settings.registry_url, **options}
    if settings.schema_registry_username:
        password = settings.schema_registry_password.get_secret_value()
        config["basic.auth.user.info"] = f"{settings.schema_registry_username}:{password}"
    if settings.schema_registry_ca_file:
        config["ssl.ca.location"] = settings.schema_registry_ca_file
    return SchemaRegistryClient({key.replace("_", "."): one for key, one in config.items()})
