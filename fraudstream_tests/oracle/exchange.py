"""The exchange's features once more, as naively as possible: a list of touches, read anew each time.

Written from the definitions; shares nothing with the kernels but the names.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from fraudstream_tests.oracle.features import facts

MINUTES, DAY = 600_000, 86_400_000
VISIBLE_AFTER, LATE, NEWEST, TOLD_A_MINUTE = 1_000, 60_000, 128, 64
ENTITIES = ("device", "ipnet", "merchant", "bin_merchant")


def named(row: dict[str, Any]) -> dict[str, Any]:
    """What the row names of each kind of entity."""
    bin8 = row["bin8"]
    return {
        "device": row["device"],
        "ipnet": row["ip_net"],
        "merchant": row["merchant_id"],
        "bin_merchant": (bin8, row["merchant_id"]) if bin8 else None,
    }


class Exchange:
    """The touches of rows told in one order, each known from `delay` ms after its row's append."""

    def __init__(self, delay: int) -> None:
        self._delay = delay
        self._touches: dict[tuple[str, Any], list[dict[str, Any]]] = defaultdict(list)
        self._told: dict[tuple[str, int], int] = {}
        self._appended = 0

    def tell(self, row: dict[str, Any]) -> None:
        """Keep the touch of a row, where it makes one."""
        now = facts(row)
        if not now["tried"] or row["card"] is None or not (now["probe"] or not now["present"]):
            return
        minute = (row["merchant_id"], now["time"] // 60_000)
        self._told[minute] = self._told.get(minute, 0) + 1
        is_told = self._told[minute] <= TOLD_A_MINUTE
        if is_told or (now["probe"] and (row["device"] or row["ip_net"])):
            self.hear(row, append_ms(row) + self._delay, names_merchant=is_told)

    def hear(self, row: dict[str, Any], appended: int, *, names_merchant: bool) -> None:
        """Keep the touch of a row that was told at `appended`; refuses a row that makes none."""
        now, names = facts(row), named(row)
        assert now["tried"] and row["card"] is not None and (now["probe"] or not now["present"])
        if not now["probe"]:
            names["device"] = names["ipnet"] = None
        if not names_merchant:
            names["merchant"] = names["bin_merchant"] = None
        self._appended = max(self._appended, appended)
        touch = {
            "appended": self._appended,
            "time": now["time"],
            "card": row["card"],
            "declined": now["declined"],
            "small": now["amount"] <= 300,
            "no_account": now["declined"] and row["response_code"] in {"14", "15"},
        }
        for entity, name in names.items():
            if name is not None:
                self._touches[entity, name].append(touch)

    def features(self, row: dict[str, Any]) -> dict[str, float | None]:
        """What the row's columns of the exchange shall be."""
        names = named(row)
        asks = facts(row)["probe"] and row["card"] is not None
        found: dict[str, float | None] = {}
        for entity in ENTITIES:
            recent = self._seen(entity, names[entity], row, MINUTES) if asks else []
            cards = {touch["card"] for touch in recent}
            found[f"{entity}_cards_10m"] = len(cards)
            if entity in ("device", "ipnet"):
                day = self._seen(entity, names[entity], row, DAY) if asks else []
                found[f"{entity}_cards_24h"] = len({touch["card"] for touch in day})
                declined = {touch["card"] for touch in day if touch["declined"]}
                found[f"{entity}_declined_cards_24h"] = len(declined)
            for share, what in (
                ("decline_share_10m", "declined"),
                ("small_share_10m", "small"),
                ("invalid_share_10m", "no_account"),
            ):
                counted = sum(touch[what] for touch in recent)
                found[f"{entity}_{share}"] = counted / len(recent) if recent else None
        return found

    def _seen(
        self, entity: str, name: Any, row: dict[str, Any], window: int
    ) -> list[dict[str, Any]]:
        """Touches of the newest few that the row may see, those of the window."""
        bound, time = append_ms(row) - VISIBLE_AFTER, facts(row)["time"]
        reach = DAY if entity in ("device", "ipnet") else MINUTES
        visible = [
            touch
            for touch in self._touches[entity, name]
            if name is not None and bound - reach - LATE <= touch["appended"] <= bound
        ]
        return [t for t in visible[-NEWEST:] if 0 <= time - t["time"] < window]


def append_ms(row: dict[str, Any]) -> int:
    """Append time in epoch ms."""
    moment: datetime = row["append_time"]
    return round(moment.timestamp() * 1000)
