"""Customers, made on first use from their index: the clear person, then only tokens of it.

Card numbers lie in ranges that no issuer uses for real cards of this simulation's customers; all
pass the Luhn check. Names and streets come from short lists that faker made once per seed.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from faker import Faker

from fraudstream_platform.protection.normalise import luhn_sum, normalise
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.places import CITIES, City, minor
from fraudstream_platform.simulator.record import Values
from fraudstream_platform.simulator.series import SERIES_OF_TURNS, Series

_LIST_SIZE = 200
_FIRST_DAY, _LAST_DAY = 14_600, 20_200  # accounts opened 2009-12-22 .. 2025-04-22, epoch days
_TRAVELLING_SHARE = 0.02
_WALLET_SHARE = 0.2


class Card(NamedTuple):
    """One card: its account fields for plastic and, where there is one, for the wallet."""

    plastic: Values
    wallet: Values | None
    limit_minor: int


@dataclass
class Customer:
    """A person behind tokens; amounts are multiples of what others pay."""

    index: int
    token: str
    home: City
    stays_in: City
    card: Card
    """The card used most; `Population.cards` has all of them."""
    opened: int
    spend_factor: float
    online_share: float
    more_cards: int
    online: Values | None = None
    """Identity fields of this customer's own online transactions; made when first needed."""
    others: tuple[Card, ...] | None = None


class Words:
    """Short lists made by faker, which is too slow for a person each."""

    def __init__(self, seed: int) -> None:
        fake = Faker("en_GB")
        fake.seed_instance(seed)
        self.first = [normalise("name", fake.first_name()) for _ in range(_LIST_SIZE)]
        self.last = [normalise("name", fake.last_name()) for _ in range(_LIST_SIZE)]
        self.street = [normalise("address", fake.street_name()) for _ in range(_LIST_SIZE)]


def luhn_complete(digits: str) -> str:
    """`digits` with the Luhn check digit behind them."""
    return digits + str(-luhn_sum(digits.encode() + b"0") % 10)


