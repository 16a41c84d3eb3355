"""The issuer says no to honest people too: how often, and why."""

from __future__ import annotations

import random

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.record import Transaction

_SHARE = 0.02
_CAUSES: tuple[tuple[m.Answer, float], ...] = (
    (m.NO_FUNDS, 0.45), (m.REFUSED, 0.15), (m.SUSPECTED, 0.05), (m.UNREACHABLE, 0.1),
    (m.EXPIRED, 0.05), (m.WRONG_PIN, 0.2),
)  # fmt: skip
_ANSWERS = [answer for answer, _ in _CAUSES]
_WEIGHTS = [weight for _, weight in _CAUSES]


def declined_now_and_then(rng: random.Random, transaction: Transaction) -> Transaction:
    """The transaction as it is, or refused in one of fifty cases."""
    if rng.random() >= _SHARE:
        return transaction
    (answer,) = rng.choices(_ANSWERS, _WEIGHTS)
    if answer is m.WRONG_PIN and transaction.kind[3] != "POS":
        answer = m.WRONG_CVV if transaction.auth[0] == "ecom" else m.REFUSED
    return m.answered(transaction, answer)
