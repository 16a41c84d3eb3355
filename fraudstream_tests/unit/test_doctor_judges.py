"""What the doctor says of facts: no service is needed to be told what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fraudstream_platform.doctor.judge_dagster import (
    DagsterFacts,
    RunFacts,
    SensorFacts,
    judge_dagster,
)
from fraudstream_platform.doctor.judge_drain import DrainFacts, GroupFacts, judge_drain
from fraudstream_platform.doctor.judge_kafka import TopicFacts, judge_topics
from fraudstream_platform.doctor.judge_lake import DiskFacts, judge_disk, judge_tables
from fraudstream_platform.doctor.judge_registry import SubjectFacts, judge_registry
from fraudstream_platform.doctor.judge_services import ServiceFacts, StackFacts, judge_services
from fraudstream_platform.doctor.judge_settings import judge_settings
from fraudstream_platform.doctor.verdict import Check
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

SETTINGS = Settings(_env_file=None)


def levels(checks: Sequence[Check]) -> dict[str, str]:
    """Level of each line; all that is not well must say what to do."""
    for check in checks:
        assert bool(check.remedy) == (check.level != "ok"), check
    return {check.name: check.level for check in checks}


# --- settings ---------------------------------------------------------------------------------


def test_the_defaults_fit_together() -> None:
    """Guards against a doctor that cries over a fresh checkout."""
    assert levels(judge_settings(SETTINGS, cores=2)) == {"settings": "ok"}


@pytest.mark.parametrize(
    ("changes", "level", "named"),
    [
        ({"run_lease_seconds": 5.0, "lease_seconds": 6.0}, "FAIL", "RUN_LEASE_SECONDS"),
        ({"run_lease_seconds": 11.0, "lease_seconds": 6.0}, "FAIL", "RUN_LEASE_SECONDS"),
        ({"warm_lead_seconds": 300}, "warn", "WARM_LEAD_SECONDS"),
        ({"state_snapshot_seconds": 600.0}, "warn", "STATE_SNAPSHOT_SECONDS"),
        ({"flush_seconds": 20.0}, "warn", "FRESHNESS_OBJECTIVE_SECONDS"),
        ({"drain_groups": 12}, "warn", "DRAIN_GROUPS"),
        ({"crash_points_dir": "/armed"}, "warn", "CRASH_POINTS_DIR"),
        ({"kafka_bootstrap_servers": "kafka:9092"}, "warn", "example secrets"),
    ],
)
def test_settings_that_cannot_work_together_are_named(
    changes: dict[str, object], level: str, named: str
) -> None:
    """Guards against values that are each allowed, and together lose time or records."""
    found = judge_settings(Settings(_env_file=None, **changes), cores=2)  # type: ignore[arg-type]
    assert levels(found) == {"settings": level}
    assert named in found[0].says


def test_a_broker_that_is_open_to_all_is_named_in_production() -> None:
    """Guards against a system that went live as it was tried out."""
    live = SETTINGS.model_copy(update={"environment": "production", "topic_replication": 3})
    (check,) = judge_settings(live, cores=2)
    assert check.level == "warn" and "KAFKA_SECURITY_PROTOCOL=PLAINTEXT" in check.says
    closed = live.model_copy(update={"kafka_security_protocol": "SASL_SSL"})
    assert levels(judge_settings(closed, cores=2)) == {"settings": "ok"}


# --- services ---------------------------------------------------------------------------------

KAFKA = ServiceFacts("kafka", alive=True, health="up", restarts=0)
DAEMON = ServiceFacts("daemon", alive=True, health="up", restarts=0)


def stack(*services: ServiceFacts, supervised: bool = True) -> StackFacts:
    return StackFacts(supervised, services, "/logs")


def test_services_that_are_up_are_one_line() -> None:
    """Guards against a report in which the one bad line is lost."""
    assert levels(judge_services(stack(KAFKA, DAEMON))) == {"services": "ok"}


def test_nothing_running_is_one_failure_with_the_command() -> None:
    """Guards against nine lines for the one thing to do."""
    down = [replace(one, alive=False, health="down") for one in (KAFKA, DAEMON)]
    (check,) = judge_services(stack(*down, supervised=False))
    assert check.level == "FAIL" and "fraudstream up" in check.remedy


def test_each_service_that_is_not_well_is_named_with_its_log() -> None:
    """Guards against a supervisor's `up` of a process that is gone since."""
    found = judge_services(
        stack(
            replace(KAFKA, alive=False),
            replace(DAEMON, health="deaf"),
            replace(KAFKA, name="spark", restarts=3),
            replace(KAFKA, name="code", health="starting"),
        )
    )
    assert levels(found) == {
        "service kafka": "FAIL",
        "service daemon": "FAIL",
        "service spark": "warn",
        "service code": "warn",
    }
    assert "/logs/kafka.log" in found[0].remedy


