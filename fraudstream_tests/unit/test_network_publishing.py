"""What is told of, what is remembered, and how a profile's version enters its table."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import PROFILES, create_tables, open_table, scan
from fraudstream_platform.network.alerts import alert_of
from fraudstream_platform.network.findings import Finding, Reason
from fraudstream_platform.network.launch import in_own_process
from fraudstream_platform.network.news import REMEMBERED_DAYS, news_of, told_from
from fraudstream_platform.network.refresh import publish_version
from fraudstream_platform.network.rules import NETWORK_RULES
from fraudstream_platform.network.task import Order, Part, look
from fraudstream_platform.settings import Settings
from fraudstream_tests.unit.network_worlds import World
from fraudstream_tests.unit.test_network_collusion import colluders

NOW = 1_800_000_000_000
DAY = 86_400_000
MERCHANTS = "gold.profiles_merchants"
ORDER = Order(MERCHANTS, "2026-03-02T00-00-00.000", NOW)


def finding(*members: str, score: int = 700) -> Finding:
    reason = Reason("MC01", "5 customers", 5.0, 0.1, 86_400, "merchant group")
    return Finding("merchant_collusion", members, score, (reason,), (3, 17), 120)


FACTS = {
    "partition": 3, "offset": 17, "hour": "2026-03-02T01", "transaction_id": "t-17",
    "event_time": datetime(2026, 3, 2, tzinfo=UTC), "append_time": datetime(2026, 3, 2, tzinfo=UTC),
    "customer": "cu1_x", "card": "ca1_x", "merchant_id": "A", "billing_amount_minor": 100,
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(found)
    return found


def test_a_group_is_told_of_once() -> None:
    """Guards against the same alert at every refresh."""
    first = news_of([finding("A", "B", "C")], [], NOW)
    assert [one.members for one in first.findings] == [("A", "B", "C")]
    again = news_of([finding("A", "B", "C", "D", score=900)], first.records, NOW + 1)
    assert (again.findings, again.records) == ([], [])


def test_one_group_in_two_findings_of_a_refresh_is_told_of_once() -> None:
    """Guards against twins within one refresh."""
    assert len(news_of([finding("A", "B", "C"), finding("A", "B", "D")], [], NOW).findings) == 1


def test_new_members_are_news_though_they_share_shops_with_a_smaller_group_told_of() -> None:
    """A second ring of one town would stay unsaid because of the first one's shops."""
    told = news_of([finding("A", "B", "C")], [], NOW).records
    news = news_of([finding("A", "B", "D", "E", "F")], told, NOW + DAY)
    assert [one.members for one in news.findings] == [("A", "B", "D", "E", "F")]


def test_a_group_that_shrinks_and_grows_again_is_told_of_once() -> None:
    """Windows of a day and of two weeks show more of a ring or less, refresh by refresh."""
    large, small = finding(*"ABCDEFG"), finding(*"ABC")
    told = news_of([large], [], NOW).records
    for day, seen in enumerate((small, large, small, large), 1):
        news = news_of([seen], told, NOW + day * DAY)
        assert news.findings == []
        told = news.records


def test_a_group_that_is_still_seen_is_not_told_of_again_after_weeks() -> None:
    """Guards against an alert every three weeks for a ring that stays in the window."""
    told = news_of([finding("A", "B", "C")], [], NOW).records
    for day in range(1, 3 * REMEMBERED_DAYS):
        news = news_of([finding("A", "B", "C")], told, NOW + day * DAY)
        assert news.findings == []
        told = news.records or told


def test_a_group_that_comes_back_is_told_of_again() -> None:
    """Guards against merchants that are innocent for ever because of one old finding."""
    told = news_of([finding("A", "B", "C")], [], NOW).records
    later = NOW + (REMEMBERED_DAYS + 1) * DAY
    assert len(news_of([finding("A", "B", "C")], told, later).findings) == 1


def test_what_is_remembered_is_read_back() -> None:
    """Guards against a record that its reader does not understand."""
    (told,) = news_of([finding("A", "B")], [], NOW).records
    assert told_from(told.to_bytes()) == told


def test_an_alert_fits_the_contract() -> None:
    """Guards against an alert that readers of the topic refuse."""
    alert = alert_of(finding("A", "B", "C", score=870), FACTS, NETWORK_RULES)
    assert list(alert) == list(ALERT_SCHEMA)
    assert Encoder(1, avro_schema("fraud_alert")).encode(alert)
    assert (alert["severity"], alert["action"]) == ("high", "review")
    assert (alert["partition"], alert["offset"], alert["sent_at"]) == (3, 17, None)


def test_two_findings_at_one_transaction_have_ids_of_their_own() -> None:
    """Guards against an alert that verification takes for a repeat."""
    ids = {
        alert_of(one, FACTS, NETWORK_RULES)["alert_id"]
        for one in (finding("A", "B", "C"), finding("D", "E", "F"))
    }
    assert len(ids) == 2


def test_a_part_is_read_back() -> None:
    """Guards against a finding that changes on its way through Spark."""
    part = Part(ORDER, (finding("A", "B"),), (), 10, 2, 0.5, 0.4)
    assert Part.from_json(part.to_json()) == part


def test_versions_stand_side_by_side_and_an_overtaken_one_is_passed_over(
    settings: Settings,
) -> None:
    """Guards against a late refresh that brings an old profile as the newest."""
    row = pl.DataFrame({"merchant_id": ["A"]}, schema_overrides=PROFILES[MERCHANTS])
    rows = pl.concat([PROFILES[MERCHANTS].to_frame(), row], how="diagonal")

    def part(version: str) -> Part:
        file = write_file(settings, MERCHANTS, version, rows)
        return Part(replace(ORDER, version=version), (), (file,), 1, 1, 0.1, 0.1)

    for number in (1, 3):
        publish_version(settings, part(f"v{number}"), NOW + number)
    late = part("v2")
    assert open_table(settings, MERCHANTS).count() == 2
    publish_version(settings, late, NOW + 2)
    assert scan(settings, MERCHANTS).select("version").collect()["version"].sort().to_list() == [
        "v1",
        "v3",
    ]


def test_the_lake_is_read_and_the_profile_written(settings: Settings) -> None:
    """Guards against a task that finds in the lake something else than the core finds in a frame."""
    world = World(1)
    group = colluders(world, 5, 40, 200, 1)
    file = write_file(settings, "silver.transactions", "2026-03-16T01", world.silver())
    TableAppender(settings, "silver.transactions", "test").commit(
        [Batch({0: 0}, {0: 1}, [file], origin=True)]
    )
    part = look(settings, ORDER)
    assert part.silver_rows > 10_000
    assert len(part.findings) == 1
    assert set(part.findings[0].members) <= set(group)
    publish_version(settings, part, NOW)
    profile = scan(settings, MERCHANTS).collect()
    assert profile.height == part.profile_rows == 160
    assert profile["effective_from"].unique().to_list() == [datetime.fromtimestamp(NOW / 1000, UTC)]


def test_a_process_of_its_own_gives_the_part_and_leaves_the_workers_priority(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against an owner that inherits a worker which can never run fast again."""
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    before = os.getpriority(os.PRIO_PROCESS, 0)
    part = Part.from_json(in_own_process(ORDER.to_json()))
    assert (part.order, part.silver_rows, part.findings, part.files) == (ORDER, 0, (), ())
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
