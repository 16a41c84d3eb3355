"""Units and definitions of the features that have code of their own in the kernels.

The order within a table is the kernels': they write to places, not to names.
"""

from __future__ import annotations

from typing import NamedTuple

from fraudstream_platform.contracts.codes import AMOUNT_LIMITS_MINOR
from fraudstream_platform.detection.flags import SMALL_MINOR

SMALL = f"{SMALL_MINOR / 100:.2f}"
_DAY, _WEEK, _MONTH = 86_400, 7 * 86_400, 30 * 86_400
_HOURS = " Tiles of 1 h: this event's hour and the 23 before it."
_WEEK_TILES = " Tiles of 1 day (UTC): this event's day and the 6 before it."
_MONTH_TILES = " Tiles of 1 day (UTC): this event's day and the 29 before it."


class Measure(NamedTuple):
    """A unit, a definition, the window in seconds if any, and whether the event itself is in it."""

    unit: str
    text: str
    window_s: int = 0
    current: bool = False


TALLIES = {
    "n_24h": Measure("count", "Customer-initiated attempts." + _HOURS, _DAY),
    "declines_24h": Measure("count", "Those declined." + _HOURS, _DAY),
    "hard_24h": Measure("count", "Those declined for the card or its CVV." + _HOURS, _DAY),
    "small_approved_24h": Measure(
        "count", f"Those approved, of at most {SMALL}." + _HOURS, _DAY
    ),
    "sum_24h": Measure("minor", "Approved spend less reversals, at least 0." + _HOURS, _DAY),
    "max_approved_24h": Measure(
        "minor", "Highest approved spend, 0 if none, at most 2^32 - 1." + _HOURS, _DAY
    ),
    "n_7d": Measure("count", "Customer-initiated attempts." + _WEEK_TILES, _WEEK),
    "n_30d": Measure("count", "Customer-initiated attempts." + _MONTH_TILES, _MONTH),
    "sum_7d": Measure("minor", "Approved spend less reversals, at least 0." + _WEEK_TILES, _WEEK),
    "sum_30d": Measure(
        "minor", "Approved spend less reversals, at least 0." + _MONTH_TILES, _MONTH
    ),
}  # fmt: skip
"""Whole numbers of cards and of customers."""

SCALARS = {
    "since_last_s": Measure("s", "Since the newest event, at least 0."),
    "since_decline_s": Measure("s", "Since the newest decline, at least 0."),
    "last_decline_minor": Measure("minor", "Amount of the last decline."),
    "expected_per_hour": Measure(
        "1/h",
        "Usual rate of customer-initiated attempts: exponentially weighted over 30 days, drawn "
        "towards 1.5 a day while the history is short (a prior of 2 days' weight).",
    ),
    "velocity_tail_10m": Measure(
        "-log10",
        "Surprise of the attempts of 10 minutes, this one included: -log10 of the negative "
        "binomial tail at the usual rate (shape 0.5: people are burstier than Poisson).",
        current=True,
    ),
    "velocity_tail_1h": Measure(
        "-log10",
        "The same over one hour, at the usual rate or at the pace (one more than seen) of the "
        "day before that hour, whichever is higher. 0 for entities of less than an hour while the "
        "partition itself knows less than a day: at a cold start everybody is new.",
        current=True,
    ),
    "z_log_amount": Measure(
        "sd",
        "Distance of log(1 + amount) from its exponentially weighted mean (last ~20 approved "
        "spends); from the fifth on.",
        current=True,
    ),
    "ratio_to_max": Measure("ratio", "Amount by the highest approved spend known.", current=True),
    "bracket_ratio_1h": Measure(
        "ratio",
        "Highest approved by lowest funds-declined amount of one hour, this attempt included: "
        "near 1, the limit has been found.",
        3_600,
        current=True,
    ),
    "decline_share_24h": Measure("share", "declines_24h by n_24h." + _HOURS, _DAY),
    "median_gap_s": Measure(
        "s",
        "Running estimate of the median time between attempts: each gap moves its logarithm one "
        "step up or down, of 1/n and at least 0.1 (Robbins and Monro 1951); from the fifth on.",
    ),
    "gap_ratio": Measure(
        "ratio",
        "Time since the newest attempt by median_gap_s, 1 s added to both.",
        current=True,
    ),
    "ratio_to_max_30d": Measure(
        "ratio",
        "Amount by the highest approved spend of 30 days, at most 42,949,672.95 (2^32 - 1)."
        + _MONTH_TILES,
        _MONTH,
        current=True,
    ),
}
"""Reals of cards and of customers."""

CARD_TALLIES = {
    "cash_n_7d": Measure("count", "Approved cash-like spends." + _WEEK_TILES, _WEEK),
    "returned_payments_30d": Measure(
        "count", "Payments that came back, the newest 4 at most, by the hour.", _MONTH
    ),
}
"""Whole numbers of cards."""

