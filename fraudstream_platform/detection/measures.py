"""Units and definitions of the measures that have code of their own in the kernel."""

from __future__ import annotations

SCALAR_TEXTS = {
    "since_last_s": ("s", "Since the newest event, at least 0."),
    "since_decline_s": ("s", "Since the newest decline, at least 0."),
    "last_decline_minor": ("minor", "Amount of the last decline."),
    "expected_per_hour": (
        "1/h",
        (
            "Usual rate of customer-initiated attempts: exponentially weighted over 30 days, drawn "
            "towards 1.5 a day while the history is short (a prior of 2 days' weight)."
        ),
    ),
    "velocity_tail_10m": (
        "-log10",
        (
            "Surprise of the attempts of 10 minutes, this one included: -log10 of the negative "
            "binomial tail at the usual rate (shape 0.5: people are burstier than Poisson)."
        ),
    ),
    "velocity_tail_1h": (
        "-log10",
        (
            "The same over one hour, at the usual rate or at the pace (one more than seen) of the day before that hour, "
            "whichever is higher. 0 for entities of less than an hour while the partition itself knows "
            "less than a day: at a cold start everybody is new."
        ),
    ),
    "z_log_amount": (
        "sd",
        (
            "Distance of log(1 + amount) from its exponentially weighted mean (last ~20 approved "
            "spends); from the fifth on."
        ),
    ),
    "ratio_to_max": ("ratio", "Amount by the highest approved spend known."),
    "bracket_ratio_1h": (
        "ratio",
        (
            "Highest approved by lowest funds-declined amount of one hour, this attempt included: "
            "near 1, the limit has been found."
        ),
    ),
}
GEO_TEXTS = {
    "distance_km": ("km", "From the last card-present event (great circle)."),
    "net_distance_km": ("km", "The same less the precision of both places, at least 0."),
    "speed_kmh": ("km/h", "Net distance by the time between the two (at least one minute)."),
    "since_present_h": ("h", "Time between the two."),
}
INCLUDE_CURRENT = {"velocity_tail_10m", "velocity_tail_1h", "z_log_amount", "ratio_to_max"} | {
    "bracket_ratio_1h",
    *GEO_TEXTS,
}

SCALARS = tuple(SCALAR_TEXTS)
"""Measures of cards and customers, in the kernel's order."""
GEO_SCALARS = tuple(GEO_TEXTS)
"""Measures of instruments, in the kernel's order."""
