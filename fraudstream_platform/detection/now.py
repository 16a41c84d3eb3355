"""The event at hand, as the kernels pass it on."""

from __future__ import annotations

from typing import Any, NamedTuple


class Now(NamedTuple):
    """One event: ms, minor units, degrees, minutes; unknown reals are NaN, unknown things 0.

    Things are hashes cut to 32 bits; numba knows each field's type from the first call.
    """

    time: Any
    amount: Any
    flags: Any
    merchant: Any
    card: Any
    mcc: Any
    country: Any
    device: Any
    ip_net: Any
    channel: Any
    utc_offset_min: Any
    latitude: Any
    longitude: Any
    precision: Any
    open_to_buy: Any
    credit_limit: Any
