"""The features once more, as naively as possible: lists of all events, read anew for every row.

Written from the catalogue's definitions; shares nothing with the kernels but the names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from fraudstream_tests.oracle.card import MOST_MINOR, Credit, event_features
from fraudstream_tests.oracle.customer import Habits
from fraudstream_tests.oracle.formulas import surprise
from fraudstream_tests.oracle.places import Places

CASH_MCCS = {"4829", "6010", "6011", "6050", "6051", "6540", "7800", "7801", "7802", "7995"}
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
        "attempt": attempt,
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
        "purchase": tried and amount > SMALL and row["mcc"] not in {"5541", "5542"},
        "cash": row["transaction_type"] != "purchase" or row["mcc"] in CASH_MCCS,
        "returned": approved and kind == "PAYMENT_RETURN",
        "mcc": row["mcc"],
        "country": row["merchant_country"],
        "channel": row["channel"],
        "device": row.get("device"),
        "ip_net": row.get("ip_net"),
        "utc_offset": row["utc_offset_min"],
        "latitude": row["latitude"],
        "longitude": row["longitude"],
        "open_to_buy": row.get("open_to_buy_minor"),
        "limit": row.get("credit_limit_minor"),
        "used": None,
        "present": attempt
        and (
            row["entry_mode"] in {"chip", "contactless", "magstripe", "fallback"}
            or (row["entry_mode"] == "wallet" and row["channel"] in {"POS", "ATM"})
        ),
    }


class Account:
    """All that ever happened to one card or customer."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.habits = Habits()
        self.credit = Credit()

    def features(self, now: dict[str, Any], warm: bool) -> dict[str, float | None]:
        """Features of `now`, then `now` belongs to the past."""
        found: dict[str, float | None] = {}
        time = now["time"]

        def window(seconds: int, what: str, current: bool = False) -> list[dict[str, Any]]:
            past = [e for e in self._recent(time) if time - seconds * 1000 < e["time"] and e[what]]
            return [*past, now] if current and now[what] else past

        for label, seconds in (("1m", 60), ("10m", 600), ("1h", 3600)):
            found[f"n_{label}"] = len(window(seconds, "tried"))
        found["purchases_40m"] = len(window(2400, "purchase"))
        for label, seconds in (("10m", 600), ("1h", 3600)):
            spent = sum(e["amount"] for e in window(seconds, "spend"))
            undone = sum(e["amount"] for e in window(seconds, "reversal"))
            found[f"sum_{label}"] = max(0, spent - undone)
            found[f"declines_{label}"] = len(window(seconds, "declined"))
            found[f"hard_{label}"] = len(window(seconds, "hard"))
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
        day = self._tiles(time, HOUR, 24, 24)
        found["n_24h"] = sum(e["tried"] for e in day)
        found["declines_24h"] = sum(e["declined"] for e in day)
        found["sum_24h"] = max(0, sum(e["amount"] * (e["spend"] - e["reversal"]) for e in day))
        dear = max((e["amount"] for e in day if e["own_spend"]), default=0)
        found["max_approved_24h"] = min(dear, MOST_MINOR)
        found["hard_24h"] = sum(e["hard"] for e in day)
        found["small_approved_24h"] = sum(e["small_approved"] for e in day)
        for label, days in (("7d", 7), ("30d", 30)):
            held = self._tiles(time, DAY, days, 30)
            found[f"n_{label}"] = sum(e["tried"] for e in held)
            spent = sum(e["amount"] * (e["spend"] - e["reversal"]) for e in held)
            found[f"sum_{label}"] = max(0, spent)
        tries, declines = sum(e["tried"] for e in day), sum(e["declined"] for e in day)
        found["decline_share_24h"] = declines / tries if tries else None
        month = [e["amount"] for e in self._tiles(time, DAY, 30, 30) if e["own_spend"]]
        highest = min(max(month, default=0), MOST_MINOR)
        found["ratio_to_max_30d"] = now["amount"] / highest if highest else None
        found |= self._gaps(time)
        found |= self.habits.features(now, len(self.events))
        if now["tried"]:
            found["new_merchants_1h"] = len(window(3600, "at_new_merchant", current=True))
        found |= self.credit.features(
            now, self.events, lambda days: self._tiles(time, DAY, days, 30)
        )
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

    def _newest(self, time: int) -> int:
        times: list[int] = [e["time"] for e in self.events]
        return max([time, *times])

    def _recent(self, time: int) -> list[dict[str, Any]]:
        """Events that are remembered one by one and not later than `time`."""
        oldest = self._newest(time) - HOUR
        return [e for e in self.events[-RING:] if oldest < e["time"] <= time]

    def _tiles(self, time: int, unit: int, reach: int, kept: int) -> list[dict[str, Any]]:
        """Events of the newest `reach` tiles at `time`; those `kept` before the newest are lost."""
        tile, oldest = time // unit, self._newest(time) // unit - kept
        return [
            e
            for e in self.events
            if tile - reach < e["time"] // unit <= tile and e["time"] // unit > oldest
        ]

    def _gaps(self, time: int) -> dict[str, float | None]:
        """The median gap by Robbins and Monro, in logarithms."""
        newest, median, n = 0, 0.0, 0
        started = False
        for event in self.events:
            newest = newest or event["time"]
            if not event["tried"]:
                continue
            if started:
                n += 1
                gap = math.log(1 + max(0, event["time"] - newest) / 1000)
                step = max(0.1, 1 / n)
                if n == 1:
                    median = gap
                elif gap != median:
                    median = max(0.0, median + math.copysign(step, gap - median))
            started = True
            newest = max(newest, event["time"])
        if n < 5:
            return {"median_gap_s": None, "gap_ratio": None}
        ratio = (1 + max(0, time - newest) / 1000) / math.exp(median)
        return {"median_gap_s": math.exp(median) - 1, "gap_ratio": ratio}

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
        n_10m = sum(e["tried"] and time - 600_000 < e["time"] for e in self._recent(time))
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
        hour = [*self._recent(time), now]
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
        self._spans: dict[int, tuple[int, int]] = {}
        """First and newest event of each partition."""
        self._places = Places()

    def features(self, row: dict[str, Any]) -> dict[str, float | None]:
        """All declared features of one row."""
        now = facts(row)
        first, newest = self._spans.get(row["partition"], (now["time"], now["time"]))
        newest = max(newest, now["time"])
        self._spans[row["partition"]] = (first, newest)
        warm = newest - first >= DAY
        found: dict[str, float | None] = {}
        for entity in ("card", "customer"):
            # An entity that the row does not name has no past, and leaves none behind.
            account = Account()
            if row[entity] is not None:
                account = self._accounts[(row["partition"], entity, row[entity])]
                own = account.features(now, warm)
                found |= {f"{entity}_{name}": value for name, value in own.items()}
        return found | self._places.features(row, now) | event_features(row, now)
