"""The proof that nothing was lost and nothing doubled, on a live or a stopped system.

Everything is compared up to the lowest position that all tables have committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.journal import Entry, JournalReader
from fraudstream_platform.drain.kafka import topic_id
from fraudstream_platform.lake.commit import recorded_versions
from fraudstream_platform.lake.tables import ALERTS, DRAINED, LABELS, VAULT, open_table, scan
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.offsets import (
    Offsets,
    count,
    difference,
    joined,
    kafka_offsets,
    table_offsets,
)

_DRAINED_AT = ("partition", "offset")
_TOPIC_AT = ("topic_partition", "topic_offset")


@dataclass(frozen=True)
class Finding:
    """One rule, whether it holds, the figures, and the first offences where it does not."""

    rule: str
    holds: bool
    figures: str
    offences: Sequence[str] = ()


def prove(settings: Settings, note: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Check every rule; `note` is told what is being read."""
    partitions = range(settings.topic_partitions)
    upto = committed_positions(settings, partitions)
    if upto is None:
        raise LookupError("nothing has been committed yet: there is nothing to verify")
    findings = [_ranges_join(settings)]
    note("reading the raw topic")
    raw = kafka_offsets(settings, settings.transactions_topic, upto)
    note("reading the tables")
    tables = {table: table_offsets(settings, table, upto, _DRAINED_AT) for table in DRAINED}
    bronze, silver = tables["bronze.transactions"], tables["silver.transactions"]
    dead, quarantine = tables["bronze.dead_letter"], tables["silver.quarantine"]
    findings += [
        _same("Kafka records = Bronze + dead letters", raw, joined(bronze, dead)),
        _same("Bronze = Silver + quarantine", bronze, joined(silver, quarantine)),
        _same("every Silver row has features", silver, tables["gold.features"]),
        _unique_transactions(settings),
    ]
    note("reading the alert topic")
    findings += _alerts_agree(settings)
    note("reading the label topic")
    labels = settings.fraud_labels_topic
    findings.append(_topic_agrees(settings, "label topic = label table", labels, LABELS))
    findings.append(_labels_usable(settings))
    note("looking for tokens without a seal")
    findings.append(_tokens_sealed(settings))
    return findings


def _same(rule: str, expected: Offsets, actual: Offsets) -> Finding:
    offences = difference(expected, actual)
    return Finding(rule, not offences, f"{count(expected):,} = {count(actual):,}", offences)


def _ranges_join(settings: Settings) -> Finding:
    journal = JournalReader(settings)
    try:
        groups = range(settings.topic_partitions)  # more than there are now: some may have been
        entries = [e for group in groups for e in journal.history(group) if e.kind == "flush"]
    finally:
        journal.close()
    offences = breaks(entries)
    return Finding("flush ranges join", not offences, f"{len(entries):,} flushes", offences)


def breaks(flushes: Sequence[Entry]) -> list[str]:
    """Where a partition's ranges do not join, whichever groups flushed them."""
    ranges: dict[int, list[tuple[int, int]]] = {}
    for flush in flushes:
        for partition, start in flush.start.items():
            ranges.setdefault(partition, []).append((start, flush.flushed[partition]))
    offences = []
    for partition, spans in sorted(ranges.items()):
        for (_, known), (start, _) in pairwise(sorted(spans)):
            if start != known:
                word = "gap" if start > known else "overlap"
                offences.append(f"partition {partition}: {word} between {known} and {start}")
    return offences


def _unique_transactions(settings: Settings) -> Finding:
    rows = scan(settings, "silver.transactions").select("partition", "transaction_id").collect()
    doubled = rows.filter(pl.struct("partition", "transaction_id").is_duplicated())
    offences = [
        f"partition {row[0]}: transaction {row[1]} stands twice in Silver"
        for row in doubled.unique().head(3).iter_rows()
    ]
    return Finding("no transaction twice", not offences, f"{rows.height:,} ids", offences)


def _topic_agrees(settings: Settings, rule: str, topic: str, table: str) -> Finding:
    """A table that follows a topic has each of its records once, up to where the table stands."""
    application = f"fraudstream.{topic_id(settings, topic)}"
    versions = recorded_versions(open_table(settings, table), application, range(64))
    upto = {p: version for p, version in versions.items() if version is not None}
    on_topic = kafka_offsets(settings, topic, upto)
    return _same(rule, on_topic, table_offsets(settings, table, upto, _TOPIC_AT))


def _alerts_agree(settings: Settings) -> list[Finding]:
    topic = settings.fraud_alerts_topic
    ids = scan(settings, ALERTS).select("alert_id").collect()["alert_id"]
    doubled = ids.filter(ids.is_duplicated()).unique().head(3).to_list()
    return [
        _topic_agrees(settings, "alert topic = alert table", topic, ALERTS),
        Finding(
            "no alert twice",
            not doubled,
            f"{ids.len():,} alerts",
            [f"alert {alert} stands twice on the topic" for alert in doubled],
        ),
    ]


def _labels_usable(settings: Settings) -> Finding:
    """Label records that break the contract are named, not an error: others sent them."""
    labels = scan(settings, LABELS).select("problem", "topic_partition", "topic_offset").collect()
    poor = labels.drop_nulls("problem").sort("topic_partition", "topic_offset")
    named = [
        f"partition {partition} offset {offset}: {problem}"
        for problem, partition, offset in poor.head(3).iter_rows()
    ]
    figures = f"{labels.height - poor.height:,} of {labels.height:,} labels"
    return Finding("labels can be used, or are named", True, figures, named)


def _tokens_sealed(settings: Settings) -> Finding:
    """Tokens without a vault entry are named, not an error: an edge can die between the two."""
    sealed = scan(settings, VAULT).select("token").unique()
    bronze = scan(settings, "bronze.transactions")
    unsealed: list[str] = []
    total = 0
    for column in IDENTITY_KINDS:
        tokens = bronze.select(pl.col(column).alias("token")).drop_nulls().unique().collect()
        total += tokens.height
        missing = tokens.lazy().join(sealed, on="token", how="anti").collect()["token"]
        if missing.len():
            unsealed.append(f"{column}: {missing.len()} tokens without a seal, first {missing[0]}")
    return Finding("tokens have their seal, or are named", True, f"{total:,} tokens", unsealed)
