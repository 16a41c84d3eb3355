"""What is made ahead: a settled population whose event time runs faster than the clock.

A stream is one history and the loads after it, in event time. Nothing of it knows the rate at which
it will be sent: each customer pays every ten minutes of event time or so, and a load that is
sent faster lets more of that time pass. So the same records are as ordinary at any rate.
"""

from __future__ import annotations

from fraudstream_platform.errors import UserError
from fraudstream_platform.measuring.generator import LIVE_FRAUD_RATE, LIVE_PATTERNS
from fraudstream_platform.simulator.stream import StreamConfig
from fraudstream_platform.simulator.turns import Share

START_MS = 1_767_225_600_000
"""Event time of the first record as it is made, 2026-01-01; all times are shifted when it is sent."""
OLDEST_MS = 23 * 3_600_000
"""So old is the first event when it is sent: what is older than a day counts as late."""
PARTS = 2
"""Made by as many processes, each with customers of its own."""
CHUNK = 1_000
"""Records that a part makes and the sender patches at once."""
CARDS_A_CUSTOMER = 1.3
"""As the simulator's population has it."""
_BETWEEN_PAYMENTS_S = 600
_HISTORY_RECORDS_A_CARD = 2
_STRANGERS = 40_000
"""Customers of other parts, kept in memory as victims."""
_SEED = 1


def events_per_s(cards: int) -> float:
    """Records a second of event time."""
    return cards / _BETWEEN_PAYMENTS_S


def history_count(cards: int) -> int:
    """Records sent before the first load, so that each card is known to the pipeline."""
    return whole_chunks(_HISTORY_RECORDS_A_CARD * cards)


def whole_chunks(count: int) -> int:
    """At least `count` records, in whole chunks of every part."""
    return -(-count // (PARTS * CHUNK)) * PARTS * CHUNK


def most_records(cards: int) -> int:
    """So many records of a stream take until now in event time."""
    return int(OLDEST_MS / 1000 * events_per_s(cards))


def require_past(cards: int, records: int) -> None:
    """Raise UserError where the last of so many records would lie in the future."""
    if records > most_records(cards):
        raise UserError(
            f"{records:,} records of {cards:,} cards take more than a day of event time: "
            "take more --cards, or fewer or shorter loads"
        )


def shift_ms(now_ms: int) -> int:
    """What to add to all event times of a stream whose history is sent now."""
    return now_ms - OLDEST_MS - START_MS


def config(cards: int, part: int) -> StreamConfig:
    """The whole stream of a part, as far as it may go."""
    customers, share = round(cards / CARDS_A_CUSTOMER), Share(part, PARTS)
    return StreamConfig(
        _SEED,
        events_per_s(cards) / PARTS,
        most_records(cards) // PARTS,
        START_MS,
        fraud_rate=LIVE_FRAUD_RATE,
        patterns=LIVE_PATTERNS,
        customers=customers,
        batch_slots=CHUNK,
        share=share,
        remembered=len(share.customers(customers)) + _STRANGERS,
    )
