"""A file replayed on the real broker and registry: what the report says is what the topics hold."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from confluent_kafka import KafkaError, TopicPartition
from cryptography.fernet import Fernet
from deltalake import DeltaTable
from pydantic import SecretStr
from typer.testing import CliRunner

from fraudstream_platform.custody import audit_cli, keys_cli, vault_cli
from fraudstream_platform.drain.followers import Followers
from fraudstream_platform.drain.kafka import partition_count, reader, watermarks
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.tables import AUDIT, VAULT, scan, table_uri
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.replay import cli
from fraudstream_platform.replay.mapping import load_mapping
from fraudstream_platform.replay.send import Replay
from fraudstream_platform.settings import PROJECT_ROOT, Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

EXAMPLE = PROJECT_ROOT / "docs" / "examples" / "sparkov.csv"
MAPPING = EXAMPLE.with_suffix(".yaml")
ROWS, BAD_EVERY = 5_000, 50


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("replay")
    found = settings_on_free_ports(folder / "data", topic_partitions=4)
    with Stack(found, services=("kafka", "registry")):
        setup(found)
        yield found


def _values(settings: Settings, topic: str) -> list[bytes]:
    """Every record of a topic."""
    consumer = reader(settings, "replay-test")
    try:
        partitions = range(partition_count(consumer, topic))
        lows = [watermarks(consumer, topic, partition)[0] for partition in partitions]
        consumer.assign([TopicPartition(topic, p, low) for p, low in enumerate(lows)])
        unread, values = set(partitions), []
        while unread:
            message = consumer.poll(10.0)
            assert message is not None, f"{topic} does not end"
            error = message.error()
            if error is None:
                values.append(message.value() or b"")
            else:
                assert error.code() == KafkaError._PARTITION_EOF
                unread.discard(message.partition() or 0)
        return values
    finally:
        consumer.close()


def _file(folder: Path) -> Path:
    """The example's rows many times over; every fiftieth has no amount."""
    with EXAMPLE.open(newline="") as source:
        header, *examples = csv.reader(source)
    path = folder / "rows.csv"
    with path.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        for number in range(ROWS):
            row = list(examples[number % len(examples)])
            row[header.index("trans_num")] = f"row-{number}"
            if number % BAD_EVERY == 0:
                row[header.index("amt")] = "none"
            writer.writerow(row)
    return path


def test_the_topics_hold_what_the_report_says(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a row that is neither sent nor named, and against a report that flatters."""
    monkeypatch.setattr(cli, "get_settings", lambda: settings)
    app = typer.Typer()
    app.command()(cli.replay)
    report = tmp_path / "report.json"
    options = ["--format", "csv", "--map", str(MAPPING), "--report", str(report)]
    done = CliRunner().invoke(app, [str(_file(tmp_path)), *options])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(report.read_text())
    bad = list(range(2, ROWS + 2, BAD_EVERY))
    assert [one["line"] for one in told["bad"]] == bad
    assert (told["rows_read"], told["skipped"]) == (ROWS, len(bad))
    sent = _values(settings, settings.transactions_topic)
    assert len(sent) == told["sent"] == ROWS - len(bad)
    assert len(_values(settings, settings.fraud_labels_topic)) == told["labels_sent"] == len(sent)
    seals = {json.loads(value)["token"] for value in _values(settings, settings.vault_topic)}
    assert len(seals) == told["seals_sent"] == 8
    assert not any(b"4000000000000002" in value for value in sent)


def _vault_filled(settings: Settings, count: int) -> list[str]:
    """Follow the sealed topic until the vault has `count` entries; the tokens of its names."""
    followers = Followers(settings)
    try:
        deadline = time.monotonic() + 60
        while (rows := scan(settings, VAULT).collect()).height < count:
            assert time.monotonic() < deadline, f"{rows.height} of {count} seals are in the vault"
            list(followers.follow(at_once=True))
    finally:
        followers.close()
    return rows.filter(pl.col("entity_type") == "name")["token"].to_list()


def test_originals_are_shown_sealed_anew_and_forgotten_under_one_unbroken_trail(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against custody that holds on files made for it, and not on what a source sent."""
    token, *_ = _vault_filled(settings, 8)
    new = SecretStr(Fernet.generate_key().decode())
    after = settings.model_copy(update={"vault_key": new, "vault_old_keys": settings.vault_key})
    for commands in (audit_cli, vault_cli, keys_cli):
        monkeypatch.setattr(commands, "get_settings", lambda: after)
    runner, why = CliRunner(), ["--reason", "chargeback 12"]
    shown = runner.invoke(vault_cli.app, ["reveal", token, *why])
    assert shown.output.strip().endswith("***"), shown.output
    renewed = runner.invoke(keys_cli.app, ["rotate", "--kind", "vault"])
    assert "vault.entities: 8 seals renewed" in renewed.output, renewed.output
    assert runner.invoke(vault_cli.app, ["reveal", token, *why]).output == shown.output
    gone = runner.invoke(vault_cli.app, ["forget", token, *why])
    assert "is forgotten" in gone.output, gone.output
    last = [value for value in _values(settings, settings.vault_topic) if not value]
    assert len(last) == 4, "a tombstone in each partition"
    assert isinstance(runner.invoke(vault_cli.app, ["reveal", token, *why]).exception, UserError)
    whole = runner.invoke(audit_cli.app, ["verify"])
    assert (whole.exit_code, "9 records, 5 anchors" in whole.output) == (0, True), whole.output
    assert "vault.forget" in runner.invoke(audit_cli.app, ["log"]).output
    DeltaTable(table_uri(settings, AUDIT)).delete("sequence > 8")
    cut = runner.invoke(audit_cli.app, ["verify"])
    assert (cut.exit_code, "BROKEN at record 9" in cut.output) == (1, True), cut.output


def test_a_registry_or_broker_that_is_away_is_told(settings: Settings) -> None:
    """One clear line instead of records that wait for minutes."""
    mapping = load_mapping(MAPPING)
    away = settings.model_copy(update={"schema_registry_url": "http://127.0.0.1:9"})
    with pytest.raises(UserError, match="no schema registry answers at"):
        Replay(away, mapping, 0.0)
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    with pytest.raises(UserError, match="no Kafka broker answers at"):
        Replay(away, mapping, 0.0)