def test_a_port_in_other_hands_is_named() -> None:
    """Guards against a second checkout on the same PORT_BASE."""
    down = replace(KAFKA, alive=False, health="down", taken_ports=(19092,))
    assert levels(judge_services(stack(down, supervised=False)))["port 19092"] == "FAIL"


def test_a_lost_supervisor_is_told_though_all_run() -> None:
    """Guards against services that nobody would start again."""
    assert levels(judge_services(stack(KAFKA, supervised=False))) == {"services": "warn"}


# --- topics and schemas -----------------------------------------------------------------------

RAW = TopicFacts("raw", 12, {"message.timestamp.type": "LogAppendTime"})
JOURNAL = TopicFacts("journal", 13, {"retention.ms": "-1"})


def topics(*present: TopicFacts) -> dict[str, str]:
    known = {topic.name: topic for topic in present}
    return levels(judge_topics([RAW, JOURNAL], known, ["raw", "journal"]))


def test_topics_as_set_up_makes_them_are_well() -> None:
    """Guards against other settings of a topic, of which there are dozens, taken for faults."""
    more = replace(RAW, config={**RAW.config, "segment.ms": "1"})
    assert topics(more, JOURNAL) == {"topics": "ok"}


def test_a_missing_topic_fails() -> None:
    """Guards against producers that wait for ever."""
    assert topics(RAW) == {"topic journal": "FAIL"}


def test_partitions_added_later_fail() -> None:
    """Guards against customers moved away from their state."""
    assert topics(replace(RAW, partitions=24), JOURNAL) == {"topic raw": "FAIL"}


def test_create_time_fails() -> None:
    """Guards against windows by a producer's clock."""
    wrong = replace(RAW, config={"message.timestamp.type": "CreateTime"})
    assert topics(wrong, JOURNAL) == {"topic raw": "FAIL"}


@pytest.mark.parametrize(
    ("wanted", "present", "level"),
    [
        ("-1", "604800000", "FAIL"),  # a trimmed journal has forgotten who owned what
        ("777600000", "604800000", "FAIL"),
        ("777600000", "-1", "ok"),
        ("777600000", "999999999", "ok"),
    ],
)
def test_retention_is_at_least_what_is_needed(wanted: str, present: str, level: str) -> None:
    """Guards against a log that is gone when a replay asks for it; longer never hurts."""
    wish = TopicFacts("journal", 13, {"retention.ms": wanted})
    there = {"journal": replace(wish, config={"retention.ms": present})}
    assert set(levels(judge_topics([wish], there, [])).values()) == {level}


def test_a_schema_that_is_not_registered_fails_and_a_lax_level_warns() -> None:
    """Guards against tasks that wait for a schema, and against one that breaks them later."""
    good = SubjectFacts("raw-value", registered=True, compatibility="FULL")
    missing = SubjectFacts("alerts-value", registered=False, compatibility=None)
    assert levels(judge_registry([good], "FULL")) == {"registry": "ok"}
    found = levels(judge_registry([missing, good], "BACKWARD_TRANSITIVE"))
    assert found == {"schema alerts-value": "FAIL", "schema raw-value": "warn"}


# --- Dagster ----------------------------------------------------------------------------------

TICKING = SensorFacts("drain_sensor", True, 1.0, "SKIPPED", 2.0)
WELL = DagsterFacts({"SENSOR": True}, {"fraudstream": ""}, [TICKING])
DRAIN = RunFacts("0123456789", "drain", "STARTED", age_s=90.0, over_s=-30.0)


def test_a_healthy_dagster_is_four_lines() -> None:
    """Guards against a healthy run taken for a stuck one."""
    found = judge_dagster(replace(WELL, runs=[DRAIN]))
    assert levels(found) == dict.fromkeys(("daemon", "locations", "sensors", "runs"), "ok")


