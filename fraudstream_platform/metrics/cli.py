"""`fraudstream metrics`: a Prometheus endpoint of the whole drain, fed by the journal."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Annotated

import typer
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.kafka import TopicMissingError, admin, stable_ends
from fraudstream_platform.drain.resume import read_standing
from fraudstream_platform.logs import configure
from fraudstream_platform.metrics.figures import JournalFigures
from fraudstream_platform.settings import Settings, get_settings

log = logging.getLogger(__name__)

_POLL_S = 1.0
_ENDS_EVERY_S = 5.0
_AGAIN_S = 5.0


def metrics(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port; PORT_BASE+8 without it.")] = None,
) -> None:
    """Serve /metrics until it is ended; a broker that is away is waited for."""
    settings = get_settings()
    configure(settings, service="metrics")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    server, thread = start_http_server(port or settings.port_base + 8, host, registry)
    figures = JournalFigures(registry)
    try:
        while not stopping.is_set():
            try:
                follow(settings, figures, stopping)
            except (KafkaException, TopicMissingError) as error:
                log.warning("the broker is asked again in %.0f s: %s", _AGAIN_S, error)
                stopping.wait(_AGAIN_S)
    finally:
        server.shutdown()
        thread.join(timeout=5)


def follow(settings: Settings, figures: JournalFigures, stopping: threading.Event) -> None:
    """Feed `figures` from the journal's newest records on; raises KafkaException."""
    journal = JournalReader(settings)
    client = admin(settings)
    partitions = range(settings.topic_partitions)
    try:
        journaled = [*range(settings.drain_groups), settings.topic_partitions]
        journal.follow({one: journal.end(one) for one in journaled})
        for group in range(settings.drain_groups):
            standing = read_standing(journal, group)
            figures.flushed.update(standing.flushed if standing else {})
        asked_at = 0.0
        while not stopping.is_set():
            for entry in journal.poll(_POLL_S):
                figures.note(entry)
            if time.monotonic() - asked_at > _ENDS_EVERY_S:
                asked_at = time.monotonic()
                figures.note_ends(stable_ends(client, settings.transactions_topic, partitions))
    finally:
        journal.close()
