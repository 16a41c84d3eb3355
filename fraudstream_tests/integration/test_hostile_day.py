"""One bad day on real services: registry and broker away, a full disk, hostile records, no leak."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowRun
from fraudstream_platform.lake.tables import scan
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import Simulation, schema_id
from fraudstream_platform.simulator.record import FastEncoder
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.scan import leaks_in_files, leaks_in_tables
from fraudstream_tests.sessions import warm_session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]

TPS, COUNT = 300, 9_000
WINDOW_MS = 50_000
BROKER_AWAY_S = 12.0
REGISTRY_AWAY_S = 5.0
PLANTED = 100
HIDDEN_CARD = "4242424242424242"
HIDDEN_MAIL = "planted.person@example.org"


@dataclass
class Day:
    """What was sent, and what was planted in it."""

    settings: Settings
    stack: Stack
    secrets: dict[str, list[str]] = field(default_factory=dict)
    hostile: int = 0
    disk_was_full: bool = False


def _stream(settings: Settings, start_ms: int) -> StreamConfig:
    return StreamConfig(
        seed=11, tps=TPS, count=COUNT, start_ms=start_ms, fraud_rate=0.02, batch_slots=3
    )


def _identities(settings: Settings, config: StreamConfig) -> dict[str, list[str]]:
    """The clear originals behind the tokens that the simulator is about to send."""
    tokeniser = Tokeniser(settings.customer_id_salt.get_secret_value().encode())
    found: dict[str, list[str]] = {}
    for batch in Stream(config, tokeniser).batches():
        for identity in batch.identities:
            found.setdefault(identity.kind, []).append(identity.value)
    return {kind: found[kind][:PLANTED] for kind in ("card", "email", "phone")}


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 64 MB for the lake, so that it can be full."""
    folder = tmp_path_factory.mktemp("small-disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    yield folder
    if mounted.returncode == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, small_disk: Path) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("hostile")
    settings = settings_on_free_ports(
        folder / "data", topic_partitions=4, flush_seconds=2.0, lake_uri=str(small_disk / "lake")
    )
    with Stack(settings, services=("kafka", "registry", "spark")) as stack:
        setup(settings)
        found = Day(settings, stack)
        _live_through(found, small_disk)
        yield found


def _live_through(day: Day, small_disk: Path) -> None:
    """One window: the registry is away when tasks start, then the broker, then the disk is full."""
    settings, stack = day.settings, day.stack
    spark = warm_session(settings, 2)
    now = round(time.time() * 1000)
    config = _stream(settings, now + 3_000)
    day.secrets = _identities(settings, config)
    simulation = Simulation(settings, config)
    hostile = Hostile(settings)
    errors: list[Exception] = []

    def run() -> None:
        try:
            WindowRun(settings, spark, now, now + WINDOW_MS, 1, "run-0").execute()
        except Exception as error:  # noqa: BLE001 - told to the test's own thread
            errors.append(error)

    stack.kill("registry")
    threads = [threading.Thread(target=run), threading.Thread(target=simulation.run)]
    for thread in threads:
        thread.start()
    _pass(REGISTRY_AWAY_S)
    stack.restart("registry")
    _wait_for_owners(settings)
    day.hostile = hostile.send()
    stack.kill("kafka")
    _pass(BROKER_AWAY_S)
    stack.restart("kafka")
    if os.path.ismount(small_disk):
        day.disk_was_full = _fill_for_a_while(small_disk)
    for thread in threads:
        thread.join(timeout=200)
    spark.stop()
    assert not errors, errors
    assert simulation.summary.produced == COUNT


def _pass(seconds: float) -> None:
    """An outage has a length: this is it, and no wait for something to happen."""
    threading.Event().wait(seconds)


def _wait_for_owners(settings: Settings) -> None:
    journal = JournalReader(settings)
    try:
        deadline = time.monotonic() + 90
        while not all(journal.history(group) for group in range(settings.drain_groups)):
            assert time.monotonic() < deadline, "no task owns its group"
            time.sleep(0.2)
    finally:
        journal.close()


