"""What can be measured: FraudStream itself, and others doing the same work on the same stream.

A peer is one short module. It reads the raw topic from its beginning, runs the same step, and
publishes to the alert topic, where the same consumer waits. A file says how many records it has
stepped, and that it reads at all. Peers write no lake, keep no journal
and exchange no counts over partitions: favours to them, as `says` tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PIPELINE = ("kafka", "registry", "spark", "code", "webserver", "daemon")
_LOG = ("kafka", "registry")
_HERE = "fraudstream_platform.bench.engines"
_QUIX = Path(__file__).with_name("requirements-quix.txt")


@dataclass(frozen=True)
class Engine:
    """A system that turns transactions into alerts."""

    name: str
    says: str
    """What it guarantees, for the table."""
    services: tuple[str, ...] = _LOG
    module: str = ""
    """Run as a process of its own; empty for the drain, which Dagster starts."""
    arguments: tuple[str, ...] = ()
    a_process_a_group: bool = False
    requirements: Path | None = None
    """Pinned packages of its own, where it has some."""

    @property
    def is_pipeline(self) -> bool:
        """Whether it is the drain: with windows, tables and a proof."""
        return not self.module


_ALL = (
    Engine(
        "fraudstream",
        "alerts and five tables exactly once; Dagster runs it",
        services=_PIPELINE,
    ),
    Engine(
        "structured-streaming",
        "alerts at least once; state only in memory; no tables",
        module=f"{_HERE}.structured_streaming",
    ),
    Engine(
        "transform-with-state",
        "alerts at least once; recent events of each customer in RocksDB; no tables",
        module=f"{_HERE}.structured_streaming",
        arguments=("--durable",),
    ),
    Engine(
        "quix",
        "Quix Streams, alerts at least once; state only in memory; no tables",
        module=f"{_HERE}.quix",
        a_process_a_group=True,
        requirements=_QUIX,
    ),
    Engine(
        "quix-exactly-once",
        "Quix Streams, alerts exactly once; state only in memory; no tables",
        module=f"{_HERE}.quix",
        arguments=("--exactly-once",),
        a_process_a_group=True,
        requirements=_QUIX,
    ),
    Engine(
        "plain",
        "nothing: a consumer, the step and a producer; no tables",
        module=f"{_HERE}.plain",
        a_process_a_group=True,
    ),
)
ENGINES = {engine.name: engine for engine in _ALL}
