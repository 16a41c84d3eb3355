"""`fraudstream alerts`: what is on the alert topic, and what comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import typer
from confluent_kafka import KafkaError, TopicPartition
from rich.console import Console

from fraudstream_platform.drain.follower import alert_reader
from fraudstream_platform.drain.kafka import partition_count, reader, watermarks
from fraudstream_platform.settings import Settings, get_settings


def alerts(
    follow: bool = typer.Option(False, "--follow", "-f", help="Keep on showing new alerts."),
    newest: int = typer.Option(20, help="How many of the newest alerts to begin with."),
) -> None:
    """Show alerts with their reasons, oldest first."""
    console = Console()
    try:
        for alert in stream_alerts(get_settings(), newest, follow=follow):
            console.print(alert_line(alert), highlight=False)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def stream_alerts(settings: Settings, newest: int, *, follow: bool) -> Iterator[dict[str, Any]]:
    """Committed alerts from about the `newest` last on; ends at the topic's end unless `follow`."""
    topic = settings.fraud_alerts_topic
    consumer = reader(settings, "fraudstream.alerts-cli")
    read = alert_reader(settings)
    try:
        partitions = range(partition_count(consumer, topic))
        starts = []
        for partition in partitions:
            low, high = watermarks(consumer, topic, partition)
            # Half of the offsets are transaction markers, so twice as many are read back.
            starts.append(TopicPartition(topic, partition, max(low, high - 2 * newest)))
        consumer.assign(starts)
        unread = set(partitions)
        while follow or unread:
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield read(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition() or 0)
            else:
                time.sleep(0.2)
    finally:
        consumer.close()


def alert_line(alert: dict[str, Any]) -> str:
    """One alert as one line of rich text."""
    colour = {"critical": "red", "high": "yellow"}.get(alert["severity"], "cyan")
    reasons = "; ".join(f"{reason['code']} {reason['text']}" for reason in alert["reasons"])
    return (
        f"[dim]{alert['event_time']:%H:%M:%S}[/] [{colour}]{alert['score']:>4} "
        f"{alert['action']:<7}[/] {', '.join(alert['patterns'])}  {reasons}"
    )