def _fill_for_a_while(small_disk: Path) -> bool:
    """Fill the disk to the last byte for the time of several flushes."""
    ballast = small_disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as sink:
            while True:
                sink.write(b"\0" * 65_536)
    except OSError:
        _pass(6.0)
        return True
    finally:
        ballast.unlink()


class Hostile:
    """Records that no source should send."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        registry = SchemaRegistryClient({"url": settings.registry_url})
        self._encoder = FastEncoder(schema_id(registry, settings.transactions_topic, "transaction"))
        # Another time, so that no transaction id is one of the simulator's.
        config = _stream(settings, round(time.time() * 1000) - 90_000)
        tokeniser = Tokeniser(settings.customer_id_salt.get_secret_value().encode())
        self._good = next(Stream(config, tokeniser).batches()).transactions[0]

    def send(self) -> int:
        """Send them all; returns how many."""
        good = self._good
        card, merchant = list(good.account), list(good.merchant)
        card[1] = HIDDEN_CARD
        merchant[0] = f"shop of {HIDDEN_MAIL}"
        messages: list[tuple[bytes | None, bytes | None]] = [
            (good.key.encode(), b"\xff" * 5_000_000),
            (good.key.encode(), None),
            (good.key.encode(), b""),
            (good.key.encode(), self._encoder.encode(good._replace(account=tuple(card)))),
            (good.key.encode(), self._encoder.encode(good._replace(merchant=tuple(merchant)))),
            (good.key.encode(), f"card {HIDDEN_CARD} of {HIDDEN_MAIL}".encode()),
        ]
        producer = plain_producer(self._settings, **{"message.max.bytes": 8_000_000})
        for key, value in messages:
            producer.produce(self._settings.transactions_topic, value=value, key=key)
        assert producer.flush(30) == 0
        return len(messages)


def test_nothing_is_lost_or_doubled(day: Day) -> None:
    """Registry away, broker away, disk full: the run waits, goes on, and the proof holds."""
    assert [finding for finding in prove(day.settings) if not finding.holds] == []
    bronze = scan(day.settings, "bronze.transactions").select(pl.len()).collect().item()
    assert bronze == COUNT


def test_the_full_disk_was_met_and_named(day: Day) -> None:
    """A flush that the disk refuses says so, says where, and is written again."""
    if not day.disk_was_full:
        pytest.skip("this user may not mount a file system to fill")
    log = (day.settings.data_dir / "logs" / "spark.log").read_text()
    assert "free some space in" in log


def test_hostile_records_have_a_named_place(day: Day) -> None:
    """Each is one dead letter with its reason; nothing readable of it is kept."""
    letters = scan(day.settings, "bronze.dead_letter").collect()
    assert letters.height == day.hostile
    assert sorted(letters["error_class"]) == sorted(
        [
            "too_large", "not_framed", "not_framed", "clear_identity", "identity_in_text",
            "not_framed",
        ]
    )  # fmt: skip
    assert letters["payload_bytes"].max() == 5_000_000


def test_no_planted_identity_is_in_any_byte(day: Day) -> None:
    """100 cards, e-mails and phones, sent as tokens: Kafka's log, state, tables, logs hold none."""
    secrets = [secret for planted in day.secrets.values() for secret in planted]
    assert {len(planted) for planted in day.secrets.values()} == {PLANTED}
    assert leaks_in_files(day.settings.data_dir, secrets) == set()
    assert leaks_in_files(Path(day.settings.lake), secrets) == set()
    assert leaks_in_tables(day.settings, secrets) == set()


def test_what_a_source_sends_in_the_clear_goes_no_further_than_the_log(day: Day) -> None:
    """Refused clear values stand in the raw topic as they were sent, and nowhere else."""
    secrets = [HIDDEN_CARD, HIDDEN_MAIL]
    raw = day.settings.transactions_topic
    assert leaks_in_files(day.settings.data_dir, secrets) != set()
    assert leaks_in_files(day.settings.data_dir, secrets, except_in=raw) == set()
    assert leaks_in_files(Path(day.settings.lake), secrets) == set()
    assert leaks_in_tables(day.settings, secrets) == set()