_CHANGE = "utilisation less that of the oldest earlier day known, after its last event, in steps of 0.0001."
CARD_SCALARS = {
    "utilisation": Measure(
        "share",
        "1 - open to buy / credit limit, what this event spends taken off the open to buy.",
        current=True,
    ),
    "utilisation_change_7d": Measure("share", _CHANGE + _WEEK_TILES, _WEEK, current=True),
    "utilisation_change_30d": Measure("share", _CHANGE + _MONTH_TILES, _MONTH, current=True),
    "spend_7d_over_90d": Measure(
        "ratio",
        "Spend of 7 days, this event's included, over 7 usual days. A usual day is the "
        "exponentially weighted mean of closed days (weight 1/n, at least 1/45, which is a "
        "window of about 90 days), at least 5.00; from 14 closed days on." + _WEEK_TILES,
        _WEEK,
        current=True,
    ),
    "cash_share_30d": Measure(
        "share",
        "Approved cash-like spend, at most 2^32 - 1 a day, by sum_30d." + _MONTH_TILES,
        _MONTH,
    ),
    "page_hinkley": Measure(
        "days",
        "Page-Hinkley statistic of daily spend (Page 1954): usual days' worth of spend, at most 10 "
        "a day, less 1.5 a day, summed up and never below 0, over closed days; the open day counts "
        "where it adds to it, late events in it. A usual day as in spend_7d_over_90d; from 10 closed days on.",
        current=True,
    ),
}  # fmt: skip
"""Reals of cards."""

_MET = " By when a thing was last met."
CUSTOMER_TALLIES = {
    "merchants_24h": Measure(
        "count", "Different merchants, of the newest 24 known." + _MET, _DAY, True
    ),
    "merchants_30d": Measure(
        "count", "Different merchants, of the newest 24 known." + _MET, _MONTH, True
    ),
    "countries_24h": Measure(
        "count", "Different merchants' countries, of the newest 4." + _MET, _DAY, True
    ),
    "devices_30d": Measure("count", "Different devices, of the newest 4." + _MET, _MONTH, True),
    "ips_24h": Measure("count", "Different IP networks, of the newest 6." + _MET, _DAY, True),
    "new_merchants_1h": Measure(
        "count",
        "Merchants of attempts that were not among the 24 met last; from the customer's sixth event on.",
        3600,
        True,
    ),
}
"""Whole numbers of customers."""

KINDS = {
    "merchant": ("merchant", 24),
    "mcc": ("merchant category", 16),
    "country": ("merchant's country", 4),
    "device": ("device", 4),
    "ip_net": ("IP network", 6),
    "channel": ("channel", 5),
}
"""Kinds of things that a customer gets used to, and how many of each are remembered."""


def _new(words: str, size: int) -> Measure:
    return Measure(
        "0/1",
        f"The {words} is not among the {size} met last, or the newest newcomer since less than 24 h; "
        "null before the customer's sixth event.",
        _DAY,
        True,
    )


CUSTOMER_SCALARS = {
    **{f"new_{kind}": _new(words, size) for kind, (words, size) in KINDS.items()},
    "new_things_24h": Measure(
        "count", "Kinds of things (new_*) of which one was new within 24 h, 0 to 6.", _DAY, True
    ),
    "own_hour_deviation": Measure(
        "h",
        "Local time of day from the usual one, times how concentrated the usual one is (0 to 1): "
        "von Mises mean direction and length, exponentially weighted (last ~20 attempts); from the "
        "ninth on.",
        current=True,
    ),
    "from_home_km": Measure(
        "km",
        "From home, card-present only. Home is the exponentially weighted mean of card-present places "
        "(last ~20); one pulls as if no further than 100 km away; from the sixth on.",
        current=True,
    ),
}
"""Reals of customers."""

GEO_SCALARS = {
    "distance_km": Measure("km", "From the last card-present event (great circle).", current=True),
    "net_distance_km": Measure(
        "km", "The same less the precision of both places, at least 0.", current=True
    ),
    "speed_kmh": Measure(
        "km/h", "Net distance by the time between the two (at least one minute).", current=True
    ),
    "since_present_h": Measure("h", "Time between the two.", current=True),
}
"""Reals of instruments."""

_SINCE = " null where it is unknown or after the event."
EVENT_SCALARS = {
    "round_amount": Measure(
        "0/1", "The amount is a multiple of 1,000 minor units of its own currency.", current=True
    ),
    "below_limit_share": Measure(
        "share",
        "How far the amount stays below the next usual limit, by that limit; null from the highest "
        f"on. Limits: {', '.join(f'{limit // 100:,}' for limit in AMOUNT_LIMITS_MINOR)}.",
        current=True,
    ),
    "ip_abroad": Measure(
        "0/1",
        "The IP address's country is not the merchant's; null where it is unknown.",
        current=True,
    ),
    "account_age_d": Measure(
        "d", "Since the account was opened;" + _SINCE, current=True
    ),
    "since_contact_h": Measure("h", "Since the last change of contact;" + _SINCE, current=True),
    "since_credential_h": Measure(
        "h", "Since the last change of credentials;" + _SINCE, current=True
    ),
    "since_wallet_h": Measure(
        "h", "Since the card was last added to a wallet;" + _SINCE, current=True
    ),
    "resale_mcc": Measure("0/1", "The merchant sells what is resold easily.", current=True),
    "cash_like": Measure("0/1", "Cash, or what is as good as cash.", current=True),
}  # fmt: skip
"""Reals of the event itself."""
