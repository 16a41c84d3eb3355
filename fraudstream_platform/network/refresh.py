"""One refresh: profiles of the network as Silver shows it now, and alerts of what is new in it.

1. Spark places the patterns; each reads Silver and writes the file of its profile's new version.
2. The files enter their tables, a version each, in the order in which refreshes began.
3. Findings whose group nobody was told of become alerts, in one transaction with their memory.

A crash between two steps loses nothing but a version: the next refresh does all of it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fraudstream_platform.drain.registry import SchemaSource
from fraudstream_platform.lake.commit import Batch, TableAppender, recorded_versions
from fraudstream_platform.lake.tables import PROFILES, open_table
from fraudstream_platform.network.alerts import alert_of
from fraudstream_platform.network.findings import Finding
from fraudstream_platform.network.launch import look_in_spark
from fraudstream_platform.network.memory import Memory
from fraudstream_platform.network.news import news_of
from fraudstream_platform.network.rules import NETWORK_RULES
from fraudstream_platform.network.silver import facts_of
from fraudstream_platform.network.task import Order, Part
from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

EFFECTIVE_AFTER_MS = 120_000
"""From a refresh's start to the append time at which its version takes effect: by then it is in the
table, and every reader that asks before a row of that time applies the same version."""
_APPLICATION = "fraudstream.network"


@dataclass(frozen=True)
class Report:
    """What a refresh did; for the metadata of its assets. Times are epoch ms."""

    version: str
    effective_from: int
    published_at: int
    parts: tuple[Part, ...]
    told: tuple[Finding, ...]
    """Findings that became alerts now."""
    known: int
    """Findings that were told of before."""

    @property
    def is_in_time(self) -> bool:
        """Whether the version was in its tables before it took effect."""
        return self.published_at <= self.effective_from


def refresh(settings: Settings, spark: SparkSession, run_id: str) -> Report:
    """Refresh the profiles and tell of new findings."""
    started = round(time.time() * 1000)
    version = datetime.fromtimestamp(started / 1000, UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
    effective = started + EFFECTIVE_AFTER_MS
    orders = [Order(table, version, effective) for table in PROFILES]
    parts = look_in_spark(spark, orders, f"network-{run_id}")
    for part in parts:
        publish_version(settings, part, started)
    published = round(time.time() * 1000)
    findings = [finding for part in parts for finding in part.findings]
    told = tell(settings, findings)
    return Report(
        version, effective, published, tuple(parts), tuple(told), len(findings) - len(told)
    )


def publish_version(settings: Settings, part: Part, started: int) -> None:
    """Add a version's file to its table; one that a later refresh has overtaken is passed over."""
    table = part.order.table
    recorded = recorded_versions(open_table(settings, table), _APPLICATION, [0])[0]
    batch = Batch({0: recorded or 0}, {0: started}, part.files, origin=recorded is None)
    TableAppender(settings, table, _APPLICATION).commit([batch])


def tell(settings: Settings, findings: Sequence[Finding]) -> list[Finding]:
    """Tell of the findings whose group is new; they and nothing else are on the alert topic then."""
    if not findings:
        return []
    memory = Memory(settings)
    news = news_of(findings, memory.told(), round(time.time() * 1000))
    facts = facts_of(settings, [finding.newest for finding in news.findings])
    encoder = SchemaSource(settings).alert_encoder()
    alerts = []
    for finding in news.findings:
        alert = alert_of(finding, facts[finding.newest], NETWORK_RULES)
        key = alert["customer"] or alert["card"] or ""
        alerts.append((key.encode(), encoder.encode(alert)))
        log.info("%s: %s", finding.pattern, "; ".join(reason.text for reason in finding.reasons))
    memory.tell(alerts, news.records)
    return news.findings
