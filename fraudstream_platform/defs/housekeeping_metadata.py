"""What housekeeping shows on its materializations: totals to plot, and a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from fraudstream_platform.housekeeping.dagster_storage import RunsForgotten
from fraudstream_platform.housekeeping.journal import Trim
from fraudstream_platform.housekeeping.snapshots import GroupSnapshots
from fraudstream_platform.lake.compaction import Compacted
from fraudstream_platform.lake.delta_log import LogSize
from fraudstream_platform.lake.vacuum import Removed

Metadata = dict[str, dg.MetadataValue]
_MOST_ROWS = 200


def compaction(closed: Sequence[str], done: Sequence[Compacted]) -> Metadata:
    """Files and bytes before and after, of what was compacted."""
    rows = [
        (one.table, one.partition, one.rows, one.files_before, one.files_after, one.bytes_before,
         one.bytes_after, "changed meanwhile" if one.is_changed_meanwhile else "")
        for one in done
    ]  # fmt: skip
    return {
        "closed_hours": dg.MetadataValue.int(len(closed)),
        "newest_closed_hour": dg.MetadataValue.text(closed[-1] if closed else "none"),
        "partitions": dg.MetadataValue.int(len(done)),
        **_sums(done, "files_before", "files_after", "bytes_before", "bytes_after"),
        "by_partition": _table(
            ("table", "partition", "rows", "files", "then", "bytes", "then", "note"), rows
        ),
    }


def archived(moved: Mapping[str, int]) -> Metadata:
    """Records of the audit trail that left its table, by month."""
    return {
        "records_moved": dg.MetadataValue.int(sum(moved.values())),
        "by_month": _table(("month", "records"), list(moved.items())),
    }


def versions(pruned: Mapping[str, tuple[int, int]]) -> Metadata:
    """Versions that left, and that stay, by table."""
    rows = [(table, *counts) for table, counts in pruned.items()]
    return {
        "versions_removed": dg.MetadataValue.int(sum(gone for gone, _ in pruned.values())),
        "versions_kept": dg.MetadataValue.int(sum(kept for _, kept in pruned.values())),
        "by_table": _table(("table", "removed", "kept"), rows),
    }


def removed(by_table: Mapping[str, Removed]) -> Metadata:
    """Files and bytes that went, by table."""
    rows = [(table, one.files, one.bytes) for table, one in by_table.items() if one.files]
    return {
        "files_removed": dg.MetadataValue.int(sum(one.files for one in by_table.values())),
        "bytes_removed": dg.MetadataValue.int(sum(one.bytes for one in by_table.values())),
        "by_table": _table(("table", "files", "bytes"), rows),
    }


def logs(by_table: Mapping[str, tuple[LogSize, LogSize]]) -> Metadata:
    """Files and bytes of the logs, before and after."""
    rows = [
        (table, before.files, after.files, before.bytes, after.bytes)
        for table, (before, after) in by_table.items()
    ]
    names = ("files_before", "files_after", "bytes_before", "bytes_after")
    sums = {
        name: dg.MetadataValue.int(sum(int(row[place]) for row in rows))
        for place, name in enumerate(names, start=1)
    }
    return {**sums, "by_table": _table(("table", "files", "then", "bytes", "then"), rows)}


def trims(done: Sequence[Trim]) -> Metadata:
    """From where to where each journal partition was trimmed, or why it was not."""
    rows = [(one.partition, one.before, one.to, one.reason) for one in done]
    return {
        "offsets_deleted": dg.MetadataValue.int(sum(one.offsets for one in done)),
        "by_partition": _table(("partition", "began at", "begins at", "reason"), rows),
    }


def snapshots(groups: Sequence[GroupSnapshots]) -> Metadata:
    """What can be loaded of what the journal names, and what went."""
    rows = [(one.group, one.valid, one.kept, one.removed, "; ".join(one.faults)) for one in groups]
    fewest = min((one.valid for one in groups), default=0)
    return {
        "valid_in_the_poorest_group": dg.MetadataValue.int(fewest),
        "files_removed": dg.MetadataValue.int(sum(one.removed for one in groups)),
        "bytes_removed": dg.MetadataValue.int(sum(one.bytes_removed for one in groups)),
        "by_group": _table(("group", "valid", "files kept", "removed", "faults"), rows),
    }


def runs(done: RunsForgotten) -> Metadata:
    """Runs looked at and deleted."""
    return {
        "runs_before": dg.MetadataValue.int(done.looked_at),
        "runs_deleted": dg.MetadataValue.int(done.deleted),
        "bytes_removed": dg.MetadataValue.int(done.bytes_removed),
    }


def _sums(done: Sequence[Compacted], *names: str) -> Metadata:
    return {name: dg.MetadataValue.int(sum(getattr(one, name) for one in done)) for name in names}


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MetadataValue:
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if not lines:
        return dg.MetadataValue.md("nothing")
    more = [f"\n… and {len(lines) - _MOST_ROWS} more"] if len(lines) > _MOST_ROWS else []
    head = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return dg.MetadataValue.md("\n".join([*head, *lines[:_MOST_ROWS], *more]))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
