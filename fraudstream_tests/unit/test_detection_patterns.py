"""What each pattern catches, when, and which ordinary life it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fraudstream_platform.detection.sample import START, bronze, sample_row, token
from fraudstream_platform.detection.step import Detector, StepResult


def run(rows: list[dict[str, Any]]) -> StepResult:
    """One step over `rows`."""
    return Detector(quality_threshold=0.0).step(bronze(rows), "2026-01-05T12")


def remote(number: int, **changes: Any) -> dict[str, Any]:
    """An online purchase."""
    online = {"entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", "latitude": None}
    return sample_row(number, **{**online, "longitude": None, **changes})


def alerted(rows: list[dict[str, Any]]) -> list[tuple[int, list[str]]]:
    """Offsets that alert, and their patterns."""
    alerts = run(rows).alerts
    return list(zip(alerts["offset"].to_list(), alerts["patterns"].to_list(), strict=True))


def test_card_testing_is_caught_at_the_fourth_probe() -> None:
    """Tiny and refused attempts at several merchants within minutes."""
    refused = {"outcome": "declined_data", "response_code": "14"}
    rows = [
        remote(9 * i, billing_amount_minor=100, merchant_id=f"m-{i}", **refused) for i in range(4)
    ]
    assert alerted(rows) == [(27, ["card_testing"])]


def test_a_velocity_attack_is_caught_at_the_fifth_attempt() -> None:
    """Five purchases within minutes on a card that is used once a day."""
    assert alerted([remote(60 * i, merchant_id=f"m-{i % 3}") for i in range(5)]) == [
        (240, ["velocity_attack"])
    ]


def test_merchant_initiated_series_are_not_velocity() -> None:
    """A subscription's retries are the merchant's doing."""
    assert alerted([remote(60 * i, initiator="MIT") for i in range(9)]) == []


def test_an_impossible_trip_is_caught_at_once() -> None:
    """Berlin, then New York ten minutes later."""
    away = {"latitude": 40.7, "longitude": -74.0}
    assert alerted([sample_row(0), sample_row(600, **away)]) == [(600, ["impossible_geography"])]


@pytest.mark.parametrize(
    "change",
    [
        {"latitude": 40.7, "longitude": -74.0, "device_pan": token("ca", 5)},
        {"latitude": 40.7, "longitude": -74.0, "entry_mode": "ecom", "channel": "ECOM"},
        {"latitude": 40.7, "longitude": -74.0, "event_time": START + timedelta(hours=9)},
        {"latitude": 53.55, "longitude": 10.0, "geo_precision_km": 200.0},
        {"latitude": 52.4, "longitude": 13.0},
    ],
    ids=["partner's wallet", "online", "by plane", "country centroid", "next town"],
)
def test_possible_trips_are_not_alerted(change: dict[str, Any]) -> None:
    """Ordinary life that looks like an impossible trip."""
    when = change.get("event_time", START + timedelta(minutes=10))
    rows = [sample_row(0), sample_row(600, **{"event_time": when, **change, "append_time": when})]
    assert alerted(rows) == []


def test_rising_amounts_are_caught_at_the_fourth() -> None:
    """A run of approvals, each about twice the one before."""
    rows = [remote(120 * i, billing_amount_minor=2_000 * 2**i) for i in range(4)]
    assert alerted(rows) == [(360, ["amount_probing"])]


def test_four_rising_amounts_on_the_own_device_are_shopping() -> None:
    """The same run on a device that nobody knows is probing."""

    def run_on(identity: dict[str, Any]) -> list[tuple[int, list[str]]]:
        life = daily(20) + [online(-60 * 24 * i - 30, 1_990 - i, **OWN) for i in range(6, 0, -1)]
        run = [
            online(
                2 * i, 2_000 + i, billing_amount_minor=6_000 * 2**i, merchant_id="m-9", **identity
            )
            for i in range(4)
        ]
        return [one for one in alerted(life + run) if "amount_probing" in one[1]]

    assert run_on(OWN) == []
    assert [offset for offset, _ in run_on({**OWN, "device": STRANGE["device"]})] == [2_003]


def test_fuel_authorisations_are_not_probing() -> None:
    """A pump authorises a round sum first and corrects it after."""
    rows = [sample_row(120 * i, billing_amount_minor=2_000 * 2**i, mcc="5542") for i in range(4)]
    assert alerted(rows) == []


def daily(days: int, **changes: Any) -> list[dict[str, Any]]:
    """One purchase a day up to the day before `START`, 10.00 to 50.00."""
    rows = []
    for day in range(days, 0, -1):
        when = START - timedelta(days=day)
        amount = (1_000, 1_800, 2_400, 3_000, 5_000)[day % 5]
        rows.append(
            sample_row(
                1_000 - day,
                event_time=when,
                append_time=when,
                sent_at=when,
                billing_amount_minor=amount,
                merchant_id=f"m-{day % 3}",
                **changes,
            )
        )
    return rows  # fmt: skip


def later(minutes: float, offset: int, **changes: Any) -> dict[str, Any]:
    """A transaction some minutes after `START`."""
    when = START + timedelta(minutes=minutes)
    return sample_row(offset, event_time=when, append_time=when, sent_at=when, **changes)


OWN = {"device": token("de", 1), "ip_net": token("in", 1), "ip": token("ip", 1)}
STRANGE = {"device": token("de", 9), "ip_net": token("in", 9), "ip": token("ip", 9)}


def online(minutes: float, offset: int, **changes: Any) -> dict[str, Any]:
    """An online purchase some minutes after `START`."""
    return later(minutes, offset, **{**ONLINE, **changes})


ONLINE = {
    "entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", "latitude": None,
    "longitude": None, "terminal_id": None,
}  # fmt: skip


def test_a_market_morning_is_no_velocity_attack() -> None:
    """Seven stalls in twenty minutes are quick, but they move small change."""
    stalls = [
        later(3 * i, 2_000 + i, billing_amount_minor=400 + 50 * i, merchant_id=f"s-{i}")
        for i in range(7)
    ]
    assert alerted(daily(20) + stalls) == []


def test_shops_at_the_usual_prices_as_quick_as_that_are_one() -> None:
    """The same twenty minutes at ordinary amounts: caught at the fifth."""
    shops = [
        later(4 * i, 2_000 + i, billing_amount_minor=3_000, merchant_id=f"s-{i}") for i in range(7)
    ]
    assert alerted(daily(20) + shops)[0] == (2_004, ["velocity_attack"])


def test_the_usual_shops_as_quick_as_that_are_none() -> None:
    """A Saturday's errands: the same amounts and times, where the customer always goes."""
    known = [
        later(-60 * 24 * (i + 1) - 90, 1_990 - i, billing_amount_minor=3_000, merchant_id=f"s-{i}")
        for i in reversed(range(7))
    ]
    shops = [
        later(4 * i, 2_000 + i, billing_amount_minor=3_000, merchant_id=f"s-{i}") for i in range(7)
    ]
    assert alerted(daily(20) + known + shops) == []


