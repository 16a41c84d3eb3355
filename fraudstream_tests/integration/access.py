"""Kafka with TLS, SCRAM and rights, the registry with TLS: each user can do its own work alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from cryptography.fernet import Fernet
from pydantic import SecretStr

from fraudstream_platform.custody import rotate_token
from fraudstream_platform.drain import window
from fraudstream_platform.drain.alerts_cli import stream_alerts
from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.follower import vault_follower
from fraudstream_platform.drain.kafka import admin, plain_producer, reader, transactional_producer
from fraudstream_platform.drain.task import run_group
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowReport, WindowRun
from fraudstream_platform.lake.tables import VAULT, scan
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.protection.keys import key_file, sealer_of
from fraudstream_platform.protection.tokens import version_of
from fraudstream_platform.protection.vault import Original
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import Simulation
from fraudstream_platform.simulator.stream import StreamConfig
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.secured import Secured, secured_services

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

COUNT, TPS = 2_000, 400
WINDOW_MS = 8_000
USERS = {"pos": "source", "drain": "service", "anna": "analyst", "mallory": None}


class _Thread:
    """The tasks of a run in a thread of this process; Spark places them, and is not what is tested."""

    def __init__(self, settings: Settings, assignments: Sequence[Assignment]) -> None:
        self._answers: list[str] = []
        self._thread = threading.Thread(
            target=lambda: self._answers.extend(run_group(settings, one) for one in assignments),
            daemon=True,  # a test that fails must end
        )
        self._thread.start()

    def outcomes(self) -> list[str] | None:
        return None if self._thread.is_alive() else self._answers

    def interrupt(self) -> None:
        return None

    def close(self) -> None:
        self._thread.join(timeout=30)

    def warm_spares(self) -> None:
        return None


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder: Path = tmp_path_factory.mktemp("access")
    settings = settings_on_free_ports(
        folder / "data",
        topic_partitions=2,
        drain_groups=1,
        flush_seconds=2.0,
        key_file=str(folder / "keys.json"),
        key_encryption_key=SecretStr(Fernet.generate_key().decode()),
    )
    key_file(settings).create()
    with secured_services(settings, USERS) as found:
        setup(found.admin)
        yield found


@pytest.fixture(scope="module")
def report(secured: Secured) -> WindowReport:
    """One window, whose transactions the source sent and which the service drained."""
    settings = secured.settings_of("drain")
    start = round(time.time() * 1000)
    config = StreamConfig(seed=5, tps=TPS, count=COUNT, start_ms=start, fraud_rate=0.05)
    Simulation(secured.settings_of("pos"), config, paced=False).run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "SparkJob", lambda _, mine: _Thread(settings, mine))
        spark: Any = None
        now = round(time.time() * 1000)
        return WindowRun(settings, spark, now, now + WINDOW_MS, 1, "access").execute()


def test_source_and_service_do_their_work_with_their_rights_alone(
    secured: Secured, report: WindowReport
) -> None:
    """A list of rights that is too short stops the drain; TLS that one client lacks does too."""
    assert report.rows["bronze.transactions"] == COUNT
    assert [found for found in prove(secured.settings_of("drain")) if not found.holds] == []


def test_an_analyst_reads_alerts_and_nothing_else(secured: Secured, report: WindowReport) -> None:
    """Who follows alerts needs neither transactions nor seals."""
    assert report.rows["bronze.transactions"] == COUNT
    anna = secured.settings_of("anna")
    assert next(stream_alerts(anna, 5, follow=False))["patterns"]
    for topic in (anna.transactions_topic, anna.vault_topic, anna.journal_topic):
        assert _refusal_of_reading(anna, topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_client_without_rights_reads_and_writes_nothing(secured: Secured) -> None:
    """A password alone must open nothing: neither raw transactions, nor alerts of one's own."""
    mallory = secured.settings_of("mallory")
    for topic in (mallory.transactions_topic, mallory.vault_topic, mallory.fraud_alerts_topic):
        assert _refusal_of_reading(mallory, topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED
        assert _refusal_of_writing(mallory, topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert admin(mallory).list_topics(timeout=10).topics == {}


def test_a_source_raises_no_alert_and_reads_no_transaction(secured: Secured) -> None:
    """A till that is taken over must not be able to hide or to invent alerts."""
    pos = secured.settings_of("pos")
    assert _refusal_of_writing(pos, pos.fraud_alerts_topic) is not None
    assert _refusal_of_writing(pos, pos.journal_topic) is not None
    assert _refusal_of_reading(pos, pos.transactions_topic) is not None
    with pytest.raises(KafkaException) as refused:
        transactional_producer(pos, "fraudstream.drain.x.0").init_transactions(10)
    refusal = refused.value.args[0].code()
    assert refusal == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    "change",
    [
        {"kafka_password": SecretStr("a wrong password")},
        {"kafka_ca_file": ""},
        {"kafka_security_protocol": "PLAINTEXT"},
    ],
    ids=["wrong password", "unknown authority", "no TLS"],
)
def test_without_password_or_certificate_nothing_answers(
    secured: Secured, change: dict[str, Any]
) -> None:
    """A client must not fall back to what is readable on the way."""
    stranger = secured.settings_of("drain").model_copy(update=change)
    with pytest.raises(KafkaException):
        admin(stranger).list_topics(timeout=4)


def test_a_batch_that_unpacks_to_more_than_a_record_may_have_is_refused(secured: Secured) -> None:
    """Kilobytes that unpack to gigabytes in every reader's memory: the broker must not keep them."""
    pos = secured.settings_of("pos")
    packed: dict[str, str | int | bool] = {
        "compression.type": "zstd",
        "message.max.bytes": 60_000_000,
    }
    bomb = b"\0" * 40_000_000
    refusal = _refusal_of_writing(pos, pos.transactions_topic, bomb, **packed)
    assert refusal == KafkaError.MSG_SIZE_TOO_LARGE


def test_a_rotation_of_the_token_key_leaves_everybody_one_token(secured: Secured) -> None:
    """Sources and command on the real topics, each with its own rights; nobody becomes a stranger."""
    source, service = secured.settings_of("pos"), secured.settings_of("drain")
    _send(source, 1)
    rotate_token.begin(service, _ignore)
    _send(source, 1, 2)
    before = set(_tokens(service).values())
    rotate_token.retire(service, _ignore)
    _send(source, 1, 2, 3)
    tokens = _tokens(service)
    assert [key.version for key in key_file(service).keys("token")] == [2]
    new = set(tokens.values()) - before
    assert new and {version_of(token) for token in new} == {2}
    assert {version_of(token) for token in before} == {1}


def _ignore(_: int) -> None:
    return None


def _send(settings: Settings, *seeds: int) -> None:
    """What a source sends that is started now, of the people of each seed."""
    for seed in seeds:
        start = round(time.time() * 1000) + 500
        config = StreamConfig(seed=seed, tps=1_000, count=400, start_ms=start)
        assert Simulation(settings, config).run().produced == 400


def _tokens(settings: Settings) -> dict[Original, str]:
    """The token of everybody in the vault, who has one."""
    follower = vault_follower(settings)
    assert follower.catch_up(30)
    follower.close()
    sealer, found = sealer_of(settings), dict[Original, str]()
    for token, sealed in scan(settings, VAULT).select("token", "sealed").collect().iter_rows():
        assert found.setdefault(sealer.open(sealed), token) == token
    return found


def _refusal_of_reading(settings: Settings, topic: str) -> int | None:
    """The first error about the topic itself within a while; None where a record came instead.

    Who may not even know of a topic is told so by its metadata, and a consumer then waits in silence.
    """
    consumer = reader(settings, "fraudstream.alerts-cli", **{"auto.offset.reset": "earliest"})
    try:
        unknown = consumer.list_topics(topic, timeout=20).topics[topic].error
        if unknown is not None:
            return int(unknown.code())
        consumer.assign([TopicPartition(topic, 0, 0)])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for message in consumer.consume(1, 1.0):
                error = message.error()
                if error is None:
                    return None
                if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    return int(error.code())
        return None
    finally:
        consumer.close()


def _refusal_of_writing(
    settings: Settings, topic: str, value: bytes = b"x", **overrides: str | int | bool
) -> int | None:
    errors: list[KafkaError | None] = []
    producer: Producer = plain_producer(settings, **{"message.timeout.ms": 10_000, **overrides})
    producer.produce(topic, value, b"x", partition=0, on_delivery=lambda e, _: errors.append(e))
    producer.flush(20)
    return next((int(error.code()) for error in errors if error is not None), None)
