"""Account takeover: the account is changed, then used from elsewhere for what sells again.

| strength | change before first use | uses | span | amounts |
|---|---|---|---|---|
| blatant | 1-30 min | 4-8 | 30-60 min | 5-15 x usual |
| normal | 2-24 h | 3-5 | 4-12 h | 2.5-6 x usual |
| stealthy | none | 2-4 | 2-5 days | 1.2-2.5 x usual |

A change is a new contact (and often a new password), or the card in a new wallet, which then taps in
the victim's city. Device and network are new; blatant ones come from hosting abroad, others from a
home in the victim's country.
"""

from __future__ import annotations

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import luhn_complete
from fraudstream_platform.simulator.record import Transaction, Values

GAP_S = {"blatant": (60.0, 1_800.0), "normal": (7_200.0, 86_400.0), "stealthy": (0.0, 0.0)}
USES = {"blatant": (4, 8), "normal": (3, 5), "stealthy": (2, 4)}
SPAN_S = {
    "blatant": (1_800.0, 3_600.0), "normal": (14_400.0, 43_200.0),
    "stealthy": (172_800.0, 432_000.0),
}  # fmt: skip
TIMES_USUAL = {"blatant": (5.0, 15.0), "normal": (2.5, 6.0), "stealthy": (1.2, 2.5)}
RESALE = {"online": ("5947", "5999", "5311"), "store": ("5732", "5944")}
_WALLET_SHARE = 0.3
_WALLET_BIN = "48950000"


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The change, the uses, and a purchase of the victim's own."""
    rng = scene.rng
    gap_s = rng.uniform(*GAP_S[strength])
    span_s = rng.uniform(*SPAN_S[strength])
    by_wallet = strength != "stealthy" and rng.random() < _WALLET_SHARE
    kind = "store" if by_wallet else "online"
    shops = _shops(scene, kind)
    wallet = _wallet(scene) if by_wallet else None
    thief = _thief(scene, strength)
    changes = _changed(scene, by_wallet) if strength != "stealthy" else scene.changes
    steps = []
    for at in scene.spread(rng.randint(*USES[strength]), span_s):
        cents = scene.usual_cents() * rng.uniform(*TIMES_USUAL[strength])
        use = _use(scene, rng.choice(shops), cents, thief, wallet)._replace(changes=changes)
        steps.append(Step(int(1000 * gap_s) + at, use, fraudulent=True))
    own = Step(int(1000 * (gap_s + 0.4 * span_s)), scene.genuine(scene.card))
    return [*steps, own]


def _shops(scene: Scene, kind: str) -> list[Merchant]:
    city = scene.victim.stays_in if kind == "store" else None
    shelf = scene.merchants.shelf(kind, city).merchants
    return [shop for shop in shelf if shop.category.mcc in RESALE[kind]]


def _thief(scene: Scene, strength: Strength) -> Values:
    number = scene.rng.getrandbits(32)
    if strength == "blatant":
        return scene.stranger(number)
    return scene.stranger(number, scene.victim.home.country, "residential")


def _changed(scene: Scene, by_wallet: bool) -> Values:
    """contact, credential and wallet times: one of them now, the others as they were."""
    contact, credential, wallet = scene.changes
    if by_wallet:
        return (contact, scene.now_ms, scene.now_ms)
    new_password = scene.rng.random() < 0.6
    return (scene.now_ms, scene.now_ms if new_password else credential, wallet)


def _wallet(scene: Scene) -> Values:
    """Account fields of the victim's card in the thief's wallet."""
    found: list[Identity] = []
    low, high = scene.population.first_free_number, 10_000_000
    number = luhn_complete(f"{_WALLET_BIN}{scene.rng.randrange(low, high):07d}")
    device_pan = scene.population.identify("card", number, found)
    scene.population.fresh.extend(found)
    customer, card, _, *rest = scene.card.plastic
    return (customer, card, device_pan, *rest)


def _use(
    scene: Scene, shop: Merchant, cents: float, thief: Values, wallet: Values | None
) -> Transaction:
    if wallet is None:
        return m.remote(scene.victim, scene.card, shop, cents, thief)
    tap = m.in_store(
        scene.victim, scene.card, shop, cents,
        terminal=scene.rng.randrange(16), entry_mode="contactless",
    )  # fmt: skip
    return tap._replace(account=wallet)
