"""What comes every month: subscriptions, with dunning where a charge fails, and card payments."""

from __future__ import annotations

import random

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.world.agenda import Agenda
from fraudstream_platform.simulator.world.ledger import Ledger
from fraudstream_platform.simulator.world.person import Person, Subscription
from fraudstream_platform.simulator.world.purchases import Purchases
from fraudstream_platform.simulator.world.rhythm import DAY_MS, day_of_month, utc_ms

_DUNNING_DAYS = (0, 1, 3, 7)
_CHARGE_FAILS = 0.04
_STILL_FAILS = 0.5
_DAYS_AFTER_PAY = 3
_MONTH = 28


class Bills:
    """Plans a person's bills of one day."""

    def __init__(
        self, purchases: Purchases, ledger: Ledger, agenda: Agenda, rng: random.Random
    ) -> None:
        self._buy = purchases
        self._ledger = ledger
        self._agenda = agenda
        self._rng = rng

    def plan(self, person: Person, day: int) -> None:
        """Put the bills of the epoch day on the agenda."""
        today = day_of_month(day)
        for one in person.subscriptions:
            if one.day == today:
                self._charge(person, one, day)
        if today == (person.pay_day + _DAYS_AFTER_PAY - 1) % _MONTH + 1:
            self._pay(person, day)

    def _charge(self, person: Person, one: Subscription, day: int) -> None:
        at = utc_ms(day, one.hour, 0)
        charge = self._buy.charge(person, one.merchant, one.cents)
        fails = _CHARGE_FAILS
        for days in _DUNNING_DAYS:
            due = at + days * DAY_MS
            if days:
                self._agenda.announce("subscription_dunning", person, due)
            if self._rng.random() >= fails:
                self._agenda.add(due, charge)
                return
            self._agenda.add(due, m.answered(charge, m.NO_FUNDS))
            fails = _STILL_FAILS

    def _pay(self, person: Person, day: int) -> None:
        for card in person.cards:
            account = self._ledger.account(str(card.plastic[1]))
            if account is not None and account.owed > 0:
                amount = max(1, int(account.owed * account.pays_share))
                at = utc_ms(day, self._rng.uniform(4, 7), 0)
                self._agenda.add(at, m.payment(person.customer, card, amount))
