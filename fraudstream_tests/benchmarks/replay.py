"""How fast a successor replays the log: `python -m fraudstream_tests.benchmarks.replay`.

The real broker and registry, a topic full of records, and the stream of one group from the log's
beginning, as where no snapshot is usable: read, decode, validate, step. Processor time of the whole
process, so other programs disturb it little; kernels are compiled and the stream is warm before.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_platform.detection.step import warm_up
from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.positions import covers
from fraudstream_platform.drain.stream import Stream
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.simulator.producer import Simulation
from fraudstream_platform.simulator.stream import StreamConfig


def main(
    records: Annotated[int, typer.Option(min=1_000)] = 400_000,
    report: Annotated[Path | None, typer.Option(help="Where JSON goes.")] = None,
) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="fraudstream-replay-") as folder:
        settings = settings_on_free_ports(Path(folder) / "data", drain_groups=1)
        with Stack(settings, services=("kafka", "registry")):
            setup(settings)
            now = round(time.time() * 1000)
            config = StreamConfig(seed=3, tps=5_000, count=records, start_ms=now, fraud_rate=0.001)
            Simulation(settings, config, paced=False).run()
            warm_up()
            later = round(time.time() * 1000) + 3_600_000
            stream = Stream(settings, Assignment(later, later + 1, 1, "replay", 0, 1), None)
            ends = stream.queried_ends()
            assert ends is not None
            stream.advance()  # connections, schemas
            before, wall, cpu = stream.records, time.perf_counter(), time.process_time()
            while not covers(stream.source.positions, ends):
                stream.advance()
                stream.held.advance(stream.source.positions, stream.source.positions)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            stream.close()
        figures = {
            "records": stream.records - before,
            "wall_s": round(wall, 2),
            "cpu_s": round(cpu, 2),
            "stepping_s": round(stream.busy_seconds, 2),
            "records_a_second": round((stream.records - before) / wall),
            "records_a_core_second": round((stream.records - before) / cpu),
        }
    typer.echo(json.dumps(figures, indent=2))
    if report is not None:
        report.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
