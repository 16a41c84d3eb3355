"""Transactions as persons of a world in true time make them."""

from __future__ import annotations

import random

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.behaviour import usual_cents
from fraudstream_platform.simulator.declines import declined_now_and_then
from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.population import Card, Customer
from fraudstream_platform.simulator.record import NO_IDENTITY, Transaction, Values
from fraudstream_platform.simulator.world.identities import Identities, filled_in
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.rhythm import is_open

_FAVOURITE_SHARE = 0.7
_TRIES_FOR_AN_OPEN_SHOP = 3
_TAP_LIMIT_CENTS = 5_000
_DEVICE_MISSING_SHARE = 0.02


class Purchases:
    """Makes ordinary transactions; when they happen is the diary's concern."""

    def __init__(self, merchants: Merchants, identities: Identities, rng: random.Random) -> None:
        self._merchants = merchants
        self._identities = identities
        self._rng = rng

    def card(self, person: Person) -> Card:
        """The card that the person takes out: mostly the first."""
        cards = person.cards
        if len(cards) == 1 or self._rng.random() < 0.6:
            return cards[0]
        return cards[int(self._rng.random() * len(cards))]

    def shop(self, person: Person, city: City, local_hour: float) -> Merchant | None:
        """A shop of the city that is open, at home most often a familiar one."""
        rng = self._rng
        at_home = city is person.customer.home
        for _ in range(_TRIES_FOR_AN_OPEN_SHOP):
            if at_home and rng.random() < _FAVOURITE_SHARE:
                shop = person.favourites[int(rng.random() * len(person.favourites))]
            else:
                shop = self._merchants.shelf("store", city).pick(rng.random())
            if is_open(shop, local_hour):
                return shop
        return None

    def at(self, person: Person, shop: Merchant, cents: float | None = None) -> Transaction:
        """A purchase in a shop, at the usual price where none is given."""
        rng = self._rng
        if cents is None:
            cents = usual_cents(rng, person.customer, shop)
            if person.phase is not None:
                cents *= person.phase.factor
        card = self.card(person)
        wallet = card.wallet is not None and person.partner_city is None and rng.random() < 0.5
        return declined_now_and_then(
            rng,
            m.in_store(
                person.customer, card, shop, cents, terminal=int(rng.random() * 16),
                entry_mode=self._entry_mode(cents, wallet), wallet=wallet,
            ),
        )  # fmt: skip

    def _entry_mode(self, cents: float, wallet: bool) -> str:
        draw = self._rng.random()
        if wallet or (cents < _TAP_LIMIT_CENTS and draw < 0.7):
            return "contactless"
        return "magstripe" if draw > 0.99 else "chip"

    def in_town(self, customer: Customer, card: Card) -> Transaction:
        """A victim's own purchase in the city where the victim is."""
        rng = self._rng
        shop = self._merchants.shelf("store", customer.stays_in).pick(rng.random())
        cents = usual_cents(rng, customer, shop)
        return m.in_store(
            customer, card, shop, cents,
            terminal=int(rng.random() * 16), entry_mode=self._entry_mode(cents, False),
        )  # fmt: skip

    def tap(self, person: Person, shop: Merchant, cents: float) -> Transaction:
        """A small contactless payment with the plastic card."""
        card = person.cards[0]
        return m.in_store(person.customer, card, shop, cents, entry_mode="contactless")

    def partner_tap(self, person: Person, city: City) -> Transaction:
        """Somebody close taps with this person's card on another phone."""
        shop = self._merchants.shelf("store", city).pick(self._rng.random())
        cents = usual_cents(self._rng, person.customer, shop)
        return m.in_store(
            person.customer, person.cards[0], shop, cents, entry_mode="contactless", wallet=True
        )

    def fuel(self, person: Person, city: City) -> Transaction:
        """A hold at the pump, before anybody knows the amount."""
        shop = self._merchants.shelf("fuel", city).pick(self._rng.random())
        return m.in_store(
            person.customer, self.card(person), shop, 10_000,
            terminal=int(self._rng.random() * 16), message_type="PREAUTH",
        )  # fmt: skip

    def cash(self, person: Person, city: City) -> Transaction:
        """Notes from a cash machine."""
        machine = self._merchants.shelf("atm", city).pick(self._rng.random())
        cents = max(2_000, round(usual_cents(self._rng, person.customer, machine), -3))
        return declined_now_and_then(
            self._rng,
            m.in_store(
                person.customer, self.card(person), machine, cents,
                entry_mode="chip", channel="ATM", transaction_type="cash",
            ),
        )  # fmt: skip

    def cash_like(self, person: Person, city: City) -> Transaction:
        """Money transfer, currency exchange or a bet, once in a while."""
        shop = self._merchants.shelf("cash_like", city).pick(self._rng.random())
        cents = usual_cents(self._rng, person.customer, shop)
        return m.in_store(
            person.customer, self.card(person), shop, cents, transaction_type="quasi_cash"
        )

    def online(
        self, person: Person, identity: Values, shop: Merchant, cents: float | None = None
    ) -> Transaction:
        """A purchase in a shop on the net or in its app."""
        rng, customer, card = self._rng, person.customer, self.card(person)
        if cents is None:
            cents = usual_cents(rng, customer, shop)
        if rng.random() < 0.35:
            wallet = card.wallet is not None and person.partner_city is None
            bought = m.remote(
                customer, card, shop, cents, identity, source="MOBILE",
                entry_mode="wallet" if wallet else "credential_on_file",
            )  # fmt: skip
        else:
            strong = cents > 3_000 and rng.random() < 0.7
            tds = "Y" if strong else "A" if rng.random() < 0.1 else None
            bought = m.remote(customer, card, shop, cents, identity, tds_status=tds)
        return declined_now_and_then(rng, bought)

    def mistyped(self, bought: Transaction) -> Transaction:
        """The purchase as it went wrong before: a slip in the card number, and nobody's card."""
        bin8, product = bought.account[3:5]
        card = self._identities.mistyped_card(self._rng, str(bin8))
        nobodys = bought._replace(account=(None, card, None, bin8, product, None, None))
        return m.answered(nobodys, m.NO_SUCH_CARD)

    def web_shop(self, person: Person) -> Merchant:
        """A shop on the net, often a familiar one."""
        rng = self._rng
        if rng.random() < _FAVOURITE_SHARE:
            known = person.online_favourites
            return known[int(rng.random() * len(known))]
        return self._merchants.shelf("online").pick(rng.random())

    def verification(self, person: Person, identity: Values) -> Transaction:
        """A shop checks a card before it stores it."""
        return m.remote(
            person.customer, self.card(person), self.web_shop(person), 0, identity,
            message_type="VERIFY", answer=m.VERIFIED,
        )  # fmt: skip

    def telephone_order(self, person: Person) -> Transaction:
        """An agent types the card in: address and name of the customer, the agent's own device."""
        device, network = person.call_centre or (None, (None,) * 4)
        contact = person.contact
        identity = (None, contact.phone, contact.address, contact.name, device, *network)
        shop = self.web_shop(person)
        cents = usual_cents(self._rng, person.customer, shop)
        ordered = m.remote(
            person.customer, self.card(person), shop, cents, identity, entry_mode="manual"
        )
        offset, message, original, source, _, *rest = ordered.kind
        return ordered._replace(kind=(offset, message, original, source, "MOTO", *rest))

    def charge(self, person: Person, service: Merchant, cents: int) -> Transaction:
        """What a subscription service takes each month, without the customer."""
        return m.remote(
            person.customer, person.cards[0], service, cents, NO_IDENTITY,
            entry_mode="credential_on_file", initiator="MIT",
        )  # fmt: skip

    def identity(self, person: Person, day: int) -> Values:
        """The nine identity fields of an online purchase on that day."""
        rng = self._rng
        draw = rng.random()
        on_phone = draw < 0.6
        device: str | None = person.devices[0 if on_phone else 1]
        if person.tablet is not None and draw > 0.85:
            device = person.tablet
        elif rng.random() < _DEVICE_MISSING_SHARE:
            device = None
        at_home = device is not None and device == person.tablet
        network = person.line if at_home else self._network(person, day, on_phone)
        return (*filled_in(rng, person.contact), device, *network)

    def _network(self, person: Person, day: int, on_phone: bool) -> Values:
        """ip, ip_net, ip_country and ip_type: a carrier's, the home's, a hotel's, a VPN's."""
        rng, home = self._rng, person.customer.home
        if person.has_tunnel and not on_phone:
            return self._identities.tunnel(rng)
        if person.is_away(day) and person.trip is not None:
            if on_phone and person.trip.has_roaming:
                return self._identities.mobile(rng, home.country)
            return self._identities.hotel(rng, person.trip.city)
        if on_phone and rng.random() < 0.5:
            return self._identities.mobile(rng, home.country)
        return person.line