@pytest.mark.parametrize(
    ("changes", "name", "level"),
    [
        ({"daemons": {"SENSOR": False}}, "daemon", "FAIL"),
        ({"locations": {"fraudstream": "cannot import"}}, "location fraudstream", "FAIL"),
        ({"locations": {}}, "locations", "FAIL"),
        ({"sensors": []}, "sensors", "FAIL"),
        ({"sensors": [replace(TICKING, running=False)]}, "sensor drain_sensor", "FAIL"),
        ({"sensors": [replace(TICKING, tick_status="FAILURE")]}, "sensor drain_sensor", "FAIL"),
        ({"sensors": [replace(TICKING, tick_age_s=90.0)]}, "sensor drain_sensor", "warn"),
        ({"sensors": [replace(TICKING, tick_age_s=None)]}, "sensor drain_sensor", "warn"),
        ({"failed_drain_runs": 2}, "runs", "warn"),
        ({"runs": [replace(DRAIN, over_s=400.0)]}, "run 01234567", "FAIL"),
        ({"runs": [replace(DRAIN, status="STARTING", age_s=300.0)]}, "run 01234567", "FAIL"),
        ({"runs": [RunFacts("0123456789", "marts", "STARTED", 4000.0)]}, "run 01234567", "warn"),
    ],
)
def test_what_keeps_windows_from_coming_is_named(
    changes: dict[str, object], name: str, level: str
) -> None:
    """Guards against a pipeline that stands while every process runs."""
    found = levels(judge_dagster(replace(WELL, **changes)))  # type: ignore[arg-type]
    assert found[name] == level


def test_a_sensor_may_tick_as_seldom_as_it_says() -> None:
    """Guards against a warning about every sensor that is not in a hurry."""
    slow = replace(TICKING, every_s=120.0, tick_age_s=150.0)
    assert levels(judge_dagster(replace(WELL, sensors=[slow])))["sensors"] == "ok"


# --- the drain --------------------------------------------------------------------------------

OWNED = GroupFacts(0, is_final=False, age_s=1.0, flush_age_s=3.0)
KEEPING_UP = DrainFacts([OWNED], lag=10, waiting=10, oldest_waiting_s=3.0, clock_ahead_s=0.0)


def drain(facts: DrainFacts, settings: Settings = SETTINGS) -> dict[str, str]:
    return levels(judge_drain(settings, facts))


def test_a_drain_that_keeps_up_is_well() -> None:
    """Guards against false alarms between two flushes."""
    assert drain(KEEPING_UP) == dict.fromkeys(("owners", "lag", "freshness", "clock"), "ok")


@pytest.mark.parametrize("is_final", [False, True])
def test_silence_past_the_lease_fails(is_final: bool) -> None:
    """Guards against an owner that is gone, or a window that nobody followed."""
    silent = replace(OWNED, is_final=is_final, age_s=7.0)
    assert drain(replace(KEEPING_UP, groups=[silent]))["owners"] == "FAIL"


def test_on_demand_nobody_owns_what_needs_no_draining() -> None:
    """Guards against a failure where DRAIN_MODE=on_demand rests as it should."""
    resting = replace(OWNED, is_final=True, age_s=900.0)
    settings = Settings(_env_file=None, drain_mode="on_demand")
    still = DrainFacts([resting], 0, 0, None, 0.0)
    assert drain(still, settings)["owners"] == "ok"
    assert drain(replace(still, lag=1), settings)["owners"] == "FAIL"


def test_a_group_without_a_journal_warns() -> None:
    """Guards against a failure before the first window had a chance."""
    assert drain(replace(KEEPING_UP, groups=[OWNED, None]))["owners"] == "warn"


def test_behind_its_objectives_it_warns_while_it_flushes_and_fails_where_it_stands() -> None:
    """Guards against one word for a burst that is being drained and for a drain that is stuck."""
    behind = replace(KEEPING_UP, lag=10**6, oldest_waiting_s=60.0)
    found = drain(behind)
    assert (found["lag"], found["freshness"]) == ("warn", "warn")
    stuck = drain(replace(behind, groups=[replace(OWNED, flush_age_s=60.0)]))
    assert (stuck["lag"], stuck["freshness"]) == ("FAIL", "FAIL")


@pytest.mark.parametrize(("ahead_s", "level"), [(1.0, "ok"), (3.0, "warn"), (30.0, "FAIL")])
def test_a_clock_behind_the_broker_is_told(ahead_s: float, level: str) -> None:
    """Guards against windows that open late because this machine's clock is wrong."""
    assert drain(replace(KEEPING_UP, clock_ahead_s=ahead_s))["clock"] == level


# --- the lake ---------------------------------------------------------------------------------


def test_missing_tables_fail_by_name() -> None:
    """Guards against commits that fail for a table that a new version brought."""
    assert judge_tables(["a", "b"], []).level == "ok"
    check = judge_tables(["a", "b"], ["b"])
    assert check.level == "FAIL" and "b" in check.says and "setup" in check.remedy


@pytest.mark.parametrize(("free_gb", "level"), [(0.5, "FAIL"), (3, "warn"), (50, "ok")])
def test_disk_space_warns_before_it_fails(free_gb: float, level: str) -> None:
    """Guards against a full disk that is noticed by its commits."""
    assert judge_disk(DiskFacts("DATA_DIR", "/data", int(free_gb * 2**30))).level == level
