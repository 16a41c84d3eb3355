"""Impossible geography."""

from __future__ import annotations

from fraudstream_tests.oracle.transaction import (
    NONE,
    Evidence,
    Section,
    Transaction,
    graded,
    share,
)


def impossible_geography(one: Transaction, rules: Section) -> Evidence:
    """A trip that nobody makes; else, weakly, a new network abroad."""
    trip = _trip(one, rules)
    if trip.signal:
        return trip
    is_abroad = one.says("event_ip_abroad") and one.says("customer_new_ip_net")
    if one.is_remote and is_abroad:
        return Evidence(rules["online"], "IG02", 1.0, 0.0, 86_400, "customer")
    return NONE


def _trip(one: Transaction, rules: Section) -> Evidence:
    net, speed = one.measure("instrument_net_distance_km"), one.measure("instrument_speed_kmh")
    hours = one.measure("instrument_since_present_h")
    if net is None or speed is None or hours is None:
        return NONE
    is_stripe = one.row["entry_mode"] in {"magstripe", "fallback"}
    possible = rules["stripe_kmh"] if is_stripe else rules["kmh"][0]
    if net <= rules["km"][0] or speed <= possible:
        return NONE
    evidence = 0.6 * share(speed, rules["kmh"]) + 0.2 * share(net, rules["km"]) + 0.2 * is_stripe
    seconds = round(60 * (60 * hours))
    return Evidence(graded(rules, evidence), "IG01", speed, possible, seconds, "instrument")
