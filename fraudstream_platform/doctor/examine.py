"""Everything the doctor looks at, one subject after the other, whatever does not answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaException

from fraudstream_platform.doctor.ask_dagster import DagsterAnswerError, ask_dagster
from fraudstream_platform.doctor.ask_drain import ask_drain
from fraudstream_platform.doctor.ask_kafka import ask_brokers, ask_topics, wanted_facts
from fraudstream_platform.doctor.ask_lake import ask_disks, missing_tables
from fraudstream_platform.doctor.ask_registry import ask_registry
from fraudstream_platform.doctor.ask_services import are_embedded, ask_services
from fraudstream_platform.doctor.ask_spark import ask_spark
from fraudstream_platform.doctor.judge_dagster import judge_dagster
from fraudstream_platform.doctor.judge_drain import judge_drain
from fraudstream_platform.doctor.judge_kafka import judge_topics
from fraudstream_platform.doctor.judge_lake import judge_disk, judge_tables
from fraudstream_platform.doctor.judge_registry import judge_registry
from fraudstream_platform.doctor.judge_services import judge_services
from fraudstream_platform.doctor.judge_settings import judge_settings
from fraudstream_platform.doctor.verdict import Check, fail, not_looked_at, ok
from fraudstream_platform.drain.topics import COMPATIBILITY
from fraudstream_platform.lake.tables import TABLES
from fraudstream_platform.settings import Settings

_STARTS = "`fraudstream up` starts the embedded one; else see the setting"


def examine(settings: Settings, note: Callable[[str], None] = lambda _: None) -> list[Check]:
    """Look at everything; `note` is told what is being asked."""
    checks = judge_settings(settings, os.cpu_count() or 1)
    note("services")
    checks += _services(settings)
    note("broker")
    broker = _broker(settings)
    checks.append(broker)
    has_broker = broker.level == "ok"
    topics = _topics(settings) if has_broker else [not_looked_at("topics", _silent("broker"))]
    checks += topics
    note("registry")
    checks += _registry(settings)
    note("Spark")
    checks.append(_spark(settings))
    note("Dagster")
    checks += _dagster(settings)
    note("tables")
    missing = missing_tables(settings)
    checks.append(judge_tables(tuple(TABLES), missing))
    note("drain")
    if not has_broker:
        checks.append(not_looked_at("drain", _silent("broker")))
    elif missing or any("does not exist" in one.says for one in topics):
        checks.append(not_looked_at("drain", "topics or tables are missing"))
    else:
        checks += _drain(settings)
    return [*checks, *(judge_disk(disk) for disk in ask_disks(settings))]


def _silent(name: str) -> str:
    return f"{name} does not answer"


def _services(settings: Settings) -> list[Check]:
    if not are_embedded(settings):
        return [ok("services", "none is embedded: each has an address of its own")]
    return judge_services(ask_services(settings))


def _broker(settings: Settings) -> Check:
    try:
        count = ask_brokers(settings)
    except KafkaException as error:
        says = f"{settings.bootstrap} does not answer ({_cause(error)})"
        return fail("broker", says, f"{_STARTS} KAFKA_BOOTSTRAP_SERVERS")
    if count < settings.topic_replication:
        return fail(
            "broker",
            f"{count} brokers answer, TOPIC_REPLICATION asks for {settings.topic_replication}",
            "start the others; until then producers that wait for all copies may be refused",
        )
    return ok("broker", f"{settings.bootstrap} answers, {count} in all")


def _topics(settings: Settings) -> list[Check]:
    wanted = wanted_facts(settings)
    fixed = (settings.transactions_topic, settings.journal_topic)
    try:
        present = ask_topics(settings, [topic.name for topic in wanted])
    except KafkaException as error:
        return [fail("topics", f"the broker did not say: {_cause(error)}", "try again")]
    return judge_topics(wanted, present, fixed)


def _registry(settings: Settings) -> list[Check]:
    try:
        return judge_registry(ask_registry(settings), COMPATIBILITY)
    except Exception as error:  # noqa: BLE001 - any transport error of the client
        says = f"{settings.registry_url} does not answer ({type(error).__name__})"
        return [fail("registry", says, f"{_STARTS} SCHEMA_REGISTRY_URL")]


def _spark(settings: Settings) -> Check:
    try:
        version = ask_spark(settings)
    except Exception as error:  # noqa: BLE001 - any error of gRPC or of the server
        says = f"{settings.spark_remote} does not answer ({type(error).__name__})"
        return fail("spark", says, f"{_STARTS} SPARK_REMOTE_URL; its log is spark.log")
    return ok("spark", f"{settings.spark_remote} answers, version {version}")


def _dagster(settings: Settings) -> Iterable[Check]:
    url = settings.dagster_webserver
    try:
        facts = ask_dagster(settings)
    except DagsterAnswerError as error:
        return [fail("webserver", f"{url} answers, but: {error}", "read webserver.log")]
    except OSError as error:
        return [
            fail("webserver", f"{url} does not answer ({error})", f"{_STARTS} DAGSTER_URL"),
            not_looked_at("dagster", _silent("webserver")),
        ]
    return [ok("webserver", f"{url} answers"), *judge_dagster(facts)]


def _drain(settings: Settings) -> list[Check]:
    try:
        return judge_drain(settings, ask_drain(settings))
    except KafkaException as error:
        return [fail("drain", f"the broker did not say: {_cause(error)}", "try again")]


def _cause(error: KafkaException) -> str:
    return str(error.args[0].str())
