"""Synthetic identities: invented people who share what real people do not.

| strength | identities | span | links | accounts |
|---|---|---|---|---|
| blatant | 12-20 | 30 days | 3: device, phone and address | days old |
| normal | 6-10 | 30 days | 2, chained: phone with one, address with the next | days old |
| stealthy | 4-5 | 60 days | 1, weak: the IP network | 6 months old |

Each builds up a thin, regular history: one card, one or two shops on the net, small amounts, every few
days at the same hour. Nobody ever stands in a shop.
"""

from __future__ import annotations

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Customer
from fraudstream_platform.simulator.record import Values

IDENTITIES = {"blatant": (12, 20), "normal": (6, 10), "stealthy": (4, 5)}
SPAN_S = {"blatant": 30 * 86_400.0, "normal": 30 * 86_400.0, "stealthy": 60 * 86_400.0}
OPENED_DAYS_AGO = {"blatant": (0, 6), "normal": (0, 6), "stealthy": (170, 200)}
USES = (4, 7)
CENTS = (1_500.0, 6_000.0)
_DAY_MS = 86_400_000
_DEVICES = 3  # of a blatant ring


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """Every identity's verification and purchases; empty where nobody new can join."""
    rng = scene.rng
    count = rng.randint(*IDENTITIES[strength])
    span_s = SPAN_S[strength]
    steps = []
    for place in range(count):
        begins_s = span_s * 0.7 * place / count
        opened = (scene.now_ms + int(1000 * begins_s)) // _DAY_MS
        invented = scene.newcomer(opened - rng.randint(*OPENED_DAYS_AGO[strength]))
        if invented is None:
            return []
        identity = _identity(scene, strength, place, invented)
        steps += _history(scene, invented, identity, begins_s, span_s)
    return steps


def _history(
    scene: Scene, invented: Customer, identity: Values, begins_s: float, ends_s: float
) -> list[Step]:
    """A verification, then a purchase every few days at the same hour."""
    rng = scene.rng
    uses = rng.randint(*USES)
    days = max(1, int((ends_s - begins_s) / 86_400 / (uses + 1)))
    hour_ms = int(1000 * begins_s) // _DAY_MS * _DAY_MS + rng.randint(8, 20) * 3_600_000
    shops = scene.online_shops(2)
    cents = rng.uniform(*CENTS)
    stored = m.remote(
        invented, invented.card, shops[0], 0, identity, message_type="VERIFY", answer=m.VERIFIED
    )
    steps = [Step(hour_ms, stored, fraudulent=True)]
    for use in range(1, uses + 1):
        at = hour_ms + use * days * _DAY_MS + rng.randint(-1_200_000, 1_200_000)
        shop = shops[0] if rng.random() < 0.8 else shops[1]
        bought = m.remote(invented, invented.card, shop, cents * rng.uniform(0.9, 1.1), identity)
        steps.append(Step(at, bought, fraudulent=True))
    return steps


def _identity(scene: Scene, strength: Strength, place: int, invented: Customer) -> Values:
    """Nine identity fields, shared as the strength says; everything else is the identity's own."""
    people, found = scene.population, list[Identity]()
    ring, own = scene.ring, invented.index
    device = phone = address = own
    if strength == "blatant":
        device, phone, address = place % _DEVICES, 0, 0
    elif strength == "normal":
        phone, address = place // 2, (place + 1) // 2
    mark = mixed(people.seed, 29, ring)
    words = people.words
    first, last = (words_of[mixed(own, 30, ring + n) % 200] for n, words_of in
                   enumerate((words.first, words.last)))  # fmt: skip
    net = f"198.19.{mark % 256}" if strength == "stealthy" else f"198.19.{(mark + own) % 256}"
    street = words.street[mark % 200]
    values = (
        people.identify("email", f"{first}.{last}.{own}".replace(" ", "") + "@example.org", found),
        people.identify("phone", f"+4471{(mark + phone) % 100_000_000:08d}", found),
        people.identify("address", f"{1 + mark % 97} {street} unit {address}", found),
        people.identify("name", f"{first} {last}", found),
        people.identify("device", f"dev-{mixed(mark, 31, device):016x}", found),
        people.identify("ip", f"{net}.{1 + own % 254}", found),
        people.network(f"{net}.0/24", found),
    )
    people.fresh.extend(found)
    return (*values, invented.home.country, "residential")
