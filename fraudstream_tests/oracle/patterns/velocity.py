"""Velocity attack."""

from __future__ import annotations

from dataclasses import dataclass

from fraudstream_tests.oracle.transaction import (
    ACCOUNTS,
    NONE,
    Evidence,
    Section,
    Transaction,
    graded,
    share,
    strongest,
)

_WINDOWS = (
    ("VA01", "n_10m", "velocity_tail_10m", 600, "attempts_10m"),
    ("VA02", "purchases_40m", "velocity_tail_1h", 2400, "attempts_1h"),
    ("VA03", "n_1h", "velocity_tail_1h", 3600, "attempts_1h"),
)


def velocity_attack(one: Transaction, rules: Section) -> Evidence:
    """Too many attempts of one card or customer."""
    if not one.is_attempt:
        return NONE
    hours = {account: _hour(one, rules, account) for account in ACCOUNTS}
    return strongest(
        [
            _of(one, rules, hours[account], *window)
            for window in _WINDOWS
            for account in ACCOUNTS
        ]
    )  # fmt: skip


@dataclass(frozen=True)
class _Hour:
    """An account's last hour beside what is usual."""

    account: str
    attempts: int
    """This one included."""
    spent: int
    before: int
    """Attempts of 30 days before the hour."""
    usual: float
    """Their mean amount."""
    are_several: bool
    """Several merchants."""
    is_tour: bool
    """One purchase after the other."""


def _hour(one: Transaction, rules: Section, account: str) -> _Hour:
    n, spent = one.count(f"{account}_n_1h"), one.count(f"{account}_sum_1h")
    before = one.count(f"{account}_n_30d") - n
    merchants = one.count(f"{account}_merchants_1h")
    return _Hour(
        account,
        n + 1,
        spent + one.amount,
        before,
        (one.count(f"{account}_sum_30d") - spent) / max(1, before),
        merchants >= rules["merchant_share"] * (n + 1),
        bool(one.facts["purchase"]) and one.count(f"{account}_purchases_40m") == n,
    )


def _of(
    one: Transaction, rules: Section, hour: _Hour,
    code: str, counted: str, tail_of: str, seconds: int, span_of: str,
) -> Evidence:  # fmt: skip
    span, attempts = rules[span_of], one.count(f"{hour.account}_{counted}") + 1
    tail = one.measure(f"{hour.account}_{tail_of}")
    if tail is None or tail < rules["strange_surprise"] or attempts < span[0]:
        return NONE
    if (code == "VA02" and one.is_remote) or (code == "VA03" and not one.is_remote):
        return NONE
    convinces = _is_serious(one, rules, hour, code, attempts) or attempts >= span[1]
    if not (_is_strange(one, rules, hour) or (tail >= rules["surprise"][0] and convinces)):
        return NONE
    signal = graded(rules, 0.65 * share(tail, rules["surprise"]) + 0.35 * share(attempts, span))
    usual = (one.measure(f"{hour.account}_expected_per_hour") or 0.0) * seconds / 3600
    return Evidence(signal, code, attempts, usual, seconds, hour.account)


def _is_serious(
    one: Transaction, rules: Section, hour: _Hour, code: str, attempts: int
) -> bool:  # fmt: skip
    """Whether the window's amounts and places are those of an attack."""
    if code == "VA01":
        is_new = hour.before < rules["history"] and hour.are_several
        amounts = _are_amounts_usual(one, rules, hour, rules["amount_share"])
        return (amounts or is_new) and (one.is_remote or hour.is_tour)
    if code == "VA02":
        return (
            _are_amounts_usual(one, rules, hour, rules["tour_amount_share"])
            and hour.is_tour
            and one.count("customer_new_merchants_1h") >= rules["new_merchants"]
            and hour.spent >= rules["spent_minor"]
        )
    enough = attempts >= rules["known_device_1h"]
    return enough and _are_amounts_usual(one, rules, hour, rules["amount_share"])


def _are_amounts_usual(one: Transaction, rules: Section, hour: _Hour, at_least: float) -> bool:
    """Alike, and not far below the usual ones; the highest one left out."""
    highest = max(one.count(f"{hour.account}_max_approved_1h"), one.amount)
    others = hour.spent - highest
    approved = max(1, hour.attempts - 1 - one.count(f"{hour.account}_declines_1h"))
    return (
        hour.are_several
        and hour.before >= rules["history"]
        and others >= at_least * hour.usual * approved
        and rules["highest_by_mean"] * others >= highest * approved
    )


def _is_strange(one: Transaction, rules: Section, hour: _Hour) -> bool:
    """Online from a device and a network that are both new, and no small change."""
    if not (
        one.is_remote
        and one.says("customer_new_device")
        and one.says("customer_new_ip_net")
        and hour.are_several
    ):
        return False
    least = rules["strange_amount_share"] * hour.usual * hour.attempts
    return bool(hour.before < rules["history"] or hour.spent >= least)
