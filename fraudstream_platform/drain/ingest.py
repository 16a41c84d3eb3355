"""From raw Kafka records to protected Bronze rows and sealed dead letters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_

import polars as pl

from fraudstream_platform.contracts.codec import (
    HEADER_BYTES,
    DecodeFailure,
    WriterSchema,
    schema_id_of,
)
from fraudstream_platform.contracts.schemas import ORIGIN_SCHEMA, transaction_schema
from fraudstream_platform.contracts.tables import BRONZE_SCHEMA, DEAD_LETTER_SCHEMA
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.drain.crash_points import failure_point
from fraudstream_platform.drain.origins import origin_columns
from fraudstream_platform.drain.registry import SchemaSource, UnknownSchemaError
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.protection.identity import SealedTokens, clear_rows, protect_frame
from fraudstream_platform.protection.keys import sealer_of, tokeniser_of
from fraudstream_platform.protection.text_guard import unsafe_rows
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.token_links import settled_tokeniser

_BRONZE = BRONZE_SCHEMA.names()
_KEYS = ("customer", "card")
"""A message's key is the first of these that is known."""
_TIMES = ("append_time", "first_append_time")
_NO_DEAD_LETTERS = DEAD_LETTER_SCHEMA.to_frame()
_FIRST_DAY, _LAST_DAY = date.min, date.max
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(microsecond=999_000, tzinfo=UTC)


def _on_the_calendar() -> pl.Expr:
    """True where every time lies in years 1 to 9999: no further goes Python, nor, in us, Parquet."""
    inside = [
        pl.col(name).is_between(pl.lit(_FIRST_DAY), pl.lit(_LAST_DAY))
        if dtype == pl.Date
        else pl.col(name).is_between(pl.lit(_FIRST_MOMENT, dtype), pl.lit(_LAST_MOMENT, dtype))
        for name, dtype in transaction_schema().items()
        if dtype.is_temporal()
    ]
    return pl.all_horizontal(one.fill_null(True) for one in inside)


_OFF_CALENDAR = ~_on_the_calendar()


@dataclass(frozen=True)
class Arrivals:
    """A batch after decoding: every record is a Bronze row or a dead letter."""

    bronze: pl.DataFrame
    dead_letters: pl.DataFrame
    seals: list[tuple[str, bytes]]
    texts: Texts | None = None
    """The texts of `bronze`, where they are those that were looked at."""


