"""Facts of the schema registry."""

from __future__ import annotations

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.schemas import avro_text
from fraudstream_platform.doctor.judge_registry import SubjectFacts
from fraudstream_platform.drain.topics import wanted_subjects
from fraudstream_platform.settings import Settings

_TIMEOUT_S = 5
_NOT_FOUND = 404


def ask_registry(settings: Settings) -> list[SubjectFacts]:
    """Every subject that set-up registers; raises where the registry does not answer."""
    client = registry_client(settings, timeout=_TIMEOUT_S, max_retries=0)
    return [_ask(client, subject, name) for subject, name in wanted_subjects(settings).items()]


def _ask(client: SchemaRegistryClient, subject: str, name: str) -> SubjectFacts:
    try:
        client.lookup_schema(subject, Schema(avro_text(name), "AVRO"))
        level = client.get_compatibility(subject)
    except SchemaRegistryError as error:
        if error.http_status_code != _NOT_FOUND:
            raise
        return SubjectFacts(subject, registered=False, compatibility=None)
    return SubjectFacts(subject, registered=True, compatibility=level)
