"""dbt over a small lake: the totals are right, and a wrong total is noticed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import dagster as dg
import duckdb
import pytest

from fraudstream_platform.errors import UserError
from fraudstream_platform.report.figures import HourOfDay
from fraudstream_platform.report.read import read_day
from fraudstream_platform.settings import Settings, get_settings
from fraudstream_platform.warehouse import dbt
from fraudstream_tests.small_lake import START, append, fill, label, quarantined, transaction


@pytest.fixture(name="settings", scope="module")
def lake_of_ten(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Ten transactions over an hour's boundary, one that broke rules, three alerts, four labels and
    one of no use.
    """
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("marts"))
    fill(settings)
    return settings


RunJob = Callable[[], dg.ExecuteInProcessResult]


@pytest.fixture(name="run_job", scope="module")
def job_over_the_lake(settings: Settings) -> Iterator[RunJob]:
    """Runs the Dagster job over that lake, in this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DATA_DIR", str(settings.data_dir))
        for name, value in dbt.dbt_environment(settings).items():
            patched.setenv(name, value)
        get_settings.cache_clear()
        from fraudstream_platform.defs import marts

        patched.setattr(marts, "own_session", lambda nice: None)
        defs = dg.Definitions(assets=marts.MARTS_ASSETS, jobs=marts.MARTS_JOBS)
        with dg.DagsterInstance.ephemeral() as instance:
            yield lambda: defs.resolve_job_def("marts").execute_in_process(instance=instance)
    get_settings.cache_clear()


@pytest.fixture(name="marts_run", scope="module")
def first_run_of_the_job(run_job: RunJob) -> dg.ExecuteInProcessResult:
    """The first build of the warehouse."""
    return run_job()


def built(run: dg.ExecuteInProcessResult) -> set[str]:
    keys = (event.asset_key for event in run.get_asset_materialization_events())
    return {key.to_user_string() for key in keys if key is not None}


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(dbt.warehouse_file(settings)), read_only=True) as connection:
        return connection.sql(sql).fetchall()


def test_the_job_builds_checks_and_documents(
    settings: Settings, marts_run: dg.ExecuteInProcessResult
) -> None:
    """Guards against marts without lineage to the lake, checks that do not run, a dead docs page."""
    from fraudstream_platform.defs import marts

    assert marts_run.success
    models = {path.stem for path in dbt.PROJECT_DIR.glob("models/marts/*.sql")}
    assert {f"marts/{name}" for name in models} <= built(marts_run)
    assert "warehouse/dbt_docs" in built(marts_run)
    checks = marts_run.get_asset_check_evaluations()
    assert len(checks) >= 20
    assert all(check.passed for check in checks)
    upstream = {dep.asset_key for spec in marts.marts.specs for dep in spec.deps}
    assert {
        dg.AssetKey(["silver", "transactions"]),
        dg.AssetKey(["silver", "quarantine"]),
        dg.AssetKey(["gold", "features"]),
        dg.AssetKey(["gold", "alerts"]),
        dg.AssetKey(["labels", "transactions"]),
    } <= upstream
    page = (dbt.docs_dir(settings) / "index.html").read_text()
    assert "mart_fraud_by_pattern_hourly" in page


@pytest.mark.usefixtures("marts_run")
def test_the_fact_has_silvers_rows_and_money_and_grows_by_what_is_new(
    settings: Settings, run_job: RunJob
) -> None:
    """Guards against an incremental fact that loses or doubles rows on its second build, and against
    slow models that are built each time, or whose absence fails the run.
    """
    totals = "select count(*), sum(billing_amount_minor) from marts.fct_transactions"
    assert query(settings, totals) == [(10, 1045)]
    append(settings, "silver.transactions", [transaction(10), transaction(11)])
    second = run_job()
    assert second.success
    assert "marts/mart_pipeline_slo" in built(second)
    assert "marts/mart_model_features" not in built(second)
    assert query(settings, totals) == [(12, 1045 + 110 + 111)]
    assert query(settings, "select distinct lake_hour from marts.fct_transactions order by 1") == [
        ("2026-01-01T10",),
        ("2026-01-01T11",),
    ]


@pytest.mark.usefixtures("marts_run")
def test_the_unit_tests_beside_the_models_pass(settings: Settings) -> None:
    """Guards against arithmetic that is wrong on cases which this small lake does not have."""
    done = dbt.run_dbt(settings, "test", "--select", "test_type:unit")
    assert "WARN=0 ERROR=0 SKIP=0" in done


@pytest.mark.usefixtures("marts_run")
def test_the_mart_counts_alerts_by_hour_and_pattern(settings: Settings) -> None:
    """Guards against hours in the reader's time zone and alerts counted once per pattern."""
    columns = "cast(hour_at as varchar), pattern, alert_count, strongest_alert_count, card_count"
    rows = query(
        settings, f"select {columns} from marts.mart_fraud_by_pattern_hourly order by 1, 2"
    )
    assert rows == [
        ("2026-01-01 10:00:00", "card_testing", 2, 2, 1),
        ("2026-01-01 10:00:00", "velocity_attack", 1, 0, 1),
        ("2026-01-01 11:00:00", "card_testing", 1, 1, 1),
    ]


