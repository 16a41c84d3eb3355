"""The instrument's features, as naively as possible (see `features.py`)."""

from __future__ import annotations

from typing import Any

from fraudstream_tests.oracle.formulas import great_circle_km

HOUR = 3_600_000


class Places:
    """Where each instrument was last present."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, str], tuple[int, float, float, float]] = {}

    def features(self, row: dict[str, Any], now: dict[str, Any]) -> dict[str, float | None]:
        """Features of one row, which is then the last."""
        names = ("distance_km", "net_distance_km", "speed_kmh", "since_present_h")
        found: dict[str, float | None] = dict.fromkeys([f"instrument_{n}" for n in names])
        instrument = row["device_pan"] or row["card"]
        if instrument is None or row["latitude"] is None or not now["present"]:
            return found
        key = (row["partition"], instrument)
        precision = 25.0 if row["geo_precision_km"] is None else row["geo_precision_km"]
        here = (now["time"], row["latitude"], row["longitude"], precision)
        last = self._places.get(key)
        if last is not None:
            km = great_circle_km(last[1], last[2], here[1], here[2])
            net = max(0.0, km - last[3] - precision)
            hours = abs(here[0] - last[0]) / HOUR
            values = (km, net, net / max(hours, 1 / 60), hours)
            found = {f"instrument_{n}": v for n, v in zip(names, values, strict=True)}
        if last is None or here[0] >= last[0]:
            self._places[key] = here
        return found