class Population:
    """`size` customers of one seed. `fresh` collects identities that were never sealed before.

    They live in `homes`; `spare` more may join later, as `newcomer` makes them.
    """

    def __init__(
        self,
        seed: int,
        size: int,
        tokeniser: Tokeniser,
        cache_size: int = 40_000,
        homes: Sequence[City] = CITIES,
        spare: int = 0,
        series: Series = SERIES_OF_TURNS,
    ) -> None:
        self.seed = seed
        self.series = series
        self.size = size
        self._spare = iter(range(size, size + spare))
        self.homes = homes
        self._home_weights = list(accumulate(city.weight for city in homes))
        self._tokeniser = tokeniser
        self._cache: dict[int, Customer] = {}
        self._cache_size = cache_size
        # Whether account, online identity, other cards were announced.
        self._sealed = np.zeros((3, size + spare), dtype=np.bool_)
        self._networks: dict[str, str] = {}
        self.fresh: list[Identity] = []

    @cached_property
    def words(self) -> Words:
        """Names and streets of this seed."""
        return Words(self.seed)

    @property
    def first_free_number(self) -> int:
        """The seven digits behind a bin8 belong to nobody from here on."""
        return 3 * self._sealed.shape[1]

    def newcomer(self) -> Customer | None:
        """A customer who was none before; None where the spare ones are used up."""
        index = next(self._spare, None)
        return None if index is None else self._make(index)

    def customer(self, index: int) -> Customer:
        """The customer at `index`; on first use the identities go to `fresh`."""
        known = self._cache.get(index)
        if known is None:
            known = self._make(index)
            if len(self._cache) >= self._cache_size:
                self._cache.clear()
            self._cache[index] = known
        return known

    def introduce(self, index: int) -> None:
        """Put all identities of the customer at `index` into `fresh`, whatever is used later."""
        customer = self.customer(index)
        self.cards(customer)
        self.online(customer)

    def identify(self, kind: str, normalised: str, fresh: list[Identity]) -> str:
        """Token of a clear value in its normalised spelling; the original is added to `fresh`."""
        token = self._tokeniser.token_normalised(kind, normalised)
        fresh.append(Identity(token, kind, normalised))
        return token

    def take_fresh(self) -> list[Identity]:
        """Identities new since the last call."""
        taken, self.fresh = self.fresh, []
        return taken

    def _make(self, index: int) -> Customer:
        rng = random.Random(mixed(self.seed, 2, index))  # nosec B311
        draw = rng.random
        found: list[Identity] = []
        home = self.homes[bisect(self._home_weights, draw() * self._home_weights[-1])]
        away = CITIES[int(draw() * len(CITIES))]
        stays_in = away if draw() < _TRAVELLING_SHARE else home
        token = self.identify("customer", f"{self.series.customer_prefix}{index:09d}", found)
        opened = int(_FIRST_DAY + draw() * (_LAST_DAY - _FIRST_DAY))
        spend_factor = math.exp(0.5 * rng.gauss(0, 1))
        online_share = (draw() + draw()) / 3
        several = draw()
        more_cards = 0 if several < 0.75 else 1 if several < 0.95 else 2
        card = self._card(rng, index, 0, token, opened, home, found)
        self._announce(0, index, found)
        return Customer(
            index, token, home, stays_in, card, opened, spend_factor, online_share, more_cards
        )

    def cards(self, customer: Customer) -> tuple[Card, ...]:
        """All cards of the customer, the one used most first."""
        if customer.others is None:
            index, found = customer.index, list[Identity]()
            rng = random.Random(mixed(self.seed, 12, index))  # nosec B311
            customer.others = tuple(
                self._card(rng, index, place, customer.token, customer.opened, customer.home, found)
                for place in range(1, customer.more_cards + 1)
            )
            self._announce(2, index, found)
        return (customer.card, *customer.others)

    def _announce(self, group: int, index: int, found: list[Identity]) -> None:
        if not self._sealed[group, index]:
            self._sealed[group, index] = True
            self.fresh.extend(found)

    def _card(
        self,
        rng: random.Random,
        index: int,
        place: int,
        customer: str,
        opened: int,
        home: City,
        found: list[Identity],
    ) -> Card:
        bin8, product = self.series.bins[int(rng.random() * len(self.series.bins))]
        number = luhn_complete(f"{bin8}{(index * 3 + place) % 10_000_000:07d}")
        card = self.identify("card", number, found)
        limit = round(minor(math.exp(12.6 + 0.6 * rng.gauss(0, 1)), home.currency), -4)
        known_limit = limit if product == "credit" else None
        rest = (bin8, product, opened, known_limit)
        wallet = None
        if rng.random() < _WALLET_SHARE:
            other = luhn_complete(f"{self.series.wallet_bin}{(index * 3 + place) % 10_000_000:07d}")
            wallet = (customer, card, self.identify("card", other, found), *rest)
        return Card((customer, card, None, *rest), wallet, limit)

    def online(self, customer: Customer) -> Values:
        """Identity fields of the customer's own online transactions."""
        if customer.online is None:
            customer.online = self._make_online(customer.index, customer.home)
        return customer.online

    def _make_online(self, index: int, home: City) -> Values:
        rng = random.Random(mixed(self.seed, 4, index))  # nosec B311
        lists, draw = self.words, rng.random
        found: list[Identity] = []
        first = lists.first[int(draw() * _LIST_SIZE)]
        last = lists.last[int(draw() * _LIST_SIZE)]
        street = lists.street[int(draw() * _LIST_SIZE)]
        address = phone = name = None
        mailbox = f"{first}.{last}.{index}".replace(" ", "")
        email = self.identify("email", f"{mailbox}@example.org", found)
        if draw() < 0.1:
            phone = self.identify("phone", f"+4470{index % 100_000_000:08d}", found)
        if draw() < 0.1:
            house = f"{1 + index % 180} {street} {home.name.casefold()}"
            address = self.identify("address", house, found)
            name = self.identify("name", f"{first} {last}{_suffix(index)}", found)
        device = self.identify("device", f"dev-{mixed(self.seed, 3, index):016x}", found)
        ip_text = f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"
        ip = self.identify("ip", ip_text, found)
        network = self.network(f"{ip_text.rpartition('.')[0]}.0/24", found)
        kind = "mobile" if draw() < 0.35 else "residential"
        self._announce(1, index, found)
        return (email, phone, address, name, device, ip, network, home.country, kind)

    def network(self, text: str, found: list[Identity]) -> str:
        """Token of a /24, which many share; sealed once."""
        known = self._networks.get(text)
        if known is None:
            known = self._networks[text] = self.identify("ipnet", text, found)
        return known


def _suffix(index: int) -> str:
    """A few suffixes, so that names repeat as they do in life but not too often."""
    return ("", " jr", " ii", " iii")[index % 4]
