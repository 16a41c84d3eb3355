"""Moving to another layout of the raw topic: more partitions, other groups.

1. Refuse while anybody drains; fence every group of both layouts, and read the journal again.
2. Bring what is journaled into the tables, so that Bronze has every row that was drained.
3. Add the partitions that are missing, of the raw topic and of the journal.
4. Make the state of all partitions from Bronze, and write a snapshot for each group.
5. Record where the new partitions begin in every table, as the position that a first flush joins.
6. See that nobody drained meanwhile, and journal a `final` record for each group, all in one
   transaction: who comes next takes over from them.

Before that transaction the drain refuses to start, and the same call begins again; none of the steps
changes anything where it was done before. Rows and alerts keep their positions throughout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient, NewPartitions

from fraudstream_platform.drain.committer import Committer, application_of
from fraudstream_platform.drain.journal import Entry, JournalReader, SnapshotRef
from fraudstream_platform.drain.kafka import (
    admin,
    partition_count,
    reader,
    transactional_producer,
    wait_until_settled,
)
from fraudstream_platform.drain.layout import Layout, journaled_layout, wanted_layout
from fraudstream_platform.drain.ledger import Ledger
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.reshard_state import refuse_foreign_partitioner, step_past
from fraudstream_platform.drain.resharded import Resharded, keep
from fraudstream_platform.drain.resume import Standing, read_standing
from fraudstream_platform.drain.snapshot import (
    copy_exchange,
    copy_state,
    load_exchange,
    write_snapshot,
)
from fraudstream_platform.drain.source import beginnings
from fraudstream_platform.drain.topics import journal_partitions
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.lake.commit import Batch, TableAppender, recorded_versions
from fraudstream_platform.lake.tables import DRAINED, open_table
from fraudstream_platform.settings import Settings

RUN_ID = "reshard"
_BEYOND_RETRIES = 100
"""Spark tries a task of one run a few times; a `final` record of ours is newer than all of them."""


class DrainGoesOnError(UserError):
    """Somebody drains, or did a moment ago; nothing was changed."""


@dataclass(frozen=True)
class Journaled:
    """Where all groups stand together."""

    standings: Sequence[Standing | None]
    """By journal partition; None for one that nobody ever owned."""
    flushed: Positions
    stepped: Positions

    @property
    def partitions(self) -> int:
        """How many raw partitions were drained."""
        return len(self.flushed)

    def is_still(self, before: Journaled) -> bool:
        """Whether nobody drained since; groups that were added meanwhile have nobody yet."""
        known, others = (
            [one for one in journaled.standings if one is not None] for journaled in (self, before)
        )
        return known == others


def read_journaled(settings: Settings) -> Journaled:
    """Ask the journal."""
    consumer = reader(settings, "fraudstream.reshard")
    journal = JournalReader(settings)
    try:
        groups = range(partition_count(consumer, settings.journal_topic))
        wait_until_settled(admin(settings), settings.journal_topic, groups)
        standings = [read_standing(journal, group) for group in groups]
    finally:
        consumer.close()
        journal.close()
    known = [standing for standing in standings if standing is not None]
    return Journaled(
        standings,
        flushed={p: offset for one in known for p, offset in one.flushed.items()},
        stepped={p: offset for one in known for p, offset in one.stepped.items()},
    )


def layout_change(settings: Settings, *, again: bool = False) -> tuple[Layout, Layout]:
    """What the journal holds and what the settings want; raises UserError.

    It is refused to go on with fewer partitions than there are, or where nothing has to be moved but
    with `again`.
    """
    on_topic = _count(settings, settings.transactions_topic)
    journaled = read_journaled(settings)
    wanted = wanted_layout(settings)
    most = max(on_topic, journaled.partitions)
    if wanted.partitions < most:
        raise UserError(
            f"there are {most} partitions, and Kafka takes none away: set TOPIC_PARTITIONS to {most} "
            "or more"
        )
    if not journaled.flushed:
        raise UserError("nothing was drained yet, so no state has to move: `fraudstream setup`")
    present = journaled_layout(journaled.standings)
    if present == wanted and on_topic == wanted.partitions and not again:
        raise UserError(
            f"the journal and the topic have {wanted} already: --again makes their state anew"
        )
    return present, wanted


def reshard(
    settings: Settings, tell: Callable[[int], None] = lambda _: None, *, again: bool = False
) -> None:
    """Move state to the layout of the settings. Audited; `tell` is told of rows stepped so far.

    With `again` also where the layout is that one: after the snapshots were lost, or code that
    declares other features, state comes from all of Bronze and not from what the log still holds.

    Raises UserError, with nothing changed, where somebody drains or nothing has to move.
    """
    present, wanted = layout_change(settings, again=again)
    with audited(settings, "reshard", settings.transactions_topic, f"{present} to {wanted}"):
        journaled = _taken_from_all(settings, wanted)
        refuse_foreign_partitioner(settings, journaled.partitions, wanted.partitions)
        _commit_what_waits(settings, journaled)
        _add_partitions(settings)
        begun = beginnings(settings, range(journaled.partitions, wanted.partitions))
        flushed, stepped = {**begun, **journaled.flushed}, {**begun, **journaled.stepped}
        snapshots = _snapshots(settings, wanted, flushed, journaled, tell)
        _mark_tables(settings, flushed)
        if not _taken_from_all(settings, wanted).is_still(journaled):
            raise DrainGoesOnError("a group was drained meanwhile: hold the drain and try again")
        keep(settings, Resharded(round(time.time() * 1000), present, wanted, flushed))
        _journal(settings, _finals(wanted, journaled, flushed, stepped, snapshots))


def _taken_from_all(settings: Settings, wanted: Layout) -> Journaled:
    """Nobody drains any more, and where all stand by then."""
    journaled = read_journaled(settings)
    _refuse_while_draining(settings, journaled)
    for group in _groups(journaled, wanted):
        ledger = Ledger(settings, group)
        ledger.fence()
        ledger.close()
    return read_journaled(settings)


def _refuse_while_draining(settings: Settings, journaled: Journaled) -> None:
    for group, standing in enumerate(journaled.standings):
        if standing is None or standing.is_final:
            continue
        silent = time.time() - standing.at / 1000
        if silent < 2 * settings.lease_seconds:
            raise DrainGoesOnError(
                f"group {group} is being drained ({silent:.0f} s ago): cancel the newest drain run in "
                "the Dagster UI, which holds the drain, and try again in "
                f"{2 * settings.lease_seconds:.0f} s; re-execute that run afterwards"
            )


def _groups(journaled: Journaled, wanted: Layout) -> list[int]:
    """Groups of either layout."""
    owned = {group for group, one in enumerate(journaled.standings) if one and one.flushed}
    return sorted(owned | set(range(wanted.groups)))


def _commit_what_waits(settings: Settings, journaled: Journaled) -> None:
    layout = journaled_layout(journaled.standings)
    before = settings.model_copy(
        update={"topic_partitions": layout.partitions, "drain_groups": layout.groups}
    )
    flushed = [one.flushed for one in journaled.standings if one is not None and one.has_flushed]
    committer = Committer(before)
    try:
        committer.commit()
        if not all(committer.has_committed(positions) for positions in flushed):
            raise UserError("the tables lack rows that were journaled: run a drain window first")
    finally:
        committer.close()


def _add_partitions(settings: Settings) -> None:
    client = admin(settings)
    wanted = {
        settings.transactions_topic: settings.topic_partitions,
        settings.journal_topic: journal_partitions(settings),
    }
    _grow(client, {topic: n for topic, n in wanted.items() if _count(settings, topic) < n})
    deadline = time.monotonic() + 30
    while any(_count(settings, topic) < count for topic, count in wanted.items()):
        if time.monotonic() > deadline:
            raise UserError("the broker does not show the new partitions yet: try again")
        time.sleep(0.2)


def _grow(client: AdminClient, counts: dict[str, int]) -> None:
    if not counts:
        return
    asked = [NewPartitions(topic, count) for topic, count in counts.items()]
    for future in client.create_partitions(asked, operation_timeout=30).values():
        future.result(timeout=30)


def _count(settings: Settings, topic: str) -> int:
    consumer = reader(settings, "fraudstream.reshard")
    try:
        return partition_count(consumer, topic)
    finally:
        consumer.close()


def _snapshots(
    settings: Settings,
    wanted: Layout,
    flushed: Positions,
    journaled: Journaled,
    tell: Callable[[int], None],
) -> list[SnapshotRef]:
    from fraudstream_platform.detection.step import Detector  # compiled kernels, here alone

    detector = Detector(
        quality_threshold=settings.silver_quality_threshold,
        oldest_event_days=settings.oldest_event_days,
    )
    step_past(settings, detector, flushed, flushed, tell)
    # What all tasks told each other is the same for every group. Without it the topic is read anew.
    load_exchange(
        detector, [ref for one in journaled.standings if one is not None for ref in one.snapshots]
    )
    refs = []
    for group in range(wanted.groups):
        partitions = wanted.of_group(group)
        arrays = copy_exchange(detector)
        for partition in partitions:
            arrays |= copy_state(detector, partition)
        refs.append(write_snapshot(settings, group, arrays, {p: flushed[p] for p in partitions}))
    return refs


def _mark_tables(settings: Settings, flushed: Positions) -> None:
    """A partition that no table knows begins where its first flush will."""
    application = application_of(settings)
    for name in DRAINED:
        known = recorded_versions(open_table(settings, name), application, sorted(flushed))
        fresh = {p: flushed[p] for p, version in known.items() if version is None}
        if fresh:
            TableAppender(settings, name, application).commit(
                [Batch(fresh, fresh, [], origin=True)]
            )


def _finals(
    wanted: Layout,
    journaled: Journaled,
    flushed: Positions,
    stepped: Positions,
    snapshots: Sequence[SnapshotRef],
) -> list[Entry]:
    """One record a group of either layout; a group that is no more holds nothing."""
    known = [standing for standing in journaled.standings if standing is not None]
    newest = max(standing.term for standing in known)
    # Newer than whoever owned, older than the next attempt or window: that one takes over. A window
    # that a person cut short is not over before its hour: `stop` is not later than now.
    term = newest._replace(retry=newest.retry + _BEYOND_RETRIES)
    stop = min(round(time.time() * 1000), max(standing.stop for standing in known))
    return [
        Entry(
            kind="final",
            group=group,
            term=term,
            run_id=RUN_ID,
            stop=stop,
            flushed={p: flushed[p] for p in wanted.of_group(group)},
            stepped={p: stepped[p] for p in wanted.of_group(group)},
            snapshots=(snapshots[group],) if group < wanted.groups else (),
        )
        for group in _groups(journaled, wanted)
    ]


def _journal(settings: Settings, entries: Sequence[Entry]) -> None:
    """All of them in one transaction: no group is ever seen in another layout than the others."""
    producer = transactional_producer(settings, f"fraudstream.{RUN_ID}")
    producer.init_transactions(30)
    producer.begin_transaction()
    for entry in entries:
        producer.produce(
            settings.journal_topic,
            value=entry.to_bytes(),
            key=f"group-{entry.group}".encode(),
            partition=entry.group,
        )
    producer.commit_transaction(30)
