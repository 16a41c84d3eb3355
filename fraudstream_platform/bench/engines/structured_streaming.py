"""Spark Structured Streaming on the same work, with the Kafka connector and `foreachBatch`.

`python -m fraudstream_platform.bench.engines.structured_streaming READY [--durable]`; READY is made
when it reads, and says how many records are stepped.

Each micro-batch comes to this process by Arrow, which has the state of all partitions in memory:
it would be lost with the process, a favour. `--durable` also keeps each customer's newest records
in Spark's RocksDB state store, as many bytes as the step's own state of a card takes, from which
that state could be made again; the features still come from memory, a favour too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyspark
import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.stateful_processor import StatefulProcessor, StatefulProcessorHandle

from fraudstream_platform.bench.engines.peer import Peer
from fraudstream_platform.detection.step import warm_up
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.settings import Settings, get_settings

_CONNECTOR = f"org.apache.spark:spark-sql-kafka-0-10_2.13:{pyspark.__version__}"
_STORE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_COLUMNS = "key binary, value binary, partition int, offset long, timestamp timestamp"
_STATE_BYTES = 2_000
_CORES = 2


class KeptRecords(StatefulProcessor):
    """Keeps the newest records of each customer and hands every record on."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """One value a customer."""
        self._kept = handle.getValueState("kept", "records binary")

    def handleInputRows(  # noqa: N802 - Spark's name
        self,
        key: Any,
        rows: Iterator[Any],
        timerValues: Any,  # noqa: N803
    ) -> Iterator[pd.DataFrame]:
        """The rows as they came."""
        held = self._kept.get()
        kept = bytes(held[0]) if held else b""
        for frame in rows:
            kept += b"".join(frame["value"])
            yield frame
        self._kept.update((kept[-_STATE_BYTES:],))

    def close(self) -> None:
        """Nothing is open."""


def batch_of(table: pl.DataFrame) -> RawBatch:
    """Kafka's rows as the step takes them, each partition's in offset order."""
    rows = table.sort("partition", "offset")
    return RawBatch(
        values=rows["value"].to_list(),
        keys=[None if key is None else key.decode("utf-8", "replace") for key in rows["key"]],
        partitions=rows["partition"].to_list(),
        offsets=rows["offset"].to_list(),
        append_times=rows["timestamp"].dt.epoch("ms").to_list(),
    )


def _session(settings: Settings, home: Path) -> SparkSession:
    options = {
        "spark.jars.packages": _CONNECTOR,
        "spark.jars.ivy": str(settings.services_dir / "ivy-spark"),
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(home / "local"),
        "spark.ui.enabled": "false",
        # On a starved machine the first heartbeat came before the driver knew its executor.
        "spark.executor.heartbeatInterval": "60s",
        "spark.sql.shuffle.partitions": str(_CORES),
        "spark.sql.streaming.stateStore.providerClass": _STORE,
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
    }
    builder = SparkSession.builder.master(f"local[{_CORES}]").appName("bench")
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main(ready: Path, durable: bool = False) -> None:
    """Run the query until ended."""
    settings = get_settings()
    home = settings.data_dir / "structured-streaming"
    warm_up()
    peer = Peer(settings, ready)

    def step(frame: DataFrame, _: int) -> None:
        peer.step(batch_of(pl.DataFrame(pl.from_arrow(frame.toArrow()))))
        peer.flush()

    rows = (
        _session(settings, home)
        .readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.bootstrap)
        .option("subscribe", settings.transactions_topic)
        .option("startingOffsets", "earliest")
        .load()
        .selectExpr("key", "value", "partition", "offset", "timestamp")
    )
    if durable:
        rows = rows.groupBy("key").transformWithStateInPandas(
            KeptRecords(), outputStructType=_COLUMNS, outputMode="Append", timeMode="None"
        )
    writer = rows.writeStream.foreachBatch(step)
    query = writer.option("checkpointLocation", str(home / "checkpoint")).start()
    ready.touch()
    query.awaitTermination()


if __name__ == "__main__":
    typer.run(main)
