"""The embedded services are the real ones, survive kill -9, and keep what they were told."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from pyspark.sql import SparkSession

from fraudstream_platform.local import processes
from fraudstream_platform.local.environment import marker_value
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack

pytestmark = pytest.mark.integration

SCHEMA = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]})
BROKEN = json.dumps({"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = settings_on_free_ports(tmp_path_factory.mktemp("local") / "data", drain_groups=1)
    with Stack(settings, services=("kafka", "registry", "spark")) as running:
        yield running
    assert processes.marked(marker_value(settings)) == [], "down leaves nothing behind"


def tend_until(stack: Stack, condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true"
        stack.tend()
        time.sleep(0.1)


def committed(stack: Stack, topic: str) -> list[bytes | None]:
    settings = {
        "bootstrap.servers": stack.settings.bootstrap,
        "group.id": "reader",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    consumer = Consumer(settings)
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[bytes | None] = []
        while (message := consumer.poll(3.0)) is not None:
            if message.error() is None:
                found.append(message.value())
        return found
    finally:
        consumer.close()


def send_in_transaction(stack: Stack, topic: str, value: bytes, *, commit: bool) -> None:
    producer = Producer(
        {"bootstrap.servers": stack.settings.bootstrap, "transactional.id": "local-test"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, value)
    producer.flush(10)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def test_committed_records_and_schemas_outlive_kill_9(stack: Stack) -> None:
    """Guards: a 'restart' that comes back empty, or that loses its transaction state."""
    admin = AdminClient({"bootstrap.servers": stack.settings.bootstrap})
    for done in admin.create_topics([NewTopic("t", 1, 1)]).values():
        done.result(30)
    registry = SchemaRegistryClient({"url": stack.settings.registry_url})
    registered = registry.register_schema("t-value", Schema(SCHEMA, "AVRO"))
    registry.set_compatibility(subject_name="t-value", level="BACKWARD_TRANSITIVE")
    send_in_transaction(stack, "t", b"first", commit=True)
    send_in_transaction(stack, "t", b"withdrawn", commit=False)

    for name in ("kafka", "registry"):
        stack.kill(name)
    tend_until(stack, stack.healthy)

    send_in_transaction(stack, "t", b"second", commit=True)
    assert committed(stack, "t") == [b"first", b"second"]
    fresh = SchemaRegistryClient({"url": stack.settings.registry_url})
    assert fresh.get_latest_version("t-value").schema_id == registered
    assert not fresh.test_compatibility("t-value", Schema(BROKEN, "AVRO"))
    assert stack.restarts("kafka") == 1


def test_spark_comes_back_after_kill_9_with_workers_that_see_our_settings(stack: Stack) -> None:
    """Guards: workers that load another environment, or import everything anew each time."""

    def look(batches: Iterator[object]) -> Iterator[object]:
        import sys  # in the worker

        import pyarrow as pa

        for _ in batches:
            loaded = "polars" in sys.modules and "deltalake" in sys.modules
            row = [os.environ["DATA_DIR"], os.environ["POLARS_MAX_THREADS"], str(loaded)]
            yield pa.RecordBatch.from_pydict({"r": ["|".join(row)]})

    stack.kill("spark")
    tend_until(stack, stack.healthy)
    session = SparkSession.builder.remote(stack.settings.spark_remote).getOrCreate()
    try:
        rows = session.range(0, 2, 1, 2).mapInArrow(look, "r string").collect()
    finally:
        session.stop()
    assert [row.r for row in rows] == [f"{stack.settings.data_dir}|1|True"] * 2


def test_memory_stays_within_what_the_readme_states(stack: Stack) -> None:
    """Guards: three services that take more than half of the demo's 4 GB while idle."""
    assert sum(stack.memory_mb().values()) < 2000


def test_the_data_folder_holds_everything(stack: Stack, tmp_path: Path) -> None:
    """Guards: state outside DATA_DIR that `fraudstream reset` would not remove."""
    names = {path.name for path in stack.settings.data_dir.iterdir()}
    assert {"kafka", "registry", "spark", "logs", "run"} <= names
