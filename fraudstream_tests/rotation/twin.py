"""The twin: the same records at the same moments, had no key ever been rotated.

It is the engine itself over Bronze as the rotated run left it, with every token put back to the one
that its person would have had, and with what tasks told each other renamed alike. A second live run
would be no better twin: its records arrive at other moments and in another order between sources, so
that its alerts differ though nobody's token does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.detection.exchange_touches import DEVICE, NETWORK, Touches
from fraudstream_platform.detection.hashing import hash_texts
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.settings import Settings

_STEP_ROWS = 2_000
_PLACE = ("partition", "offset")
_NETWORK_PATTERNS = {"merchant_collusion", "synthetic_identity"}
"""Found over Silver by another job, some time: their alerts are no record's."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What tasks told each other, in the topic's order; `appended` in epoch ms, never falling."""

    touches: Touches
    appended: NDArray[np.int64]

    def between(self, start: int, stop: int) -> Told:
        """The touches from one place to another."""
        chosen = np.arange(start, stop)
        return Told(self.touches.where(chosen), self.appended[chosen])


def twin_of(bronze: pl.DataFrame, sent: pl.DataFrame) -> pl.DataFrame:
    """Bronze rows in the order of their arrival with the tokens of `sent` (by transaction_id)."""
    arrived = bronze.sort("append_time", *_PLACE)
    renamed = arrived.drop(*IDENTITY_KINDS).join(
        sent, on="transaction_id", how="inner", maintain_order="left", validate="1:1"
    )
    assert renamed.height == bronze.height, "a record was sent by nobody"
    return renamed.select(BRONZE_SCHEMA.names()).cast(BRONZE_SCHEMA)


def renamed_touches(told: Told, twin: pl.DataFrame) -> Told:
    """The touches with the twin's hashes of card, device and network in place of the live ones."""
    old = told.touches
    places = pl.DataFrame(dict(zip(_PLACE, (old.partition, old.offset), strict=True)))
    rows = places.join(twin, on=_PLACE, how="left", maintain_order="left")
    assert rows["transaction_id"].null_count() == 0, "a touch of no record"
    hashes = {
        n: _short(h) for n, h in hash_texts(Texts.of(rows), ("card", "device", "ip_net")).items()
    }
    keys = old.keys.copy()
    for kind, name in ((DEVICE, "device"), (NETWORK, "ip_net")):
        keys[kind] = np.where(keys[kind] != 0, hashes[name], 0)
    new = Touches(old.partition, old.offset, old.time, hashes["card"], old.outcome, keys)
    return Told(new, told.appended)


def alerts_of(settings: Settings, twin: pl.DataFrame, told: Told) -> pl.DataFrame:
    """The alerts that the engine raises over the twin's rows."""
    detector = Detector(
        quality_threshold=settings.silver_quality_threshold,
        oldest_event_days=settings.oldest_event_days,
    )
    appended = twin["append_time"].dt.epoch("ms").to_numpy()
    heard, found = 0, []
    for start in range(0, twin.height, _STEP_ROWS):
        rows = twin[start : start + _STEP_ROWS]
        # What is heard long before its time is counted before its time.
        until = int(np.searchsorted(told.appended, appended[start + rows.height - 1], "right"))
        part = told.between(heard, until)
        detector.exchange.accept(part.touches, part.appended)
        heard = until
        found.append(detector.step(rows, hour_of(int(appended[start]))).alerts)
    return pl.concat(found)


@dataclass(frozen=True)
class Compared:
    """Alerts by transaction; each list names transactions."""

    live: int
    twin: int
    missed: list[str]
    added: list[str]
    unlike: list[str]
    """Alerted by both, with another score or other patterns."""

    @property
    def is_same(self) -> bool:
        """Whether the rotation changed nothing."""
        return not (self.missed or self.added or self.unlike)


def compare(live: Iterable[Row], twin: Iterable[Row]) -> Compared:
    """What the rotated run alerted on beside what its twin did."""
    one, other = _by_transaction(live), _by_transaction(twin)
    return Compared(
        len(one),
        len(other),
        missed=sorted(other.keys() - one.keys()),
        added=sorted(one.keys() - other.keys()),
        unlike=sorted(name for name in one.keys() & other.keys() if one[name] != other[name]),
    )


def _by_transaction(alerts: Iterable[Row]) -> dict[str, tuple[Any, ...]]:
    return {
        alert["transaction_id"]: (alert["alert_id"], alert["score"], sorted(alert["patterns"]))
        for alert in alerts
        if not _NETWORK_PATTERNS & set(alert["patterns"])
    }


def _short(hashes: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """As touches hold them: folded to 32 bits, 0 for what is not there alone."""
    folded = ((hashes ^ (hashes >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return np.where((folded == 0) & (hashes != 0), np.uint32(1), folded)