class Ingest:
    """Decodes and protects batches; holds keys and caches, never a record."""

    def __init__(self, settings: Settings, schemas: SchemaSource) -> None:
        self._settings = settings
        self._schemas = schemas
        self._max_bytes = settings.max_record_bytes
        self._allow_clear = settings.allow_clear_pii
        self._tokeniser = _tokeniser(settings)
        self._sealer = sealer_of(settings)
        self._sealed = SealedTokens()

    def arrivals(self, batch: RawBatch) -> Arrivals:
        """Decode and protect `batch`; raises RegistryDownError before anything has changed."""
        failures: list[DecodeFailure] = []
        frames: list[pl.DataFrame] = []
        for writer, places in self._by_schema(batch.values, failures):
            if len(places) == len(batch):
                bodies = [value[HEADER_BYTES:] for value in batch.values]
            else:
                bodies = [batch.values[i][HEADER_BYTES:] for i in places]
            decoded = writer.decode(bodies, places)
            failures.extend(decoded.failures)
            schema_id = pl.Series("schema_id", [writer.schema_id], pl.Int32)
            numbered = schema_id.new_from_index(0, decoded.frame.height)
            frames.append(decoded.frame.hstack([numbered]))
        if not frames:
            return Arrivals(BRONZE_SCHEMA.to_frame(), self._seal(batch, failures), [])
        placed, index = _positioned(frames, batch)
        failure_point(self._settings)
        texts = Texts.of(placed)
        clear = clear_rows(texts)
        protected = protect_frame(
            placed, clear, self._tokeniser, self._allow_clear, self._sealer, self._sealed
        )
        self._tokeniser.links.take_made()  # tasks tell nobody (docs/security.md)
        no_key, key_agrees = _keys(texts)
        refused = {
            "no_key": no_key,
            "time_out_of_range": _off_calendar(placed),
            "clear_identity": protected.refused,
            "identity_in_text": unsafe_rows(texts),
        }
        bronze = protected.frame.hstack([key_agrees])[_BRONZE]
        keep = ~reduce(or_, refused.values())
        if not keep.all():
            failures.extend(_refusals(index, refused))
            bronze = bronze.filter(keep)
        is_same = bronze.height == texts.rows and not clear.any()
        return Arrivals(
            bronze, self._seal(batch, failures), protected.seals, texts if is_same else None
        )

    def _by_schema(
        self, values: Sequence[bytes], failures: list[DecodeFailure]
    ) -> Iterable[tuple[WriterSchema, Sequence[int]]]:
        if (only := self._only_schema(values)) is not None:
            yield only, range(len(values))
            return
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

    def _only_schema(self, values: Sequence[bytes]) -> WriterSchema | None:
        """The schema of all records, as nearly always; None where anything is to be told apart."""
        heads = {value[:HEADER_BYTES] for value in values}
        if len(heads) != 1 or max(map(len, values)) > self._max_bytes:
            return None
        schema_id = schema_id_of(heads.pop())
        try:
            return None if schema_id is None else self._schemas.writer(schema_id)
        except UnknownSchemaError:
            return None

    def _seal(self, batch: RawBatch, failures: Sequence[DecodeFailure]) -> pl.DataFrame:
        if not failures:
            return _NO_DEAD_LETTERS
        rows = [
            {
                "partition": batch.partitions[failure.index],
                "offset": batch.offsets[failure.index],
                "append_time": batch.append_times[failure.index],
                "error_class": failure.error_class,
                "detail": failure.detail,
                "payload_bytes": len(batch.values[failure.index]),
                "sealed_payload": self._sealer.seal_bytes(batch.values[failure.index]),
                **_origin(batch, failure.index),
            }
            for failure in failures
        ]
        millis = pl.Schema({**DEAD_LETTER_SCHEMA, **dict.fromkeys(_TIMES, pl.Int64())})
        return pl.DataFrame(rows, schema=millis, orient="row").cast(DEAD_LETTER_SCHEMA)


def _keys(texts: Texts) -> tuple[pl.Series, pl.Series]:
    """Rows that name neither customer nor card; rows whose message key is the one that they name."""
    named = texts.present[texts.places(_KEYS)].any(axis=0)
    return pl.Series("no_key", ~named), pl.Series("key_agrees", texts.equals_first("key", _KEYS))


def _off_calendar(placed: pl.DataFrame) -> pl.Series:
    return placed.select(_OFF_CALENDAR).to_series()


def _tokeniser(settings: Settings) -> Tokeniser:
    """A task is a source only where clear identities are allowed."""
    return settled_tokeniser(settings) if settings.allow_clear_pii else tokeniser_of(settings)


def _positioned(frames: Sequence[pl.DataFrame], batch: RawBatch) -> tuple[pl.DataFrame, pl.Series]:
    """One frame in the batch's order with position and key, and its rows' places in the batch."""
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
    index = frame.get_column("index")
    if frame.height != position.height:
        position = position[index]
    origins = origin_columns(batch.origins, index)
    return frame.hstack([*position.get_columns(), *origins]), index


def _origin(batch: RawBatch, place: int) -> dict[str, int | None]:
    origin = batch.origins.get(place)
    return dict(zip(ORIGIN_SCHEMA, origin or (None, None), strict=True))


_WHY = {
    "no_key": "neither customer nor card",
    "time_out_of_range": "a time lies outside the years 1 to 9999",
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
