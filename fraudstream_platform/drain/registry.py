"""Schemas by id, each asked for once. A registry that does not answer is waited for."""

from __future__ import annotations

import json

from confluent_kafka.schema_registry import Schema, SchemaRegistryError

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.codec import Encoder, ForeignSchemaError, WriterSchema
from fraudstream_platform.contracts.schemas import avro_schema, avro_text
from fraudstream_platform.settings import Settings

_NOT_FOUND = 404


class RegistryDownError(RuntimeError):
    """The registry did not answer; the same records are tried again later."""


class UnknownSchemaError(ValueError):
    """No schema of the transaction contract has this id: the record is a dead letter."""


class SchemaSource:
    """Schemas by id, writer schemas of the raw topic, and encoders of what tasks write."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = registry_client(settings, timeout=3, max_retries=1)
        self._known: dict[int, WriterSchema | str] = {}

    def writer(self, schema_id: int) -> WriterSchema:
        """The writer schema; raises UnknownSchemaError or RegistryDownError."""
        known = self._known.get(schema_id)
        if known is None:
            known = self._known[schema_id] = self._fetch(schema_id)
        if isinstance(known, str):
            raise UnknownSchemaError(known)
        return known

    def text(self, schema_id: int) -> str | None:
        """A registered schema's JSON, None where there is none; raises RegistryDownError."""
        try:
            return self._client.get_schema(schema_id).schema_str
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                return None
            raise RegistryDownError(f"schema registry answered {error.http_status_code}") from None
        except Exception as error:  # noqa: BLE001 - any transport error of the client
            raise RegistryDownError(f"schema registry: {type(error).__name__}") from None

    def _fetch(self, schema_id: int) -> WriterSchema | str:
        text = self.text(schema_id)
        if text is None:
            return f"schema id {schema_id} is not registered"
        try:
            return WriterSchema(schema_id, json.loads(text))
        except (ForeignSchemaError, ValueError, KeyError, TypeError, AttributeError) as error:
            return f"schema id {schema_id} is no transaction contract ({error})"

    def alert_encoder(self) -> Encoder:
        """Encoder of this code's alert schema; raises RegistryDownError."""
        return self.encoder(self._settings.fraud_alerts_topic, "fraud_alert")

    def encoder(self, topic: str, name: str) -> Encoder:
        """Encoder of this code's `schemas/<name>.avsc` for `topic`; raises RegistryDownError."""
        subject = f"{topic}-value"
        try:
            found = self._client.lookup_schema(subject, Schema(avro_text(name), "AVRO"))
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                raise RegistryDownError(
                    f"{subject} lacks this schema; run `fraudstream setup`"
                ) from None
            raise RegistryDownError(f"schema registry answered {error.http_status_code}") from None
        except Exception as error:  # noqa: BLE001 - any transport error of the client
            raise RegistryDownError(f"schema registry: {type(error).__name__}") from None
        if found.schema_id is None:
            raise RegistryDownError(f"schema registry gave no id for {subject}")
        return Encoder(found.schema_id, avro_schema(name))
