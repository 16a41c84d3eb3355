"""The loop over rows: each row's features, then the row's place in the state."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.accounts import Account, has_room
from fraudstream_platform.detection.events import Events
from fraudstream_platform.detection.flags import ATTEMPT, PRESENT
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.kernel import card_row, customer_row
from fraudstream_platform.detection.layout import kernel_specs, scalar_columns, tally_columns
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.own import own_features
from fraudstream_platform.detection.places import place_row
from fraudstream_platform.detection.table import Arrays

EPOCH_BITS = 16
_THING = np.uint64(0xFFFFFFFF)


@compiled
def _now(events: Events, row: int) -> Now:
    return Now(
        events.time[row],
        events.amount[row],
        np.int64(events.flags[row]),
        np.int64(events.merchant[row] & _THING),
        np.int64(events.card[row] & _THING),
        np.int64(events.mcc[row] & _THING),
        np.int64(events.country[row] & _THING),
        np.int64(events.device[row] & _THING),
        np.int64(events.ip_net[row] & _THING),
        np.int64(events.channel[row] & _THING),
        events.utc_offset_min[row],
        events.latitude[row],
        events.longitude[row],
        events.precision[row],
        events.open_to_buy[row],
        events.credit_limit[row],
    )


@compiled
def _own(
    events: Events, row: int, scalars: NDArray[np.int64], reals: NDArray[np.float64]
) -> None:  # fmt: skip
    dates = (
        events.account_opened[row],
        events.contact_changed[row],
        events.credential_changed[row],
        events.wallet_added[row],
    )
    own_features(
        events.time[row], events.amount[row], events.own_amount[row], events.flags[row],
        events.mcc[row], events.country[row], events.ip_country[row], dates, scalars, reals,
    )  # fmt: skip


@compiled
def advance(
    rows: NDArray[np.int64], start: int, events: Events, tables: tuple[Account, Account, Arrays],
    columns: Any, clock: NDArray[np.int64], scratch: NDArray[np.int64],
    integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> int:  # fmt: skip
    """Run rows from `rows[start]` on; stops where a table is full or an epoch ends."""
    card_table, customer_table, instrument_table = tables
    card_columns, customer_columns, place_columns, own_columns = columns
    for place in range(start, rows.shape[0]):
        row = rows[place]
        if (events.offset[row] >> EPOCH_BITS) != clock[0]:
            return place
        if not (has_room(card_table) and has_room(customer_table)):
            return place
        if instrument_table[3][0] == instrument_table[2].shape[0]:
            return place
        now = _now(events, row)
        if clock[2] == 0:
            clock[2] = now.time
        clock[1] = max(clock[1], now.time)
        warm = clock[1] - clock[2] >= DAY_MS
        card, customer = events.card[row], events.customer[row]
        if card != 0:
            card_row(
                card_table, card, card_columns, now, warm, scratch, integers[row], reals[row]
            )  # fmt: skip
        if customer != 0:
            customer_row(
                customer_table, customer, customer_columns, now, warm, scratch, integers[row],
                reals[row],
            )  # fmt: skip
        instrument = events.instrument[row]
        placed = not (math.isnan(now.latitude) or math.isnan(now.longitude))
        if instrument != 0 and placed and now.flags & PRESENT and now.flags & ATTEMPT:
            place_row(instrument_table, instrument, place_columns, now, reals[row])
        _own(events, row, own_columns, reals[row])
    return len(rows)


@cache
def feature_columns() -> Any:
    """Where `advance` writes: by entity, the windows' table, columns of tallies and of scalars."""
    return (
        (kernel_specs("card"), tally_columns("card"), scalar_columns("card")),
        (kernel_specs("customer"), tally_columns("customer"), scalar_columns("customer")),
        scalar_columns("instrument"),
        scalar_columns("event"),
    )
