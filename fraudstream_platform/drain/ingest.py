"""From raw Kafka records to protected Bronze rows and sealed dead letters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from fraudstream_platform.contracts.codec import (
    HEADER_BYTES,
    DecodeFailure,
    WriterSchema,
    schema_id_of,
)
from fraudstream_platform.contracts.tables import BRONZE_SCHEMA, DEAD_LETTER_SCHEMA
from fraudstream_platform.drain.registry import SchemaSource, UnknownSchemaError
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.protection.identity import SealedTokens, protect_frame
from fraudstream_platform.protection.text_guard import unsafe_rows
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Sealer
from fraudstream_platform.settings import Settings


@dataclass(frozen=True)
class Arrivals:
    """A batch after decoding: every record is a Bronze row or a dead letter."""

    bronze: pl.DataFrame
    dead_letters: pl.DataFrame
    seals: list[tuple[str, bytes]]


class Ingest:
    """Decodes and protects batches; holds keys and caches, never a record."""

    def __init__(self, settings: Settings, schemas: SchemaSource) -> None:
        self._schemas = schemas
        self._max_bytes = settings.max_record_bytes
        self._allow_clear = settings.allow_clear_pii
        self._tokeniser = Tokeniser(settings.customer_id_salt.get_secret_value().encode())
        self._sealer = Sealer(settings.vault_key.get_secret_value())
        self._sealed = SealedTokens()

    def arrivals(self, batch: RawBatch) -> Arrivals:
        """Decode and protect `batch`; raises RegistryDownError before anything has changed."""
        failures: list[DecodeFailure] = []
        frames: list[pl.DataFrame] = []
        for writer, places in self._by_schema(batch.values, failures):
            bodies = [batch.values[i][HEADER_BYTES:] for i in places]
            decoded = writer.decode(bodies, places)
            failures.extend(decoded.failures)
            schema_id = pl.lit(writer.schema_id, pl.Int32).alias("schema_id")
            frames.append(decoded.frame.with_columns(schema_id))
        if not frames:
            return Arrivals(BRONZE_SCHEMA.to_frame(), self._seal(batch, failures), [])
        placed = _positioned(frames, batch)
        protected = protect_frame(
            placed, self._tokeniser, self._allow_clear, self._sealer, self._sealed
        )
        refused = {
            "no_key": placed["customer"].is_null() & placed["card"].is_null(),
            "clear_identity": protected.refused,
            "identity_in_text": unsafe_rows(placed),
        }
        bronze = protected.frame
        keep = ~(refused["no_key"] | refused["clear_identity"] | refused["identity_in_text"])
        if not keep.all():
            failures.extend(_refusals(placed["index"], refused))
            bronze = bronze.filter(keep)
        return Arrivals(
            bronze.select(list(BRONZE_SCHEMA)), self._seal(batch, failures), protected.seals
        )

    def _by_schema(
        self, values: Sequence[bytes], failures: list[DecodeFailure]
    ) -> Iterable[tuple[WriterSchema, list[int]]]:
        by_id: dict[int | None, list[int]] = defaultdict(list)
        for place, value in enumerate(values):
            if len(value) > self._max_bytes:
                detail = f"{len(value)} bytes; at most {self._max_bytes}"
                failures.append(DecodeFailure(place, "too_large", detail))
            else:
                by_id[schema_id_of(value)].append(place)
        for schema_id, places in by_id.items():
            if schema_id is None:
                detail = "no Confluent frame (magic byte 0 and a schema id)"
                failures.extend(DecodeFailure(i, "not_framed", detail) for i in places)
                continue
            try:
                yield self._schemas.writer(schema_id), places
            except UnknownSchemaError as error:
                failures.extend(DecodeFailure(i, "unknown_schema", str(error)) for i in places)

    def _seal(self, batch: RawBatch, failures: Sequence[DecodeFailure]) -> pl.DataFrame:
        rows = [
            {
                "partition": batch.partitions[failure.index],
                "offset": batch.offsets[failure.index],
                "append_time": batch.append_times[failure.index],
                "error_class": failure.error_class,
                "detail": failure.detail,
                "payload_bytes": len(batch.values[failure.index]),
                "sealed_payload": self._sealer.seal_bytes(batch.values[failure.index]),
            }
            for failure in failures
        ]
        millis = pl.Schema({**DEAD_LETTER_SCHEMA, "append_time": pl.Int64()})
        return pl.DataFrame(rows, schema=millis, orient="row").cast(DEAD_LETTER_SCHEMA)


def _positioned(frames: Sequence[pl.DataFrame], batch: RawBatch) -> pl.DataFrame:
    """One frame in the batch's order, with position and whether the key agrees with the value."""
    frame = frames[0] if len(frames) == 1 else pl.concat(frames).sort("index")
    position = pl.DataFrame(
        {
            "partition": pl.Series(batch.partitions, dtype=pl.Int32),
            "offset": pl.Series(batch.offsets, dtype=pl.Int64),
            "append_time": pl.Series(batch.append_times, dtype=pl.Int64).cast(
                pl.Datetime("ms", "UTC")
            ),
            "key": pl.Series(batch.keys, dtype=pl.String),
        }
    )
    if frame.height != position.height:
        position = position[frame["index"]]
    owner = pl.coalesce("customer", "card")
    return frame.hstack(position.get_columns()).with_columns(
        (pl.col("key").is_not_null() & (pl.col("key") == owner))
        .fill_null(False)
        .alias("key_agrees")
    )


_WHY = {
    "no_key": "neither customer nor card",
    "clear_identity": "an identity field is no token of its kind; clear values need ALLOW_CLEAR_PII",
    "identity_in_text": "a card number, e-mail or phone stands in a field that is not for it",
}


def _refusals(index: pl.Series, refused: dict[str, pl.Series]) -> list[DecodeFailure]:
    """One failure a refused row, named for the first reason that applies."""
    places = index.to_list()
    failures: list[DecodeFailure] = []
    seen: set[int] = set()
    for reason, mask in refused.items():
        for row in mask.arg_true().to_list():
            if row not in seen:
                seen.add(row)
                failures.append(DecodeFailure(places[row], reason, _WHY[reason]))
    return failures
