"""The features that cross partitions: what was seen of an entity by all tasks together."""

from __future__ import annotations

from typing import Literal, NamedTuple

MOST_LOOKED_AT = 128
"""Newest touches of an entity that a count looks at: no threshold is anywhere near."""


ExchangedEntity = Literal["device", "ipnet", "merchant", "bin_merchant"]
_PLACES: tuple[tuple[ExchangedEntity, str], ...] = (
    ("device", "from this device"),
    ("ipnet", "from this IP network"),
)


class Exchanged(NamedTuple):
    """One declared feature of the exchange; shares are null where nothing was seen."""

    entity: ExchangedEntity
    measure: str
    unit: str
    window_s: int
    definition: str


_NOTE = (
    f" Of all partitions' touches, the newest {MOST_LOOKED_AT} of the entity; a touch counts from "
    "1 s after it stood on the topic. Only probes ask."
)
_MINUTES, _DAY = 600, 86_400

EXCHANGED: tuple[Exchanged, ...] = (
    *(
        Exchanged(entity, measure, "count", window_s, text + _NOTE)
        for entity, where in _PLACES
        for measure, window_s, text in (
            ("cards_10m", _MINUTES, f"Different cards probed {where}."),
            ("cards_24h", _DAY, f"Different cards probed {where}."),
            ("declined_cards_24h", _DAY, f"Different cards declined as probes {where}."),
        )
    ),
    Exchanged(
        "merchant", "cards_10m", "count", _MINUTES,
        "Different cards tried at this merchant, remotely or as probes." + _NOTE,
    ),
    Exchanged(
        "merchant", "decline_share_10m", "share", _MINUTES,
        "Share of those attempts that was declined." + _NOTE,
    ),
    Exchanged(
        "merchant", "small_share_10m", "share", _MINUTES,
        "Share of those attempts that was small." + _NOTE,
    ),
    Exchanged(
        "bin_merchant", "cards_10m", "count", _MINUTES,
        "Different cards of this BIN tried at this merchant, remotely or as probes." + _NOTE,
    ),
    Exchanged(
        "bin_merchant", "invalid_share_10m", "share", _MINUTES,
        "Share of those attempts whose card number does not exist." + _NOTE,
    ),
)  # fmt: skip
