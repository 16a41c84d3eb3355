"""Testing spread over many cards, from attempts to alerts: each card is seen once."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from fraudstream_platform.detection.sample import START, bronze, token
from fraudstream_platform.detection.step import Detector
from fraudstream_tests.unit.test_detection_exchange import attempt


def attack(
    cards: int, minutes: float, merchants: int, devices: int, declined: float, seed: int
) -> list[dict[str, Any]]:
    """Small attempts of as many cards, evenly spread; the stated share is declined as unknown."""
    chance = random.Random(seed)
    rows = []
    for number in range(cards):
        now = START + timedelta(minutes=minutes * number / cards)
        device = chance.randrange(devices)
        answer = ("declined_data", "14") if chance.random() < declined else ("approved", "00")
        rows.append(
            attempt(
                number, now, card=token("ca", number), partition=number % 6,
                merchant_id=f"m-{chance.randrange(merchants)}", device=token("de", device),
                ip_net=token("in", device), billing_amount_minor=chance.randrange(50, 300),
                outcome=answer[0], response_code=answer[1], bin8=f"4000000{chance.randrange(3)}",
            )
        )  # fmt: skip
    return rows


@pytest.mark.parametrize(
    ("shape", "deadline"),
    [
        ({"cards": 300, "minutes": 10, "merchants": 1, "devices": 3, "declined": 0.9}, 10),
        ({"cards": 80, "minutes": 60, "merchants": 4, "devices": 12, "declined": 0.7}, 30),
    ],
    ids=["blatant", "normal"],
)
@pytest.mark.parametrize("seed", range(4))
def test_an_attack_on_many_cards_is_alerted_in_time(
    shape: dict[str, Any], deadline: int, seed: int
) -> None:
    """Counts that come too late, or not across partitions, leave the whole list tested.

    How many normal ones are caught by attempt 20 is for the evaluation to say, over many attacks.
    """
    detector = Detector(quality_threshold=0.0, loops_back=True)
    alerts = detector.step(bronze(attack(**shape, seed=seed)), "h").alerts
    assert "testing_of_many" in alerts["patterns"][0].to_list()
    assert alerts["offset"][0] < deadline


def test_a_busy_shop_is_left_alone() -> None:
    """Many cards of a minute at an app store, nearly all approved, are its daily business."""
    detector = Detector(quality_threshold=0.0, loops_back=True)
    rows = attack(cards=600, minutes=10, merchants=1, devices=600, declined=0.02, seed=9)
    assert detector.step(bronze(rows), "h").alerts.height == 0
