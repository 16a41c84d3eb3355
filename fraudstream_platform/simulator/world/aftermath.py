"""What follows a transaction: a retry, a smaller try, a reversal, a refund, an advice, a bounce."""

from __future__ import annotations

import random

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.world.agenda import Agenda
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.rhythm import DAY_MS

_RETRY_SHARE = 0.45
_SMALLER_SHARE = 0.25
_TECHNICAL_RETRY_SHARE = 0.7
_REVERSAL_SHARE = 0.004
_REFUND_SHARE = 0.008
_BOUNCE_SHARE = 0.006
_PLASTIC_AT_HAND = frozenset({"chip", "contactless", "magstripe", "fallback"})


class Aftermath:
    """Plans what follows the transactions of ordinary life."""

    def __init__(self, agenda: Agenda, rng: random.Random) -> None:
        self._agenda = agenda
        self._rng = rng

    def follow(self, sent: Transaction, person: Person, now: int) -> None:
        """Put on the agenda what the transaction entails."""
        message = sent.kind[1]
        if message == "AUTH":
            if sent.approved:
                self._second_thoughts(sent, person, now)
            elif sent.kind[6] == "CIT":
                self._try_again(sent, person, now)
        elif message == "PREAUTH" and sent.approved:
            advice = m.following(sent, "ADVICE", self._rng.uniform(0.2, 0.95))
            self._agenda.add(now + self._ms(90, 480), advice)
        elif message == "PAYMENT" and self._rng.random() < _BOUNCE_SHARE:
            self._bounce(sent, person, now)

    def _second_thoughts(self, sent: Transaction, person: Person, now: int) -> None:
        draw = self._rng.random()
        if draw < _REVERSAL_SHARE:
            self._agenda.add(now + self._ms(2, 600), m.following(sent, "REVERSAL"))
        elif draw < _REVERSAL_SHARE + _REFUND_SHARE:
            share = 1.0 if draw < _REVERSAL_SHARE + _REFUND_SHARE / 2 else 0.5
            days = self._rng.uniform(1, 12)
            if sent.auth[0] in _PLASTIC_AT_HAND and person.trip is not None:
                days = self._rng.uniform(0.02, 0.15)  # before leaving
            self._agenda.add(now + int(days * DAY_MS), m.following(sent, "REFUND", share))

    def _try_again(self, sent: Transaction, person: Person, now: int) -> None:
        draw, code = self._rng.random(), sent.auth[4]
        if code == m.UNREACHABLE.response_code:
            if draw < _TECHNICAL_RETRY_SHARE:
                again = m.answered(m.following(sent, "AUTH", refers=False), m.APPROVED)
                self._agenda.add(now + self._ms(20, 180), again)
            return
        if draw > _RETRY_SHARE:
            return
        self._agenda.announce("retries", person, now)
        cut = self._rng.uniform(0.4, 0.8) if draw < _SMALLER_SHARE and code == "51" else 1.0
        again = m.answered(m.following(sent, "AUTH", cut, refers=False), m.APPROVED)
        self._agenda.add(now + self._ms(5, 90), again)

    def _bounce(self, sent: Transaction, person: Person, now: int) -> None:
        """The bank sends a payment back; it is made again two days later."""
        back = now + self._ms(1.5 * 86_400, 4 * 86_400)
        self._agenda.announce("returned_payment", person, back)
        self._agenda.add(back, m.following(sent, "PAYMENT_RETURN"))
        again = m.following(sent, "PAYMENT", refers=False)
        self._agenda.add(back + 2 * DAY_MS, again)

    def _ms(self, low_s: float, high_s: float) -> int:
        return int(1000 * self._rng.uniform(low_s, high_s))
