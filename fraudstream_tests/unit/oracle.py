"""The features once more, as naively as possible: lists of all events, read anew for every row.

Written from the catalogue's definitions; shares nothing with the kernels but the names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

SMALL = 300
RING = 32
DAY = 86_400_000
HOUR = 3_600_000
TAU = 30 * DAY


def facts(row: dict[str, Any]) -> dict[str, Any]:
    """What the definitions ask of one transaction."""
    kind, outcome = row["message_type"], row["outcome"]
    answered = outcome != "technical"
    approved = outcome == "approved"
    attempt = answered and kind in {"AUTH", "PREAUTH", "ADVICE", "VERIFY"}
    cit = row["initiator"] == "CIT"
    declined = attempt and not approved
    hard = declined and (
        row["response_code"] in {"14", "15", "41", "43", "54", "78", "82", "N7"}
        or row["cvv_result"] == "no_match"
    )
    amount = row["billing_amount_minor"]
    tried = attempt and cit
    return {
        "time": round(row["event_time"].timestamp() * 1000),
        "amount": amount,
        "merchant": row["merchant_id"],
        "card": row["card"],
        "tried": tried,
        "declined": tried and declined,
        "hard": tried and hard,
        "small_approved": tried and approved and amount <= SMALL,
        "verify": tried and kind == "VERIFY",
        "probe": tried and (kind == "VERIFY" or amount <= SMALL or hard),
        "spend": approved and kind in {"AUTH", "PREAUTH", "ADVICE", "INCREMENT"},
        "own_spend": cit and approved and kind in {"AUTH", "PREAUTH", "ADVICE", "INCREMENT"},
        "reversal": approved and kind == "REVERSAL",
        "funds": tried and declined and row["response_code"] in {"51", "61"},
        "rises": tried and kind != "VERIFY" and row["mcc"] not in {"5541", "5542"},
        "counts": attempt or (approved and kind in {"INCREMENT", "REVERSAL"}),
        "present": attempt
        and (
            row["entry_mode"] in {"chip", "contactless", "magstripe", "fallback"}
            or (row["entry_mode"] == "wallet" and row["channel"] in {"POS", "ATM"})
        ),
    }


def surprise(n: int, mean: float) -> float:
    """-log10 of the negative binomial tail, from factorials."""
    if n <= 0:
        return 0.0
    r = 0.5
    p = r / (r + mean)

    def mass(k: int) -> float:
        log_choose = math.lgamma(k + r) - math.lgamma(r) - math.lgamma(k + 1)
        return math.exp(log_choose + r * math.log(p) + k * math.log(1 - p))

    if n <= mean:
        tail = 1 - math.fsum(mass(k) for k in range(n))
    else:
        tail = math.fsum(mass(k) for k in range(n, n + 8_000))
    return min(15.0, max(0.0, -math.log10(tail)))


class Account:
    """All that ever happened to one card or customer."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def features(self, now: dict[str, Any], warm: bool) -> dict[str, float | None]:
        """Features of `now`, then `now` belongs to the past."""
        found: dict[str, float | None] = {}
        time = now["time"]
        recent = self.events[-RING:]

        def window(seconds: int, what: str, current: bool = False) -> list[dict[str, Any]]:
            past = [e for e in recent if time - seconds * 1000 < e["time"] <= time and e[what]]
            return [*past, now] if current and now[what] else past

        for label, seconds in (("1m", 60), ("10m", 600), ("1h", 3600)):
            found[f"n_{label}"] = len(window(seconds, "tried"))
        for label, seconds in (("10m", 600), ("1h", 3600)):
            spent = sum(e["amount"] for e in window(seconds, "spend"))
            undone = sum(e["amount"] for e in window(seconds, "reversal"))
            found[f"sum_{label}"] = max(0, spent - undone)
            found[f"declines_{label}"] = len(window(seconds, "declined"))
        found["hard_10m"] = len(window(600, "hard"))
        found["small_approved_10m"] = len(window(600, "small_approved"))
        found["verify_10m"] = len(window(600, "verify"))
        probes = window(600, "probe", current=True)
        found["probes_10m"] = len(probes)
        found["probe_merchants_10m"] = len({e["merchant"] for e in probes})
        tried = window(3600, "tried", current=True)
        found["merchants_1h"] = len({e["merchant"] for e in tried})
        found["cards_1h"] = len({e["card"] for e in tried})
        found["amounts_1h"] = len({e["amount"] for e in tried})
        own = window(3600, "own_spend")
        found["max_approved_1h"] = max((e["amount"] for e in own), default=0)
        funds = window(3600, "funds")
        found["min_funds_declined_1h"] = min((e["amount"] for e in funds), default=0)
        found["funds_declined_1h"] = len(funds)
        found["rising_run_10m"] = self._run(window(600, "rises"), now)
        found["rising_run_1h"] = self._run(window(3600, "rises"), now)
        day = self._day(time)
        found["n_24h"] = sum(e["tried"] for e in day)
        found["declines_24h"] = sum(e["declined"] for e in day)
        found["sum_24h"] = max(0, sum(e["amount"] * (e["spend"] - e["reversal"]) for e in day))
        found["max_approved_24h"] = max((e["amount"] for e in day if e["own_spend"]), default=0)
        found |= self._measures(now, int(found["n_24h"] or 0), int(found["n_1h"] or 0), warm)
        if now["counts"]:
            self.events.append(now)
        return found

    @staticmethod
    def _run(past: list[dict[str, Any]], now: dict[str, Any]) -> int:
        if not now["rises"]:
            return 0
        length, lower = 1, now["amount"]
        for event in reversed(past):
            if event["amount"] >= lower:
                break
            length, lower = length + 1, event["amount"]
        return length

    def _day(self, time: int) -> list[dict[str, Any]]:
        """Events of the 24 tiles; a tile is lost once a later day's same hour has come."""
        hour = time // HOUR
        newest: dict[int, int] = defaultdict(int)
        kept = []
        for event in self.events:
            own = event["time"] // HOUR
            if own >= newest[own % 24]:
                newest[own % 24] = own
                kept.append(event)
        return [
            e
            for e in kept
            if hour - 24 < e["time"] // HOUR <= hour
            and newest[e["time"] // HOUR % 24] == e["time"] // HOUR
        ]

    def _measures(
        self, now: dict[str, Any], n_24h: int, n_1h: int, warm: bool
    ) -> dict[str, float | None]:
        time, amount = now["time"], now["amount"]
        found: dict[str, float | None] = {
            "since_last_s": None, "since_decline_s": None, "last_decline_minor": None,
            "z_log_amount": None, "ratio_to_max": None, "bracket_ratio_1h": None,
        }  # fmt: skip
        declines = [e for e in self.events if e["declined"]]
        if self.events:
            found["since_last_s"] = max(0, time - max(e["time"] for e in self.events)) / 1000
        if declines:
            found["since_decline_s"] = max(0, time - max(e["time"] for e in declines)) / 1000
            found["last_decline_minor"] = declines[-1]["amount"]
        per_hour, age = self._rate(time)
        found["expected_per_hour"] = per_hour
        n_10m = sum(e["tried"] and time - 600_000 < e["time"] <= time for e in self.events[-RING:])
        found["velocity_tail_10m"] = surprise(n_10m + 1, per_hour / 6) if now["tried"] else 0.0
        found["velocity_tail_1h"] = 0.0
        if now["tried"] and (warm or age > HOUR):
            pace = (n_24h - n_1h + 1) / (min(age, DAY) / HOUR - 1) if age > HOUR else 0.0
            found["velocity_tail_1h"] = surprise(n_1h + 1, max(per_hour, pace))
        spends = [e["amount"] for e in self.events if e["own_spend"]]
        if len(spends) >= 5:
            mean = variance = 0.0
            for n, spent in enumerate(spends, 1):
                weight = max(0.05, 1 / n)
                gap = math.log(1 + spent) - mean
                mean += weight * gap
                variance = (1 - weight) * (variance + weight * gap * gap)
            found["z_log_amount"] = (math.log(1 + amount) - mean) / math.sqrt(variance + 0.05)
        if spends and max(spends) > 0:
            found["ratio_to_max"] = amount / max(spends)
        hour = [e for e in [*self.events[-RING:], now] if time - HOUR < e["time"] <= time]
        approved = max((e["amount"] for e in hour if e["own_spend"]), default=0)
        refused = min((e["amount"] for e in hour if e["funds"] and e["amount"] > 0), default=0)
        if approved and refused:
            found["bracket_ratio_1h"] = approved / refused
        return found

    def _rate(self, time: int) -> tuple[float, int]:
        weighted, newest = 0.0, self.events[0]["time"] if self.events else 0
        for event in self.events:
            if event["tried"]:
                weighted = weighted * math.exp(-max(0, event["time"] - newest) / TAU) + 1
                newest = max(newest, event["time"])
        weighted *= math.exp(-max(0, time - newest) / TAU)
        age = time - self.events[0]["time"] if self.events else 0
        seen_days = 30 * (1 - math.exp(-max(0, age) / TAU))
        return (weighted + 3.0) / (seen_days + 2.0) / 24, age


class Oracle:
    """Features of valid rows in offset order."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[int, str, str], Account] = defaultdict(Account)
        self._times: dict[int, list[int]] = defaultdict(list)
        self._places: dict[tuple[int, str], tuple[int, float, float, float]] = {}

    def features(self, row: dict[str, Any]) -> dict[str, float | None]:
        """All declared features of one row."""
        now = facts(row)
        times = self._times[row["partition"]]
        times.append(now["time"])
        warm = max(times) - times[0] >= DAY
        found: dict[str, float | None] = {}
        for entity in ("card", "customer"):
            # An entity that the row does not name has no past, and leaves none behind.
            account = Account()
            if row[entity] is not None:
                account = self._accounts[(row["partition"], entity, row[entity])]
                own = account.features(now, warm)
                found |= {f"{entity}_{name}": value for name, value in own.items()}
        return found | self._place(row, now)

    def _place(self, row: dict[str, Any], now: dict[str, Any]) -> dict[str, float | None]:
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


def great_circle_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Haversine, Earth's mean radius."""
    p1, p2 = math.radians(lat1), math.radians(lat2)
    h = math.sin((p2 - p1) / 2) ** 2
    h += math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(1.0, h)))