def test_a_round_of_present_shopping_is_no_velocity_attack() -> None:
    """Eight shops, a quarter of an hour each: people walk, and queue."""
    shops = [
        later(13 * i, 2_000 + i, billing_amount_minor=3_000, merchant_id=f"s-{i}") for i in range(8)
    ]
    assert alerted(daily(20) + shops) == []


def test_purchases_in_one_app_store_are_no_velocity_attack() -> None:
    """A child buys coins for a game, five times."""
    coins = [online(2 * i, 2_000 + i, merchant_id="app", mcc="5818", **OWN) for i in range(6)]
    assert alerted(daily(20) + coins) == []


def takeover(**changes: Any) -> list[dict[str, Any]]:
    """Purchases for resale after a change of contact, from things of the thief's own."""
    changed = {"contact_changed_at": START - timedelta(hours=3), "mcc": "5732", **STRANGE}
    return [
        online(90 * i, 2_000 + i, **{"billing_amount_minor": 12_000, **changed, **changes})
        for i in range(3)
    ]


def test_a_takeover_is_caught_by_its_third_purchase() -> None:
    """Changed three hours before, a new device and network, four times the usual amount."""
    offset, patterns = alerted(daily(20, **OWN) + takeover())[0]
    assert (offset <= 2_002, patterns[0]) == (True, "account_takeover")


@pytest.mark.parametrize(
    "life",
    [
        {"billing_amount_minor": 2_500},
        {"contact_changed_at": None},
        {"contact_changed_at": START - timedelta(days=5)},
        OWN,
        {**OWN, "billing_amount_minor": 4_000, "ip_net": token("in", 5)},
    ],
    ids=["new phone, usual spending", "holiday", "changed last week", "own things", "house move"],
)
def test_life_that_looks_like_a_takeover_is_left_alone(life: dict[str, Any]) -> None:
    """Each lacks one of the three: change, new things, amounts beyond the own."""
    assert alerted(daily(20, **OWN) + takeover(**life)) == []


def test_a_thiefs_wallet_is_caught_at_the_terminal() -> None:
    """The card was added to another phone an hour ago, which now buys phones to sell."""
    wallet = {
        "wallet_added_at": START - timedelta(hours=1), "device_pan": token("ca", 9),
        "credential_changed_at": START - timedelta(hours=1), "entry_mode": "contactless",
        "mcc": "5732", "billing_amount_minor": 12_000,
    }  # fmt: skip
    rows = daily(20) + [later(30 * i, 2_000 + i, **wallet) for i in range(3)]
    offset, patterns = alerted(rows)[0]
    assert (offset <= 2_002, patterns[0]) == (True, "account_takeover")


