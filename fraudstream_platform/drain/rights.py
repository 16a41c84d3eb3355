"""The least rights that each kind of client needs of the broker, as data.

docs/security.md shows them as a table; `fraudstream setup --rights` prints them as commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fraudstream_platform.drain.topics import wanted_topics
from fraudstream_platform.settings import Settings

Role = Literal["source", "service", "repairer", "analyst"]
"""`repairer` comes on top of `service`, for who puts quarantined records through again."""
_FROM = "fraudstream."


@dataclass(frozen=True)
class Right:
    """One operation of a role on a topic, group or transactional id, or on all that begin so."""

    role: Role
    operation: Literal["READ", "WRITE", "DELETE"]
    """READ and WRITE bring DESCRIBE with them."""
    resource: Literal["TOPIC", "GROUP", "TRANSACTIONAL_ID"]
    name: str
    prefixed: bool = False


def rights_of(settings: Settings) -> Iterator[Right]:
    """Every right; set-up itself is done by an administrator of the broker."""
    raw, alerts = settings.transactions_topic, settings.fraud_alerts_topic
    for topic in (raw, settings.fraud_labels_topic, settings.vault_topic):
        yield Right("source", "WRITE", "TOPIC", topic)
    yield Right("source", "READ", "TOPIC", settings.token_links_topic)
    yield Right("source", "WRITE", "TOPIC", settings.token_links_topic)
    yield Right("source", "READ", "GROUP", f"{_FROM}token-links")

    sent_by_sources_alone = (raw, settings.fraud_labels_topic)
    for topic in (wanted.topic for wanted in wanted_topics(settings)):
        yield Right("service", "READ", "TOPIC", topic)
        if topic not in sent_by_sources_alone:
            yield Right("service", "WRITE", "TOPIC", topic)
    yield Right("service", "DELETE", "TOPIC", settings.journal_topic)
    yield Right("service", "READ", "GROUP", _FROM, prefixed=True)
    yield Right("service", "WRITE", "TRANSACTIONAL_ID", _FROM, prefixed=True)

    yield Right("repairer", "WRITE", "TOPIC", raw)

    yield Right("analyst", "READ", "TOPIC", alerts)
    yield Right("analyst", "READ", "GROUP", f"{_FROM}alerts-cli")


def commands(settings: Settings) -> list[str]:
    """Kafka's own command for each right; the role stands for the user's name."""
    return [_command(right) for right in rights_of(settings)]


def _command(right: Right) -> str:
    resource = right.resource.lower().replace("_", "-")
    pattern = " --resource-pattern-type prefixed" if right.prefixed else ""
    operation = right.operation.capitalize()
    return (
        f"kafka-acls.sh --add --allow-principal User:{right.role} --operation {operation} "
        f"--{resource} {right.name}{pattern}"
    )
