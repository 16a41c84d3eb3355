"""Topics: there, with the partitions and the settings that exactly-once stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fraudstream_platform.doctor.verdict import Check, fail, ok

_AT_LEAST = ("max.message.bytes", "min.insync.replicas", "retention.ms", "retention.bytes")
_ENDLESS = -1


@dataclass(frozen=True)
class TopicFacts:
    """A topic as it is, or as it should be."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def judge_topics(
    wanted: Sequence[TopicFacts], present: Mapping[str, TopicFacts], fixed: Sequence[str]
) -> list[Check]:
    """A line for each fault, else a single one; topics in `fixed` have their exact partitions."""
    found = []
    for wish in wanted:
        topic = present.get(wish.name)
        if topic is None:
            remedy = "`fraudstream setup` creates it"
            found.append(fail(f"topic {wish.name}", "does not exist", remedy))
            continue
        if wish.name in fixed and topic.partitions != wish.partitions:
            found.append(_partitions(wish, topic))
        found += _settings(wish, topic)
    return found or [ok("topics", f"{len(wanted)} exist, with their partitions and settings")]


def _partitions(wish: TopicFacts, topic: TopicFacts) -> Check:
    return fail(
        f"topic {wish.name}",
        f"has {topic.partitions} partitions, TOPIC_PARTITIONS asks for {wish.partitions}",
        "set TOPIC_PARTITIONS to what the raw topic has or is to have, hold the drain, and run "
        "`fraudstream reshard`: state is kept by partition, and it moves it",
    )


def _settings(wish: TopicFacts, topic: TopicFacts) -> list[Check]:
    return [
        fail(
            f"topic {wish.name}",
            f"{name}={topic.config.get(name)}, needed is {value}",
            f"kafka-configs.sh --alter --entity-type topics --entity-name {wish.name} "
            f"--add-config {name}={value}",
        )
        for name, value in wish.config.items()
        if not _is_enough(name, topic.config.get(name), value)
    ]


def _is_enough(name: str, present: str | None, wanted: str) -> bool:
    if present == wanted:
        return True
    if name == "cleanup.policy" or name not in _AT_LEAST or present is None:
        return False
    if int(wanted) == _ENDLESS:
        return False
    return int(present) == _ENDLESS or int(present) >= int(wanted)
