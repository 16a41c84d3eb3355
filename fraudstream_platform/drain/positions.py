"""Offsets as data: for each raw partition, the next offset to read."""

from __future__ import annotations

from collections.abc import Mapping

Positions = dict[int, int]
"""Partition -> next offset."""


def from_json(raw: Mapping[str, int]) -> Positions:
    """JSON has only string keys."""
    return {int(partition): int(offset) for partition, offset in raw.items()}


def to_json(positions: Mapping[int, int]) -> dict[str, int]:
    """The form in which positions stand in the journal."""
    return {str(partition): offset for partition, offset in sorted(positions.items())}


def covers(upper: Mapping[int, int], lower: Mapping[int, int]) -> bool:
    """True where `upper` is at or past `lower` in every partition of `lower`."""
    return all(upper.get(partition, -1) >= offset for partition, offset in lower.items())


def furthest(one: Mapping[int, int], other: Mapping[int, int]) -> Positions:
    """The later offset of each partition; both have the same partitions."""
    return {partition: max(offset, other[partition]) for partition, offset in one.items()}


def group_partitions(group: int, groups: int, partitions: int) -> list[int]:
    """The raw partitions of one partition group: every groups-th, starting at `group`."""
    return list(range(group, partitions, groups))
