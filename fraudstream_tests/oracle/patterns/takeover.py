"""Account takeover."""

from __future__ import annotations

from fraudstream_tests.oracle.transaction import (
    NONE,
    Evidence,
    Section,
    Transaction,
    graded,
    share,
)

_CHANGES = {"contact": "AT01", "credential": "AT02", "wallet": "AT03"}


def account_takeover(one: Transaction, rules: Section) -> Evidence:
    """A fresh change x new things x amounts."""
    together = _changed(one, rules) * _new(one, rules) * _beyond(one, rules)
    if not one.is_attempt or together < rules["evidence"][0]:
        return NONE
    since = {name: _since(one, name) for name in _CHANGES}
    newest = min((hours, place) for place, hours in enumerate(since.values()) if hours is not None)
    code = list(_CHANGES.values())[newest[1]]
    signal = graded(rules, share(together, rules["evidence"]))
    return Evidence(signal, code, _day(one), _usual_day(one), 86_400, "customer")


def _since(one: Transaction, change: str) -> float | None:
    return one.measure(f"event_since_{change}_h")


def _changed(one: Transaction, rules: Section) -> float:
    """1 for a change just made, falling to 0."""

    def fresh(change: str) -> float:
        hours = _since(one, change)
        return 0.0 if hours is None else 1.0 - share(hours, rules["change_hours"])

    by_wallet = float(rules["wallet_weight"]) * fresh("wallet")
    return max(fresh("contact"), fresh("credential"), by_wallet)


def _new(one: Transaction, rules: Section) -> float:
    """What of it the customer never used."""
    online = rules["new_device"] * one.says("customer_new_device")
    online += rules["new_network"] * one.says("customer_new_ip_net")
    wallet = _since(one, "wallet")
    is_by_wallet = one.row["device_pan"] not in (None, one.row["card"])
    is_new_wallet = is_by_wallet and wallet is not None and wallet < rules["change_hours"][1]
    new = max(online if one.is_remote else 0.0, rules["new_wallet"] if is_new_wallet else 0.0)
    is_abroad = one.says("customer_new_country") or one.says("event_ip_abroad")
    return float(new + rules["abroad"]) if new and is_abroad else float(new)


def _beyond(one: Transaction, rules: Section) -> float:
    """How far the amounts are beyond the customer's own."""
    usual = _usual_day(one)
    beyond = max(
        share(one.measure("customer_z_log_amount"), rules["amount_sd"]),
        share(one.measure("customer_ratio_to_max_30d"), rules["amount_by_highest"]),
        share(None if usual is None else _day(one) / usual, rules["day_by_usual"]),
    )
    if not one.says("event_resale_mcc"):
        beyond *= rules["plain_shop"]
    if not one.says("customer_new_merchant"):
        beyond *= rules["known_shop"]
    return beyond


def _day(one: Transaction) -> float:
    return float(one.count("customer_sum_24h") + one.amount)


def _usual_day(one: Transaction) -> float | None:
    """Money of a usual day: usual attempts a day by their mean amount."""
    attempts, spent = one.count("customer_n_30d"), one.count("customer_sum_30d")
    per_hour = one.measure("customer_expected_per_hour")
    if per_hour is None or attempts <= 0 or spent <= 0:
        return None
    return 24 * per_hour * (spent / attempts)
