"""Address, TLS and credentials reach every client, and rights cover every topic."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr

from fraudstream_platform.connection import kafka_connection, registry_client
from fraudstream_platform.drain.rights import commands, rights_of
from fraudstream_platform.drain.topics import wanted_topics
from fraudstream_platform.settings import PROJECT_ROOT, Settings, SettingsError, load_settings

pytestmark = pytest.mark.unit

OWN = {"connection.py", "local/health.py"}
"""The second asks the embedded broker whether it is up."""


def test_every_client_takes_its_connection_from_one_place() -> None:
    """A client that knows the address alone works until the broker asks for a password."""
    root = PROJECT_ROOT / "fraudstream_platform"
    maker = re.compile(r"""SchemaRegistryClient\(|["']bootstrap\.servers["']""")
    found = {
        str(path.relative_to(root)) for path in root.rglob("*.py") if maker.search(path.read_text())
    }
    assert found <= OWN


def test_tls_and_scram_are_what_librdkafka_is_told() -> None:
    """A setting that is read and not passed on leaves the connection readable."""
    settings = Settings(
        _env_file=None,
        kafka_security_protocol="SASL_SSL",
        kafka_ca_file="/ca.pem",
        kafka_username="drain",
        kafka_password=SecretStr("a password"),
    )
    assert kafka_connection(settings) == {
        "bootstrap.servers": settings.bootstrap,
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": "/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "drain",
        "sasl.password": "a password",  # pragma: allowlist secret
    }
    assert "a password" not in repr(settings)


def test_a_registry_client_is_made_with_and_without_credentials() -> None:
    """The client refuses what it does not know: a misspelt option would stop every start."""
    plain = Settings(_env_file=None)
    named = plain.model_copy(
        update={
            "schema_registry_username": "drain",
            "schema_registry_password": SecretStr("a password"),
        }
    )
    for settings in (plain, named):
        registry_client(settings, timeout=3, max_retries=1)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_PASSWORD"),
        ({"KAFKA_USERNAME": "drain", "KAFKA_PASSWORD": "x"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"SCHEMA_REGISTRY_USERNAME": "drain"}, "SCHEMA_REGISTRY_PASSWORD"),
    ],
)
def test_credentials_that_would_not_be_used_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    """Who sets a password believes that it is asked for."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=named):
        load_settings()


def test_the_service_reads_every_topic_and_writes_no_transactions() -> None:
    """A topic that somebody adds and nobody grants stops the secured system alone."""
    settings = Settings(_env_file=None)
    topics = {wanted.topic for wanted in wanted_topics(settings)}
    rights = [right for right in rights_of(settings) if right.resource == "TOPIC"]
    assert {
        one.name for one in rights if (one.role, one.operation) == ("service", "READ")
    } == topics
    raw = [one for one in rights if one.name == settings.transactions_topic]
    assert {one.role for one in raw if one.operation == "WRITE"} == {"source", "repairer"}
    service = {one.name for one in rights if (one.role, one.operation) == ("service", "WRITE")}
    assert topics - service == {settings.transactions_topic, settings.fraud_labels_topic}


def test_rights_are_printed_as_commands_of_kafka() -> None:
    """They are copied into a shell as they stand."""
    printed = commands(Settings(_env_file=None))
    assert all(re.fullmatch(r"kafka-acls\.sh --add [A-Za-z0-9 .:_-]+", line) for line in printed)
    assert any("--transactional-id fraudstream. --resource-pattern" in line for line in printed)
