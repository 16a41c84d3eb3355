"""Contacts, devices and networks, and who shares them without any harm.

Families share an address, a line and a tablet; a student flat shares address and line; company
cards share an office; a call centre orders for many; mobile carriers put thousands behind a few
addresses. Everything is a token, sealed once.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.population import Population, luhn_complete
from fraudstream_platform.simulator.record import Values

_CARRIER_NETS = 4
_CARRIER_ADDRESSES = 12
_HOTEL_NETS = 30


class Contact(NamedTuple):
    """What shops know of a person; tokens."""

    email: str | None
    phone: str
    address: str
    name: str


def filled_in(rng: random.Random, contact: Contact) -> Values:
    """E-mail, phone, address and name as a shop's form asks for them; thieves fill in the same forms."""
    email, phone, address, name = contact
    given = rng.random()
    if given < 0.3:
        return (email, phone, address, name)
    if given < 0.5:
        return (email, None, address, name)
    return (email, phone if given < 0.6 else None, None, None)


class Identities:
    """Makes tokens from clear values and has each original announced once."""

    def __init__(self, people: Population) -> None:
        self._people = people
        self._known: dict[tuple[str, str], str] = {}

    def token(self, kind: str, normalised: str) -> str:
        """Token of a clear value in its normalised spelling."""
        known = self._known.get((kind, normalised))
        if known is None:
            found: list[Identity] = []
            known = self._people.identify(kind, normalised, found)
            self._people.fresh.extend(found)
            self._known[(kind, normalised)] = known
        return known

    def contact(self, rng: random.Random, index: int, home: City) -> Contact:
        """A person's own contact; one in fifty gives no e-mail address."""
        words = self._people.words
        first, last = rng.choice(words.first), rng.choice(words.last)
        mailbox = f"{first}.{last}.{index}".replace(" ", "")
        email = None if rng.random() < 0.02 else self.token("email", f"{mailbox}@example.org")
        return Contact(
            email,
            self.token("phone", f"+4472{index % 100_000_000:08d}"),
            self.address(rng, home),
            self.token("name", f"{first} {last}"),
        )

    def address(self, rng: random.Random, home: City) -> str:
        """A dwelling of the city."""
        street = rng.choice(self._people.words.street)
        place = f"{rng.randrange(1, 200)} {street} {home.name.casefold()} flat"
        return self.token("address", f"{place} {rng.randrange(1, 400)}")

    def device(self, number: int) -> str:
        """A phone, a tablet or a computer."""
        return self.token("device", f"dev-{mixed(self._people.seed, 21, number):016x}")

    def mistyped_card(self, rng: random.Random, bin8: str) -> str:
        """A number that passes the Luhn check and belongs to nobody."""
        number = rng.randrange(self._people.first_free_number, 10_000_000)
        return self.token("card", luhn_complete(f"{bin8}{number:07d}"))

    def line(self, rng: random.Random, home: City) -> Values:
        """An address at home: ip, ip_net, ip_country, ip_type."""
        net = f"10.{sum(map(ord, home.name)) % 200}.{rng.randrange(40)}"
        return self._at(net, rng.randrange(1, 255), home.country, "residential")

    def hotel(self, rng: random.Random, city: City) -> Values:
        """A guest network of the city."""
        net = f"10.{200 + len(city.name)}.{_HOTEL_NETS + rng.randrange(_HOTEL_NETS)}"
        return self._at(net, rng.randrange(1, 20), city.country, "residential")

    def mobile(self, rng: random.Random, country: str) -> Values:
        """Behind the carrier's few addresses, which thousands share."""
        carrier = (ord(country[0]) * 26 + ord(country[1])) % 250
        net = f"100.64.{(carrier + 61 * int(rng.random() * _CARRIER_NETS)) % 256}"
        return self._at(net, 1 + int(rng.random() * _CARRIER_ADDRESSES), country, "mobile")

    def tunnel(self, rng: random.Random) -> Values:
        """A VPN's exit: hosted abroad, shared by whoever pays for it."""
        place = rng.randrange(6)
        net, country = f"198.51.{place}", ("NL", "US", "CH", "DE", "SE", "GB")[place]
        return self._at(net, rng.randrange(1, 30), country, "proxy" if place % 2 else "hosting")

    def office(self, number: int, country: str) -> Values:
        """A company's or call centre's one address."""
        net = f"172.16.{number % 256}"
        return self._at(net, 1 + number // 256 % 254, country, "residential")

    def _at(self, net: str, host: int, country: str, kind: str) -> Values:
        ip, network = self.token("ip", f"{net}.{host}"), self.token("ipnet", f"{net}.0/24")
        return (ip, network, country, kind)
