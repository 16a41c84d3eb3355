"""Bust-out."""

from __future__ import annotations

import math

from fraudstream_tests.oracle.transaction import (
    NONE,
    Evidence,
    Section,
    Transaction,
    graded,
    share,
)


def bust_out(one: Transaction, rules: Section) -> Evidence:
    """All evidence of a card that spends up to its limit, added up."""
    steps, used = one.measure("card_page_hinkley"), one.measure("card_utilisation")
    limit, dear = one.facts["limit"], one.measure("card_ratio_to_max_30d")
    if steps is None or used is None or limit is None or dear is None or not one.is_attempt:
        return NONE
    is_cash, bounced = one.says("event_cash_like"), one.count("card_returned_payments_30d") >= 1
    pace = one.measure("card_spend_7d_over_90d")
    is_fast = (
        bounced
        or steps > rules["page_hinkley_days"][0]
        or (pace is not None and pace > rules["spend_7d_by_usual"][0])
    )
    is_again = rules["dear_by_highest"][0] < dear <= rules["again"]
    if not (is_fast and is_again and (is_cash or one.says("event_resale_mcc"))):
        return NONE
    week = share(pace, rules["spend_7d_by_usual"])
    together = (
        rules["pace"] * (week + share(steps, rules["page_hinkley_days"])) / 2
        + rules["day"] * _day(one, limit, rules)
        + rules["cash"] * share(one.count("card_cash_n_7d") + is_cash, rules["cash_n_7d"])
        + rules["room"] * _room(one, rules)
        + rules["dear"] * share(dear, rules["dear_by_highest"])
        + rules["bounced"] * bounced
    )
    if together < rules["evidence"][0]:
        return NONE
    signal = graded(rules, share(together, rules["evidence"]))
    value, usual = (steps, 0.0) if pace is None else (pace, 1.0)
    return Evidence(signal, "BO02" if bounced else "BO01", value, usual, 604_800, "card")


def _day(one: Transaction, limit: int, rules: Section) -> float:
    """A day's share of the limit, on a scale of factors."""
    low, high = rules["day_of_limit"]
    of_limit = (one.count("card_sum_24h") + one.amount) / max(1.0, limit)
    return share(math.log(max(low, of_limit)), [math.log(low), math.log(high)])


def _room(one: Transaction, rules: Section) -> float:
    change = one.measure("card_utilisation_change_30d")
    return share(None if change is None else -change, rules["room_30d"])
