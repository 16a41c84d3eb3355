"""Notices wait in the table until a channel has them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import HOUR, QUALITY, create_tables, open_table
from fraudstream_platform.quality import webhook
from fraudstream_platform.quality.outbox import pending, sent
from fraudstream_platform.quality.store import frame_of, newest, past_of
from fraudstream_platform.quality.webhook import ReceiverAwayError, post
from fraudstream_platform.settings import Settings
from fraudstream_tests.receiver import Receiver

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(webhook, "_PAUSES_S", (0.0, 0.0))
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    found = Settings(_env_file=None, data_dir=tmp_path, quality_webhook_url=receiver.url)
    create_tables(found)
    return found


def window(settings: Settings, number: int, source: str, **changes: Any) -> None:
    """One row of the table, measured `number` seconds from now."""
    at = NOW + timedelta(seconds=number)
    row: dict[str, Any] = {HOUR: "2026-01-05T12", "window_start": NOW, "window_stop": at}
    row |= {"measured_at": at, "source": source, "records": 100, "quarantined": 40, "held": 3}
    row |= {"validity": 0.63, "reasons": ["validity is 63.0%, below 95%"], "is_healthy": False}
    row |= {"is_degraded": True, "notice": None, "distributions": [], "failed_rules": []}
    frame = frame_of([row | changes])
    file = write_file(settings, QUALITY, "2026-01-05T12", frame)
    TableAppender(settings, QUALITY, "test").commit(
        [Batch({0: number}, {0: number + 1}, [file], origin=number == 0)]
    )


def test_every_notice_reaches_the_receiver_once_and_in_order(
    settings: Settings, receiver: Receiver
) -> None:
    """Nothing is told of windows that are no news, and nothing twice."""
    window(settings, 0, "POS", notice="degraded")
    window(settings, 1, "POS")
    window(settings, 2, "POS", notice="recovered")
    assert [one.record["kind"] for one in post(settings)] == ["degraded", "recovered"]
    assert post(settings) == []
    assert [one["kind"] for one in receiver.got] == ["degraded", "recovered"]
    assert receiver.got[0]["text"] == (
        "FraudStream: data of POS has become bad: validity is 63.0%, below 95% "
        "(40 of 100 records quarantined)."
    )
    assert receiver.ids == [one["notice_id"] for one in receiver.got]


def test_nothing_is_lost_while_the_receiver_is_down(settings: Settings, receiver: Receiver) -> None:
    """An incident at night, its receiver too: both notices are there in the morning."""
    window(settings, 0, "POS", notice="degraded")
    receiver.status = 503
    with pytest.raises(ReceiverAwayError, match="answered 503"):
        post(settings)
    assert receiver.refused == 2
    window(settings, 1, "ONLINE", notice="degraded")
    receiver.status = 200
    post(settings)
    assert [one["source"] for one in receiver.got] == ["POS", "ONLINE"]


def test_a_receiver_that_is_gone_is_named(settings: Settings, receiver: Receiver) -> None:
    """Its address holds a secret (Slack's does), so the error does not."""
    window(settings, 0, "POS", notice="degraded")
    receiver.close()
    with pytest.raises(ReceiverAwayError) as error:
        post(settings)
    assert "127.0.0.1" not in str(error.value)
    assert len(pending(settings, "webhook")) == 1


def test_channels_do_not_wait_for_each_other(settings: Settings) -> None:
    """The topic has its notices whatever the webhook does."""
    window(settings, 0, "POS", notice="degraded")
    sent(settings, "topic", pending(settings, "topic"))
    assert pending(settings, "topic") == []
    assert len(pending(settings, "webhook")) == 1


def test_slack_gets_the_sentence_alone(settings: Settings, receiver: Receiver) -> None:
    """Its incoming webhooks know no other field."""
    slack = settings.model_copy(update={"quality_webhook_format": "slack"})
    window(settings, 0, "POS", notice="recovered")
    post(slack)
    assert receiver.got == [
        {"text": "FraudStream: data of POS is good again (40 of 100 records quarantined)."}
    ]


def test_without_notices_the_mark_moves_on(settings: Settings) -> None:
    """Else a tick would read every window since the last incident."""
    window(settings, 0, "POS")
    assert pending(settings, "topic") == []
    mark = open_table(settings, QUALITY).transaction_version("fraudstream.quality.topic")
    assert mark == round(NOW.timestamp() * 1000)


def test_the_past_of_a_source_comes_back_as_it_was_written(settings: Settings) -> None:
    """A field that is lost on the way would silence trend or recovery."""
    counts = [{"field": "currency", "value": "EUR", "records": 5}]
    window(settings, 0, "POS", distributions=counts, is_healthy=None)
    window(settings, 1, "POS")
    past = past_of(newest(settings))["POS"]
    assert [one.is_healthy for one in past] == [None, False]
    assert past[0].distributions == {"currency": {"EUR": 5}}
    assert past[1].shares["validity"] == 0.63
    assert past[1].is_degraded


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd", "hooks.slack.com"])
def test_a_webhook_is_http(url: str) -> None:
    """Anything else urllib would open too: a file, for one."""
    with pytest.raises(ValueError, match="QUALITY_WEBHOOK_URL"):
        Settings(_env_file=None, quality_webhook_url=url)
