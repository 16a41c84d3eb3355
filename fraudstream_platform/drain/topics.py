"""Set-up: topics, registered schemas and Delta tables. Repeating it changes nothing."""

from __future__ import annotations

import logging
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from confluent_kafka.schema_registry import Schema

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.schemas import avro_text
from fraudstream_platform.drain.kafka import admin
from fraudstream_platform.lake.tables import create_tables
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

COMPATIBILITY = "BACKWARD_TRANSITIVE"

_KNOWN_WITHIN_SECONDS = 15.0
_DAY_MS = 86_400_000
_TOUCHES_KEPT = {"retention.ms": str(9 * _DAY_MS)}
"""Whoever replays a raw record, kept for a week by default, needs the touches of a day before it."""
_COMPACTED_DAILY = {"cleanup.policy": "compact", "max.compaction.lag.ms": str(_DAY_MS)}
"""A seal that was forgotten leaves the broker's disk within about a day."""
_UNPACKED = {"compression.type": "uncompressed"}
"""Of what sources write, the broker's limits of size then hold for what a batch unpacks to."""
_FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "segment.bytes": str(64 << 20)}
"""Housekeeping deletes what is done with; the broker frees whole segments only, so they are small."""


def setup(settings: Settings) -> None:
    """Create what is missing of topics, subjects and tables; raises where one is unfit."""
    client = admin(settings)
    _create_topics(client, settings)
    _verify_append_time(client, settings)
    _register_schemas(settings)
    create_tables(settings)


def journal_partitions(settings: Settings) -> int:
    """One a partition group (at most one a raw partition), and the last for the runs."""
    return settings.topic_partitions + 1


def wanted_topics(settings: Settings) -> list[NewTopic]:
    """Every topic that FraudStream needs, as set-up makes it."""
    replication = settings.topic_replication
    append_time = {"message.timestamp.type": "LogAppendTime"}
    if replication > 1:
        # A record that is acknowledged (acks=all) is on all copies but one: a broker may go.
        append_time["min.insync.replicas"] = str(replication - 1)
    return [
        NewTopic(
            settings.transactions_topic,
            settings.topic_partitions,
            replication,
            config={**append_time, **_UNPACKED, "max.message.bytes": "10000000"},
        ),
        NewTopic(settings.fraud_alerts_topic, 4, replication, config=append_time),
        NewTopic(settings.fraud_labels_topic, 4, replication, config={**append_time, **_UNPACKED}),
        NewTopic(settings.quality_alerts_topic, 1, replication, config=append_time),
        NewTopic(
            settings.vault_topic,
            4,
            replication,
            config={**append_time, **_UNPACKED, **_COMPACTED_DAILY},
        ),
        NewTopic(
            settings.token_links_topic,
            1,
            replication,
            config={**append_time, **_UNPACKED, "cleanup.policy": "compact"},
        ),
        NewTopic(
            settings.audit_anchors_topic,
            1,
            replication,
            config={**append_time, "cleanup.policy": "compact"},
        ),
        NewTopic(settings.entities_topic, 1, replication, config={**append_time, **_TOUCHES_KEPT}),
        NewTopic(
            settings.network_topic,
            1,
            replication,
            config={**append_time, "cleanup.policy": "compact"},
        ),
        NewTopic(
            settings.journal_topic,
            journal_partitions(settings),
            replication,
            config={**append_time, **_FOREVER},
        ),
    ]


def _create_topics(client: AdminClient, settings: Settings) -> None:
    for name, future in client.create_topics(wanted_topics(settings)).items():
        try:
            future.result(timeout=30)
            log.info("created topic %s", name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _verify_append_time(client: AdminClient, settings: Settings) -> None:
    for topic in (settings.transactions_topic, settings.entities_topic, settings.journal_topic):
        kind = _timestamp_type(client, topic)
        if kind != "LogAppendTime":
            raise ValueError(
                f"topic {topic} has message.timestamp.type={kind}; windows and what "
                "tasks know of each other go by append time: set it to LogAppendTime"
            )


def _timestamp_type(client: AdminClient, topic: str) -> str | None:
    """The topic's setting; a topic just made is waited for until the broker knows it."""
    deadline = time.monotonic() + _KNOWN_WITHIN_SECONDS
    while True:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        try:
            configs = client.describe_configs([resource])[resource].result(timeout=30)
        except KafkaException as error:
            unknown = error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            if not unknown or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            value: str | None = configs["message.timestamp.type"].value
            return value


def wanted_subjects(settings: Settings) -> dict[str, str]:
    """The registry's subjects, and which of `schemas/<name>.avsc` each holds."""
    contracts = {
        settings.transactions_topic: "transaction",
        settings.fraud_alerts_topic: "fraud_alert",
        settings.fraud_labels_topic: "transaction_label",
        settings.entities_topic: "entity_touches",
        settings.quality_alerts_topic: "quality_alert",
    }
    return {f"{topic}-value": name for topic, name in contracts.items()}


def _register_schemas(settings: Settings) -> None:
    registry = registry_client(settings)
    for subject, name in wanted_subjects(settings).items():
        registry.register_schema(subject, Schema(avro_text(name), "AVRO"))
        registry.set_compatibility(subject_name=subject, level=COMPATIBILITY)