@pytest.mark.usefixtures("marts_run")
def test_the_mart_tells_what_labels_say_of_detection(settings: Settings) -> None:
    """Guards against recall over the wrong fraud, and against friendly fraud taken for a miss.

    t1 alerted, t2 followed on its card, t8 was missed on another card, t9 is a dispute.
    """
    rows = query(
        settings,
        "select pattern, fraud_count, caught_count, round(recall_by_transaction, 3), "
        "friendly_fraud_count, alert_count, after_alert_value_minor, fraud_value_minor "
        "from marts.mart_detection_quality where rules_version = '1' order by 1",
    )
    assert rows == [
        ("any", 3, 2, 0.667, 1, 3, 101 + 102, 101 + 102 + 108),
        ("card_testing", 3, 2, 0.667, 1, 3, 101 + 102, 101 + 102 + 108),
        ("velocity_attack", 3, 2, 0.667, 1, 1, 101 + 102, 101 + 102 + 108),
    ]


@pytest.mark.usefixtures("marts_run")
def test_the_daily_report_reads_the_marts(settings: Settings) -> None:
    """Guards against a column that was renamed under the report."""
    day = read_day(dbt.warehouse_file(settings), dt.date(2026, 1, 1))
    assert day.hours[0] == HourOfDay(10, 2, 2, 0, 100 + 101)
    assert [(one.pattern, one.alerts, one.fraud) for one in day.patterns] == [
        ("card_testing", 3, 1)
    ]
    assert ("1", 2 / 3) in [(one.version, one.recall) for one in day.rule_sets]
    (pos,) = day.sources
    assert (pos.source, pos.records, pos.quarantined) == ("POS", 13, 1)
    assert pos.mean_score == pytest.approx((12 + 0.4) / 13)
    assert {one.rule for one in day.broken_rules} == {"currency_known", "mcc_known"}
    assert [(one.hour, one.alerts) for one in day.service] == [(10, 2), (11, 1)]
    assert day.service[0].alert_p95_s == pytest.approx(0.1)
    with pytest.raises(UserError, match="its days are 2026-01-01 to 2026-01-01"):
        read_day(dbt.warehouse_file(settings), dt.date(2025, 1, 1))


GROWING = ("mart_data_quality_trend", "mart_pipeline_slo", "mart_model_features")
SLO = "select * from marts.mart_pipeline_slo order by hour_at"
TREND = (
    "select cast(hour_at as varchar), sum(valid_count), sum(quarantined_count) "
    "from marts.mart_data_quality_trend where failed_rule = 'any' group by 1 order by 1"
)
TRAINING = (
    "select card_n_1h, is_fraud, verdict from marts.mart_model_features "
    "where reported_at is not null order by 1"
)


@pytest.mark.usefixtures("marts_run")
def test_growing_marts_learn_what_came_late_and_a_repeat_changes_nothing(
    settings: Settings,
) -> None:
    """Guards against an hour that is closed to late rows or counts them twice, a feature from the
    future, and a label that stays what it was at first.
    """
    before = query(settings, SLO)
    assert query(settings, TREND)[0] == ("2026-01-01 10:00:00", 2, 0)
    fraud = [(1, True, "fraud"), (2, True, "fraud"), (8, True, "fraud")]
    assert query(settings, TRAINING) == [*fraud, (9, False, "friendly_fraud")]

    at = {"append_time": START, "partition": 2}
    append(settings, "silver.transactions", [transaction(12) | at])
    append(settings, "silver.quarantine", [quarantined(13) | at])
    append(settings, "labels.transactions", [label(5, "t2", "genuine")])

    def run() -> list[list[tuple[object, ...]]]:
        dbt.run_dbt(settings, "run", "--select", *(f"+{model}" for model in GROWING))
        return [query(settings, sql) for sql in (SLO, TREND, TRAINING)]

    slo, trend, training = once = run()
    assert [row in before for row in slo] == [False, True]
    assert trend[0] == ("2026-01-01 10:00:00", 3, 1)
    withdrawn = [fraud[0], (2, False, "genuine"), fraud[2]]
    assert training == [*withdrawn, (9, False, "friendly_fraud")]
    assert run() == once


@pytest.mark.usefixtures("marts_run")
def test_a_wrong_total_makes_its_test_fail(settings: Settings) -> None:
    """Guards against tests that pass whatever the totals are; they passed in the build before."""
    tests = [
        "fact_holds_every_silver_transaction",
        "fact_holds_every_alert",
        "pattern_mart_counts_every_alert_once",
        "marts_count_every_transaction_once",
        "fact_holds_every_label",
        "quality_counts_every_label_and_alert_once",
    ]

    def change(cents: int, held: tuple[str, str], wanted: tuple[str, str]) -> None:
        with duckdb.connect(str(dbt.warehouse_file(settings))) as connection:
            for model in ("fct_transactions", "fct_alerts"):
                connection.execute(
                    f"update marts.{model} set billing_amount_minor = "
                    f"billing_amount_minor + {cents} where transaction_id = 't1'"
                )
            connection.execute(
                "update marts.fct_labels set transaction_id = ?, label_type = ? "
                "where transaction_id = ? and label_type = ?",
                [*wanted, *held],
            )

    right, wrong = ("t9", "chargeback"), ("nobody's", "genuine")
    change(1, right, wrong)
    try:
        with pytest.raises(dbt.DbtError) as failed:
            dbt.run_dbt(settings, "test", "--select", *tests)
    finally:
        change(-1, wrong, right)
    assert [test for test in tests if f"Failure in test {test}" not in str(failed.value)] == []
