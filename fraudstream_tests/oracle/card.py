"""The card's own features and the event's, as naively as possible (see `features.py`)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

DAY = 86_400_000
HOUR = 3_600_000
MOST_MINOR = 2**32 - 1
LIMITS = (25, 30, 50, 100, 150, 200, 250, 300, 400, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000,
          5_000, 10_000)  # fmt: skip
RESALE = {"4812", "5045", "5094", "5311", "5732", "5734", "5816", "5944", "5946", "5947"}
Found = dict[str, float | None]


class Credit:
    """What became of one card's limit, payments and spend."""

    def __init__(self) -> None:
        self._returned: list[int] = []
        self._used: list[tuple[int, float]] = []

    def features(self, now: dict[str, Any], events: list[dict[str, Any]], days: Any) -> Found:
        """`events` are the card's before `now`; `days(n)` those of the newest n tiles."""
        week, month = days(7), days(30)
        hour = now["time"] // HOUR
        spent = sum(e["amount"] * (e["spend"] - e["reversal"]) for e in month)
        drawn: dict[int, int] = {}
        for e in month:
            if e["spend"] and e["cash"]:
                drawn[e["time"] // DAY] = drawn.get(e["time"] // DAY, 0) + e["amount"]
        cash = sum(min(of_day, MOST_MINOR) for of_day in drawn.values())
        found: Found = {
            "cash_n_7d": sum(e["spend"] and e["cash"] for e in week),
            "returned_payments_30d": sum(0 <= hour - h < 720 for h in self._returned),
            "cash_share_30d": cash / spent if spent > 0 else None,
            "utilisation": self._utilisation(now),
        }
        found["utilisation_change_7d"] = self._change(now, week, found["utilisation"])
        found["utilisation_change_30d"] = self._change(now, month, found["utilisation"])
        found |= self._spend(now, events, week)
        now["used"] = found["utilisation"]
        if now["returned"]:
            self._returned = sorted([*self._returned, hour])[-4:]
        return found

    @staticmethod
    def _utilisation(now: dict[str, Any]) -> float | None:
        left, limit = now["open_to_buy"], now["limit"]
        if left is None or not limit:
            return None
        after = left - (now["amount"] if now["spend"] else 0)
        return 1 - float(after) / float(limit)

    @staticmethod
    def _change(now: dict[str, Any], held: list[dict[str, Any]], used: Any) -> float | None:
        today = now["time"] // DAY
        known = {e["time"] // DAY: e["used"] for e in held if e["used"] is not None}
        known.pop(today, None)
        if used is None or not known:
            return None
        steps = int(10_000 * known[min(known)] + 0.5) if known[min(known)] > 0 else 0
        return float(used) - min(steps, 65_534) / 10_000

    @staticmethod
    def _spend(now: dict[str, Any], events: list[dict[str, Any]], week: Any) -> Found:
        found: Found = {"spend_7d_over_90d": None, "page_hinkley": None}
        if not now["counts"]:
            return found
        closed: list[int] = []
        today, spend = 0, 0
        for event in [*events, now]:
            day = event["time"] // DAY
            if today and day > today:
                closed += [max(0, spend), *[0] * (min(day - today, 60) - 1)]
                spend = 0
            today = max(today, day)
            if event is not now:
                spend += event["amount"] * (event["spend"] - event["reversal"])
        usual = drift = 0.0
        for n, of_day in enumerate(closed, 1):
            if n > 10:
                drift = max(0.0, drift + min(10, of_day / max(500, usual)) - 1.5)
            usual += max(1 / 45, 1 / n) * (of_day - usual)
        usual = max(500, usual)
        own = now["amount"] if now["spend"] else 0
        spent_week = sum(e["amount"] * (e["spend"] - e["reversal"]) for e in week)
        if len(closed) >= 14:
            found["spend_7d_over_90d"] = (max(0, spent_week) + own) / (7 * usual)
        if len(closed) >= 10:
            days = min(10, max(0, spend + own) / usual)
            found["page_hinkley"] = drift + max(0.0, days - 1.5)
        return found


def event_features(row: dict[str, Any], now: dict[str, Any]) -> Found:
    """Features of the transaction by itself."""
    billed, amount = row["billing_amount_minor"], row["amount_minor"]
    above = [limit * 100 for limit in LIMITS if limit * 100 > billed]
    country = row.get("ip_country")
    return {
        "event_round_amount": float(amount > 0 and amount % 1_000 == 0),
        "event_below_limit_share": (above[0] - billed) / above[0] if above else None,
        "event_ip_abroad": None if country is None else float(country != row["merchant_country"]),
        "event_account_age_d": _since(row, "account_opened", DAY),
        "event_since_contact_h": _since(row, "contact_changed_at", HOUR),
        "event_since_credential_h": _since(row, "credential_changed_at", HOUR),
        "event_since_wallet_h": _since(row, "wallet_added_at", HOUR),
        "event_resale_mcc": float(row["mcc"] in RESALE),
        "event_cash_like": float(now["counts"] and now["cash"]),
    }


def _since(row: dict[str, Any], field: str, unit: int) -> float | None:
    then = row.get(field)
    if then is None:
        return None
    if type(then) is date:
        then = datetime(then.year, then.month, then.day, tzinfo=row["event_time"].tzinfo)
    elapsed = round((row["event_time"] - then).total_seconds() * 1000)
    return elapsed / unit if elapsed >= 0 else None
