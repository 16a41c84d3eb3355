"""Encodes records and reads them back as the pipeline will: what it would refuse is not sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from fraudstream_platform.contracts.codec import HEADER_BYTES, WriterSchema
from fraudstream_platform.contracts.schemas import ORIGIN_SCHEMA, avro_schema
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.contracts.validation import OLDEST_EVENT_DAYS, judge
from fraudstream_platform.protection.text_guard import unsafe_rows
from fraudstream_platform.replay.encode import RecordEncoder

TOO_OLD = "event_time_too_old"
"""No fault of the row but of the day: it is sent, kept in Bronze and quarantined by Silver."""
LOW_QUALITY = "quality_below_threshold"
_HIDDEN = "a card number, e-mail or telephone number stands in a field that is not for it"


@dataclass(frozen=True)
class Findings:
    """What was found in a chunk of encoded records."""

    bad: dict[int, str]
    """Place in the chunk -> reason."""
    quarantine: Counter[str]
    """Why Silver will put good records aside -> how many."""


class Checker:
    """Judges encoded records by the contract's own rules."""

    def __init__(
        self,
        schema_id: int,
        quality_threshold: float,
        max_record_bytes: int,
        oldest_event_days: int = OLDEST_EVENT_DAYS,
    ) -> None:
        self._encoder = RecordEncoder(schema_id)
        self._writer = WriterSchema(schema_id, avro_schema("transaction"))
        self._threshold = quality_threshold
        self._max_bytes = max_record_bytes
        self._oldest_event_days = oldest_event_days

    def encode(self, record: dict[str, Any]) -> bytes | str:
        """The record's bytes, or why there are none."""
        try:
            value = self._encoder.encode(record)
        except UnicodeEncodeError:
            return "a field is no valid text"
        if len(value) > self._max_bytes:
            return f"the record has more than {self._max_bytes} bytes"
        return value

    def check(self, encoded: Sequence[bytes], now_ms: int) -> Findings:
        """Judge records as if they were appended to the topic at `now_ms`."""
        if not encoded:
            return Findings({}, Counter())
        decoded = self._writer.decode(
            [value[HEADER_BYTES:] for value in encoded], range(len(encoded))
        )
        bad = {failure.index: failure.detail for failure in decoded.failures}
        frame = decoded.frame.with_columns(
            pl.lit(datetime.fromtimestamp(now_ms / 1000, UTC))
            .cast(pl.Datetime("ms", "UTC"))
            .alias("append_time"),
            pl.lit(True).alias("key_agrees"),
            *(pl.lit(None, dtype).alias(name) for name, dtype in ORIGIN_SCHEMA.items()),
        )
        places = frame.get_column("index").to_list()
        verdict = judge(frame, self._oldest_event_days)
        too_old = set()
        for row, rules in verdict.failed.items():
            faults = [rule for rule in rules if rule != TOO_OLD]
            if faults:
                bad[places[row]] = "breaks " + ", ".join(faults)
            else:
                too_old.add(row)
        hidden = unsafe_rows(Texts.of(frame))
        for row in hidden.arg_true().to_list():
            bad.setdefault(places[row], _HIDDEN)
        quarantine = Counter({TOO_OLD: sum(places[row] not in bad for row in too_old)})
        for row in (verdict.quality_score < self._threshold).nonzero()[0].tolist():
            if row not in too_old and places[row] not in bad:
                quarantine[LOW_QUALITY] += 1
        return Findings(bad, quarantine)
