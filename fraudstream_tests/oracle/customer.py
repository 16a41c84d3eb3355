"""The customer's own features, as naively as possible (see `features.py`)."""

from __future__ import annotations

import math
from typing import Any

from fraudstream_tests.oracle.formulas import great_circle_km

DAY = 86_400_000
HOUR = 3_600_000
SIZES = {"merchant": 24, "mcc": 16, "country": 4, "device": 4, "ip_net": 6, "channel": 5}
COUNTED = {
    "merchants_24h": ("merchant", 24), "merchants_30d": ("merchant", 720),
    "countries_24h": ("country", 24), "devices_30d": ("device", 720), "ips_24h": ("ip_net", 24),
}  # fmt: skip
Found = dict[str, float | None]


class Habits:
    """What one customer is used to."""

    def __init__(self) -> None:
        self._met: dict[str, list[tuple[str, int]]] = {kind: [] for kind in SIZES}
        self._newcomers: dict[str, tuple[str, int]] = {}
        self._times: list[float] = []
        self._places: list[tuple[float, float]] = []

    def features(self, now: dict[str, Any], absorbed: int) -> Found:
        """Features of `now`, which is known from now on; `absorbed` events came before it."""
        found: Found = dict.fromkeys((*COUNTED, "new_merchants_1h"), 0)
        now["at_new_merchant"] = False
        found |= dict.fromkeys([f"new_{kind}" for kind in SIZES])
        found |= dict.fromkeys(("new_things_24h", "own_hour_deviation", "from_home_km"))
        if not now["attempt"]:
            return found
        hour = now["time"] // HOUR
        for kind in SIZES:
            if now[kind] is not None and not self._meet(kind, now[kind], hour) and absorbed >= 5:
                self._newcomers[kind] = (now[kind], hour)
                now["at_new_merchant"] |= kind == "merchant" and now["tried"]
        for name, (kind, hours) in COUNTED.items():
            # A thing met later than this event does not count by its later time, but as this one.
            others = [h for thing, h in self._met[kind] if thing != now[kind]]
            found[name] = sum(0 <= hour - h < hours for h in others) + (now[kind] is not None)
        if absorbed >= 5:
            fresh = {k: v for k, v in self._newcomers.items() if 0 <= hour - v[1] < 24}
            found["new_things_24h"] = len(fresh)
            for kind in SIZES:
                if now[kind] is not None:
                    found[f"new_{kind}"] = float(fresh.get(kind, ("", 0))[0] == now[kind])
        if now["tried"]:
            self._time_of_day(now, found)
            if now["present"] and now["latitude"] is not None:
                self._home(now, found)
        return found

    def _meet(self, kind: str, thing: str, hour: int) -> bool:
        held = self._met[kind]
        for place, (known, when) in enumerate(held):
            if known == thing:
                held[place] = (thing, max(when, hour))
                return True
        if len(held) < SIZES[kind]:
            held.append((thing, hour))
        else:
            held[min(range(len(held)), key=lambda place: held[place][1])] = (thing, hour)
        return False

    def _time_of_day(self, now: dict[str, Any], found: Found) -> None:
        if now["utc_offset"] is None:
            return
        local = (now["time"] + 60_000 * now["utc_offset"]) % DAY / DAY
        if len(self._times) >= 8:
            x = y = 0.0
            for n, time in enumerate(self._times, 1):
                weight = max(0.05, 1 / n)
                x += weight * (math.cos(2 * math.pi * time) - x)
                y += weight * (math.sin(2 * math.pi * time) - y)
            turn = abs(local - math.atan2(y, x) / (2 * math.pi)) % 1
            found["own_hour_deviation"] = 24 * min(turn, 1 - turn) * math.hypot(x, y)
        self._times.append(local)

    def _home(self, now: dict[str, Any], found: Found) -> None:
        here = (now["latitude"], now["longitude"])
        if len(self._places) >= 5:
            home = self._places[0]
            for n, place in enumerate(self._places[1:], 2):
                far = great_circle_km(*home, *place)
                pull = max(0.05, 1 / n) * min(1.0, 100 / far if far else 1.0)
                east = (place[1] - home[1] + 540) % 360 - 180
                home = (
                    home[0] + pull * (place[0] - home[0]),
                    (home[1] + pull * east + 540) % 360 - 180,
                )
            found["from_home_km"] = great_circle_km(*home, *here)
        self._places.append(here)
