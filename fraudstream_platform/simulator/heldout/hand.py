"""What these attackers have in common: what they buy from, where, and in which rhythm."""

from __future__ import annotations

from collections.abc import Iterable

from fraudstream_platform.simulator.injector.attack import Scene
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.population import Card
from fraudstream_platform.simulator.record import Values
from fraudstream_platform.simulator.world.identities import Identities, filled_in
from fraudstream_platform.simulator.world.rhythm import is_open

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_EXACT_KM = 1.0
_SELLS_AGAIN_ONLINE = frozenset({"5947", "5311", "4722", "5999"})
_SELLS_AGAIN_IN_TOWN = frozenset({"5732", "5944", "5651"})


def new_device(scene: Scene, line: Values) -> Values:
    """Identity fields of a device that nobody used before, on `line` (its four network fields)."""
    rng, people = scene.rng, scene.population
    number = rng.getrandbits(44)
    known = Identities(people)
    invented = known.contact(rng, number, scene.victim.home)
    return (*filled_in(rng, invented), known.device(number), *line)


def home_line(scene: Scene) -> Values:
    """A household's network fields in the city where the victim lives."""
    return Identities(scene.population).line(scene.rng, scene.victim.home)


def mobile_line(scene: Scene, country: str) -> Values:
    """A carrier's network fields, which thousands of honest people share."""
    return Identities(scene.population).mobile(scene.rng, country)


def tunnel_line(scene: Scene) -> Values:
    """The network fields of a VPN that honest people use too."""
    return Identities(scene.population).tunnel(scene.rng)


def popular(scene: Scene, place: str, count: int, city: City | None = None) -> list[Merchant]:
    """Up to `count` different merchants of a shelf, busy ones first: there testing is lost in it."""
    shelf = scene.merchants.shelf(place, city)
    found: dict[str, Merchant] = {}
    while len(found) < min(count, len(shelf.merchants)):
        one = shelf.pick(scene.rng.random())
        found[one.merchant_id] = one
    return list(found.values())


def resale_online(scene: Scene) -> list[Merchant]:
    """Web shops of gift cards, tickets and goods that sell again."""
    shelf = scene.merchants.shelf("online").merchants
    return [shop for shop in shelf if shop.category.mcc in _SELLS_AGAIN_ONLINE]


def resale_in_town(scene: Scene, city: City) -> list[Merchant]:
    """Shops of electronics, jewellery and clothes in `city`."""
    shelf = scene.merchants.shelf("store", city).merchants
    return [shop for shop in shelf if shop.category.mcc in _SELLS_AGAIN_IN_TOWN]


def open_at(scene: Scene, shops: Iterable[Merchant], offset_ms: int) -> list[Merchant]:
    """The shops that are open `offset_ms` after the attack is planned."""
    at_ms = scene.now_ms + offset_ms
    return [
        shop for shop in shops
        if is_open(shop, (at_ms + 60_000 * shop.city.utc_offset_min) % DAY_MS / HOUR_MS)
    ]  # fmt: skip


def placed_terminals(shop: Merchant) -> list[int]:
    """Terminals that tell where they are, to within a kilometre."""
    return [n for n, run in enumerate(shop.runs) if run[8] is not None and run[8] <= _EXACT_KM]


def waves(scene: Scene, count: int, span_ms: int, number: int) -> list[int]:
    """`count` rising times (ms) below `span_ms`, in `number` waves with a pause after each."""
    rng = scene.rng
    drawn = (rng.randrange(number) + 0.6 * rng.random() for _ in range(count))
    return sorted(int(span_ms * place / number) for place in drawn)


def part(scene: Scene, low: float, high: float) -> float:
    """A number between the two, more often a low one."""
    return low + (high - low) * scene.rng.betavariate(1.2, 1.8)


def credit_card(scene: Scene) -> Card | None:
    """The victim's first credit card."""
    return next((card for card in scene.cards if card.plastic[6] is not None), None)
