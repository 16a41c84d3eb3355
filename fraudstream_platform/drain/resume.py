"""Where a group stands, read back from its journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fraudstream_platform.drain.journal import (
    COMPLETE,
    Entry,
    JournalReader,
    SnapshotRef,
    Term,
)
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.errors import UserError


class RegroupError(UserError):
    """The raw topic, or the journal's groups, are cut otherwise than the settings say."""


@dataclass(frozen=True)
class Standing:
    """Newest knowledge of a group: who owns it, and how far rows and alerts got."""

    term: Term
    run_id: str
    is_final: bool
    stop: int
    """Where the newest term's window stops, epoch ms."""
    at: int
    """Append time of the newest record, epoch ms."""
    flushed: Positions
    stepped: Positions
    snapshots: tuple[SnapshotRef, ...]
    journal_offset: int
    has_flushed: bool
    """False while no flush of the group was ever journaled: its first one is the origin."""

    def after(self, entry: Entry) -> Standing:
        """The standing once `entry` has been read."""
        later_term = entry.term > self.term
        return replace(
            self,
            term=max(self.term, entry.term),
            run_id=entry.run_id if later_term else self.run_id,
            is_final=entry.kind == "final" or (self.is_final and not later_term),
            stop=entry.stop if later_term else self.stop,
            at=max(self.at, entry.at),
            flushed=entry.flushed if covers(entry.flushed, self.flushed) else self.flushed,
            stepped=entry.stepped if covers(entry.stepped, self.stepped) else self.stepped,
            snapshots=entry.snapshots or self.snapshots,
            journal_offset=entry.journal_offset,
            has_flushed=self.has_flushed or entry.has_flushed,
        )

    def usable_snapshots(self) -> list[SnapshotRef]:
        """Snapshots from which every row past `flushed` can be computed again, newest first."""
        return [ref for ref in self.snapshots if covers(self.flushed, ref.positions)]


def read_standing(journal: JournalReader, group: int) -> Standing | None:
    """Where the group stands now; None where nobody ever owned it."""
    # What was the runs' partition of fewer partitions can be a group's by now.
    return standing_of([one for one in journal.tail(group, COMPLETE) if one.kind != "run"])


def standing_of(entries: Sequence[Entry]) -> Standing | None:
    """Fold a journal tail, oldest first; None for an empty one."""
    if not entries:
        return None
    first = entries[0]
    standing = Standing(
        term=first.term,
        run_id=first.run_id,
        is_final=first.kind == "final",
        stop=first.stop,
        at=first.at,
        flushed=first.flushed,
        stepped=first.stepped,
        snapshots=first.snapshots,
        journal_offset=first.journal_offset,
        has_flushed=first.has_flushed,
    )
    for entry in entries[1:]:
        standing = standing.after(entry)
    return standing


def refuse_regrouping(standing: Standing, partitions: Sequence[int]) -> None:
    """Raise RegroupError unless the journaled group holds exactly `partitions`."""
    if set(standing.flushed) != set(partitions):
        raise RegroupError(
            f"the journal's group holds partitions {sorted(standing.flushed)}, the settings say "
            f"{sorted(partitions)}: set TOPIC_PARTITIONS and DRAIN_GROUPS back, or run "
            "`fraudstream reshard`, which moves the state"
        )
