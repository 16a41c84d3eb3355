"""How the raw topic is cut: its partitions, and the groups that they are drained in.

State is kept by partition. Where partitions were added, or groups drawn anew, customers would meet a
state that has never seen them; so the drain refuses until `fraudstream reshard` has moved it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.kafka import partition_count, reader
from fraudstream_platform.drain.positions import group_partitions
from fraudstream_platform.drain.resume import (
    RegroupError,
    Standing,
    read_standing,
    refuse_regrouping,
)
from fraudstream_platform.settings import Settings


@dataclass(frozen=True)
class Layout:
    """So many raw partitions in so many groups."""

    partitions: int
    groups: int

    def of_group(self, group: int) -> list[int]:
        """Partitions of one group; none where there is no such group."""
        inside = group < self.groups
        return group_partitions(group, self.groups, self.partitions) if inside else []

    def __str__(self) -> str:
        """For people."""
        return f"{self.partitions} partitions in {self.groups} groups"


def wanted_layout(settings: Settings) -> Layout:
    """What the settings say."""
    return Layout(settings.topic_partitions, settings.drain_groups)


def journaled_layout(standings: Sequence[Standing | None]) -> Layout:
    """What the journal's groups hold, by their numbers; raises RegroupError where that is no layout."""
    held = [sorted(standing.flushed) if standing is not None else [] for standing in standings]
    owning = [partitions for partitions in held if partitions]
    layout = Layout(sum(len(partitions) for partitions in owning), len(owning))
    if held[: layout.groups] != [layout.of_group(group) for group in range(layout.groups)]:
        raise RegroupError(
            f"the journal's groups hold {owning}, which is no layout of this software: every group "
            "has to have been owned once, let a drain window pass"
        )
    return layout


def refuse_other_partitions(settings: Settings, count: int) -> None:
    """Raise RegroupError unless the raw topic's `count` partitions are TOPIC_PARTITIONS."""
    if count != settings.topic_partitions:
        raise RegroupError(
            f"{settings.transactions_topic} has {count} partitions, TOPIC_PARTITIONS says "
            f"{settings.topic_partitions}: records of the others wait in the log. Set "
            f"TOPIC_PARTITIONS to {max(count, settings.topic_partitions)} and run "
            "`fraudstream reshard`, which moves customers' state to where their records go now"
        )


def refuse_other_groups(settings: Settings, standings: Sequence[Standing | None]) -> None:
    """Raise RegroupError unless the journal's groups are those of the settings."""
    layout = wanted_layout(settings)
    for group, standing in enumerate(standings):
        if standing is not None:
            refuse_regrouping(standing, layout.of_group(group))


def refuse_other_layout(settings: Settings) -> None:
    """Ask the broker and the journal; raises RegroupError where either is cut otherwise."""
    consumer = reader(settings, "fraudstream.layout")
    try:
        refuse_other_partitions(settings, partition_count(consumer, settings.transactions_topic))
    finally:
        consumer.close()
    journal = JournalReader(settings)
    try:
        groups = range(settings.drain_groups)
        refuse_other_groups(settings, [read_standing(journal, group) for group in groups])
    finally:
        journal.close()