CREDIT = {
    "product": "credit", "credit_limit_minor": 200_000, "open_to_buy_minor": 150_000,
    "account_opened": (START - timedelta(days=900)).date(),
}  # fmt: skip
CASH = {"mcc": "6011", "transaction_type": "cash", "channel": "ATM"}


def spree(count: int, **changes: Any) -> list[dict[str, Any]]:
    """A tenth of the limit every four hours."""
    return [
        later(
            240 * i, 2_000 + i,
            **{
                **CREDIT, "open_to_buy_minor": 190_000 - 20_000 * i,
                "billing_amount_minor": 20_000, "merchant_id": f"s-{i}", **changes,
            },
        )
        for i in range(count)
    ]  # fmt: skip


def test_a_bust_out_is_caught_within_a_third_of_its_run_up() -> None:
    """A limit of 2,000.00 goes in cash within two days, after a payment that makes room."""
    caught = [
        o for o, names in alerted(daily(60, **CREDIT) + spree(8, **CASH)) if "bust_out" in names
    ]
    assert caught and caught[0] <= 2_002


@pytest.mark.parametrize(
    "life",
    [{}, {**CASH, "credit_limit_minor": None}],
    ids=["a wedding", "a debit card"],
)
def test_spending_that_is_no_bust_out_is_left_alone(life: dict[str, Any]) -> None:
    """As fast, but for dinners and dresses; or no credit."""
    names = [names for _, names in alerted(daily(60, **{**CREDIT, **life}) + spree(8, **life))]
    assert not any("bust_out" in of_alert for of_alert in names)


def test_refusals_of_one_card_within_an_hour_are_caught_however_slow() -> None:
    """Ten minutes hold too few of them."""
    refused = {"outcome": "declined_data", "response_code": "N7", "cvv_result": "no_match"}
    rows = [
        online(8 * i, 2_000 + i, billing_amount_minor=100, merchant_id=f"m-{i}", **refused)
        for i in range(6)
    ]
    assert "card_testing" in dict(alerted(daily(20) + rows))[2_004]


def test_taps_at_ticket_machines_are_no_card_testing() -> None:
    """Small, quick, at several machines, one declined: a day out."""
    taps = [
        later(
            2 * i,
            2_000 + i,
            billing_amount_minor=250,
            merchant_id=f"t-{i % 2}",
            entry_mode="contactless",
        )
        for i in range(4)
    ]
    taps[1] |= {"outcome": "declined_issuer", "response_code": "05"}
    assert alerted(daily(20) + taps) == []


def test_the_stripe_of_a_copied_card_needs_less_speed() -> None:
    """650 km/h: an airliner by chip, a copy by stripe."""
    away = {"latitude": 45.46, "longitude": 9.19}  # Milan, 840 km from Berlin
    chip = later(78, 2_001, **away)
    assert alerted([later(0, 2_000), chip]) == []
    stripe = [later(0, 2_000), {**chip, "entry_mode": "magstripe"}]
    assert alerted(stripe) == [(2_001, ["impossible_geography"])]


def tried(number: int, **changes: Any) -> dict[str, Any]:
    """A refused verification of another card at one shop, two seconds after the one before."""
    refused = {"outcome": "declined_data", "response_code": "14", "message_type": "VERIFY"}
    strange = {"customer": None, "card": token("ca", 100 + number), "bin8": "40000000", **STRANGE}
    return online(
        number / 30, 2_000 + number,
        **{"billing_amount_minor": 0, "merchant_id": "m-tested", **refused, **strange, **changes},
    )  # fmt: skip


def alerted_across(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Patterns of the alerts, where a detector hears its own rows as other tasks would."""
    detector = Detector(quality_threshold=0.0, loops_back=True)
    return detector.step(bronze(rows), "2026-01-05T12").alerts["patterns"].to_list()


def test_testing_of_many_cards_is_caught_by_the_tenth() -> None:
    """Each card is seen once: only what they share can tell."""
    assert alerted_across([tried(i) for i in range(2)]) == []
    assert alerted_across([tried(i) for i in range(10)])[0] == ["testing_of_many"]


def test_a_busy_shop_is_no_testing() -> None:
    """Sixty cards in two minutes, and the shop takes their money."""
    good = {"outcome": "approved", "response_code": "00", "message_type": "AUTH"}
    sold = [
        tried(i, billing_amount_minor=2_500, device=token("de", i), ip_net=token("in", i), **good)
        for i in range(60)
    ]
    assert alerted_across(sold) == []
