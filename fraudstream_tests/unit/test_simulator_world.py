"""Worlds in true time: people with days, weeks, pay and trips, whose accounts add up."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer

from fraudstream_platform.contracts.codes import CARD_PRESENT_MODES
from fraudstream_platform.contracts.schemas import (
    IDENTITY_KINDS,
    frame_schema,
    transaction_schema,
)
from fraudstream_platform.contracts.validation import judge
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.simulator.cli import produce
from fraudstream_platform.simulator.injector import PATTERNS
from fraudstream_platform.simulator.places import distance_km
from fraudstream_platform.simulator.record import FastEncoder, without_sending_time
from fraudstream_platform.simulator.stream import Batch, Stream, StreamConfig
from fraudstream_platform.simulator.world.world import CUSTOMER_DAY
from fraudstream_tests.unit.streams import NOT_REPLAYED

TOKENISER = Tokeniser(b"simulator-test-key")
END_MS = 1_763_942_400_000  # 2025-11-24T00:00Z, a Monday
DAY_MS = 86_400_000
DAYS, CUSTOMERS = 40, 260


def lived(days: int, customers: int, seed: int = 5, **options: Any) -> list[Batch]:
    config = StreamConfig.history(seed, days, customers, END_MS, **options)
    return list(Stream(config, TOKENISER).batches())


@pytest.fixture(scope="module")
def world() -> list[Batch]:
    """Weeks of ordinary life, nothing else."""
    return lived(DAYS, CUSTOMERS, fraud_rate=0.0)


def frame(made: list[Batch]) -> pl.DataFrame:
    """The transactions as the drain decodes them."""
    plain = {
        name: pl.Int64()
        if isinstance(dtype, pl.Datetime)
        else pl.Int32()
        if dtype == pl.Date
        else dtype
        for name, dtype in transaction_schema().items()
    }
    decoded = pl.DataFrame([row for batch in made for row in batch.records()], schema=plain)
    return decoded.with_columns(pl.col(n).cast(t) for n, t in frame_schema("transaction").items())


@pytest.fixture(scope="module")
def rows(world: list[Batch]) -> pl.DataFrame:
    """The same as a frame."""
    return frame(world)


def encoded(made: list[Batch]) -> bytes:
    encoder = FastEncoder(1)
    return b"".join(encoder.encode(item) for batch in made for item in batch.transactions)


def local_hours(rows: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    local = rows.select(
        pl.col("event_time").dt.epoch("ms") + 60_000 * pl.col("utc_offset_min")
    ).to_series()
    return (local.to_numpy() % DAY_MS) / 3_600_000


def test_the_seed_decides_everything() -> None:
    """A trial that cannot be repeated proves nothing."""
    first = lived(6, 60, fraud_rate=0.02)
    assert encoded(first) == encoded(lived(6, 60, fraud_rate=0.02))
    assert encoded(first) != encoded(lived(6, 60, seed=6, fraud_rate=0.02))


def test_transactions_come_in_the_order_of_sending_and_within_the_world(
    world: list[Batch],
) -> None:
    """Steps that go back in time would let features see the future."""
    heads = [item.head for batch in world for item in batch.transactions]
    sent = [head[2] for head in heads]
    assert sent == sorted(sent)
    assert sent[0] >= END_MS - DAYS * DAY_MS and sent[-1] <= END_MS
    assert len({head[0] for head in heads}) == len(heads)
    assert all(event <= due for _, event, due in heads)
    assert 0 < np.mean([event < due for _, event, due in heads]) < 0.01


def test_a_customer_makes_as_many_transactions_a_day_as_stated(rows: pl.DataFrame) -> None:
    """The rate is what `tps`, `count` and `customers` of a world are converted with."""
    assert abs(rows.height / DAYS / CUSTOMERS / CUSTOMER_DAY - 1) < 0.12


def test_ordinary_life_keeps_every_rule(rows: pl.DataFrame) -> None:
    """A simulator that sends what the pipeline quarantines tests nothing else."""
    judged = rows.with_columns(
        append_time=pl.col("sent_at"), key_agrees=pl.lit(True), **NOT_REPLAYED
    )
    verdict = judge(judged)
    assert verdict.failed == {}
    assert verdict.quality_score.min() >= 0.8


def test_history_has_no_sending_time(world: list[Batch]) -> None:
    """A latency of months would drown every latency figure."""
    kept = without_sending_time(world[0].transactions[0])
    assert kept.head[1] == world[0].transactions[0].head[1]
    assert kept.as_dict()["sent_at"] is None
    assert FastEncoder(1).encode(kept) != FastEncoder(1).encode(world[0].transactions[0])


def test_people_sleep_and_have_week_ends(rows: pl.DataFrame) -> None:
    """Without a rhythm there is no unusual hour."""
    present = rows.filter(pl.col("entry_mode").is_in(CARD_PRESENT_MODES))
    hours = local_hours(present)
    assert np.mean((hours >= 1) & (hours < 5)) < 0.03
    assert np.mean((hours >= 10) & (hours < 20)) > 0.65
    days = Counter(rows["event_time"].dt.weekday().to_list())
    assert days[6] > 1.25 * days[7]


def test_people_spend_more_after_pay(rows: pl.DataFrame) -> None:
    """A bust-out is a jump above one's own month, which has ups and downs of its own."""
    config = StreamConfig.history(5, DAYS, CUSTOMERS, END_MS, fraud_rate=0.0)
    persons = Stream(config, TOKENISER)._course._persons  # type: ignore[attr-defined]
    pay_day = {person.customer.token: person.pay_day for person in persons}
    bought = rows.filter(pl.col("message_type") == "AUTH", pl.col("initiator") == "CIT")
    days = (
        (when.day - pay_day[customer]) % 30
        for when, customer in bought.select("event_time", "customer").drop_nulls().rows()
    )
    since = Counter(days)
    assert sum(since[day] for day in range(5)) > 1.2 * sum(since[day] for day in range(24, 29))


def test_shops_sell_only_when_they_are_open(rows: pl.DataFrame) -> None:
    """Terminals that work at night would be a pattern of their own."""
    seen = rows.filter(
        (pl.col("message_type") == "AUTH")
        & pl.col("mcc").is_in(["5411", "5651", "5732", "5912"])
        & (pl.col("channel") == "POS")
    )
    hours = local_hours(seen)
    assert np.mean((hours < 6) | (hours >= 23.2)) < 0.01


def test_shares_of_life(rows: pl.DataFrame) -> None:
    """Without declines, refunds, holds, subscriptions and gaps detectors meet no look-alikes."""
    assert 0.01 < np.mean(rows["outcome"].to_numpy() != "approved") < 0.03
    assert {"AUTH", "PREAUTH", "ADVICE", "VERIFY", "REVERSAL", "REFUND", "PAYMENT"} <= set(
        rows["message_type"]
    )
    assert {"POS", "ECOM", "MOBILE", "ATM", "MOTO"} == set(rows["channel"])
    assert {"purchase", "cash", "quasi_cash"} == set(rows["transaction_type"])
    assert 0.01 < np.mean(rows["initiator"].to_numpy() == "MIT") < 0.08
    remote = rows.filter(pl.col("channel").is_in(["ECOM", "MOBILE"]), pl.col("initiator") == "CIT")
    for name in ("email", "phone", "device", "address"):
        assert 0 < remote[name].null_count() < remote.height


def test_subscriptions_come_once_a_month(rows: pl.DataFrame) -> None:
    """Charges at random times would be no subscriptions."""
    charges = rows.filter(
        (pl.col("initiator") == "MIT") & (pl.col("message_type") == "AUTH"),
        pl.col("outcome") == "approved",
    )
    gaps = [
        (b - a).days
        for _, own in charges.sort("event_time").group_by("card", "merchant_id", "amount_minor")
        for a, b in pairwise(own["event_time"])
    ]
    assert gaps and np.mean([25 <= gap <= 38 for gap in gaps]) > 0.8


def test_two_in_a_hundred_are_away(rows: pl.DataFrame) -> None:
    """Travel is the look-alike of stolen cards; too little or too much of it flatters."""
    tapped = rows.filter(
        pl.col("entry_mode").is_in(CARD_PRESENT_MODES) & pl.col("device_pan").is_null()
    )
    homes = tapped.group_by("customer").agg(home=pl.col("merchant_country").mode().first())
    abroad = tapped.join(homes, on="customer").filter(pl.col("merchant_country") != pl.col("home"))
    assert 0.004 < abroad.height / tapped.height < 0.05


def test_nobody_travels_faster_than_an_airliner(rows: pl.DataFrame) -> None:
    """Impossible journeys in ordinary life would be counted as false alarms."""
    placed = rows.filter(
        pl.col("entry_mode").is_in(CARD_PRESENT_MODES),
        pl.col("device_pan").is_null(),
        pl.col("latitude").is_not_null(),
        pl.col("message_type") == "AUTH",
    ).sort("event_time")
    for _, own in placed.group_by("card"):
        for a, b in pairwise(own.select("event_time", "latitude", "longitude").rows()):
            km = distance_km(a[1], a[2], b[1], b[2])
            assert km < 100 or km / ((b[0] - a[0]).total_seconds() / 3600) < 900


def test_open_to_buy_follows_what_is_spent_and_paid(rows: pl.DataFrame) -> None:
    """Utilisation that follows nothing would hide a bust-out, or show one everywhere."""
    credit = rows.filter(pl.col("credit_limit_minor").is_not_null())
    assert credit.height > 1_000
    assert credit["open_to_buy_minor"].null_count() == 0
    steps = 0
    effect = {"AUTH": -1, "ADVICE": -1, "PAYMENT_RETURN": -1}
    effect |= {"REFUND": 1, "REVERSAL": 1, "PAYMENT": 1}
    for (_, limit), own in credit.group_by("card", "credit_limit_minor", maintain_order=True):
        fields = own.select(
            "open_to_buy_minor", "billing_amount_minor", "message_type", "outcome"
        ).rows()
        for (left, billed, message, outcome), (then, *_) in pairwise(fields):
            moved = effect.get(message, 0) * billed if outcome == "approved" else 0
            assert left <= limit * 1.2
            assert then == left + moved or left == 0 or then == 0
            steps += 1
    assert steps > 1_000
    paid = set(rows.filter(pl.col("message_type") == "PAYMENT")["card"])
    assert len(paid) > 0.8 * credit["card"].n_unique()


def test_people_have_several_cards_and_devices_and_some_come_later(rows: pl.DataFrame) -> None:
    """One card and one device a person would make every second one an attack."""
    own = (
        rows.filter(pl.col("customer").is_not_null())
        .group_by("customer")
        .agg(
            cards=pl.col("card").n_unique(),
            devices=pl.col("device").drop_nulls().n_unique(),
            first=pl.col("event_time").min().dt.epoch("ms"),
            opened=pl.col("account_opened").first().cast(pl.Int32),
        )
    )
    assert 0.15 < np.mean(own["cards"].to_numpy() > 1) < 0.4
    assert np.mean(own["devices"].to_numpy() >= 2) > 0.5
    begins = (END_MS - DAYS * DAY_MS) // DAY_MS
    later = own.filter(pl.col("opened") > begins)
    assert 0.01 < later.height / own.height < 0.12
    assert (later["first"] >= later["opened"].cast(pl.Int64) * DAY_MS).all()


def test_every_token_brings_its_original_once_and_in_time(world: list[Batch]) -> None:
    """A token without its original in the vault can never be read again."""
    known: Counter[str] = Counter()
    for batch in world:
        known.update(one.token for one in batch.identities)
        for record in batch.records():
            for name in IDENTITY_KINDS:
                assert record[name] is None or record[name] in known
    assert max(known.values()) == 1


LOOK_ALIKES = {
    "holiday_trip", "new_phone", "house_move", "vending", "busy_cafe", "app_store", "retries",
    "subscription_dunning", "cgnat", "outage", "christmas_shopping", "market_day",
    "partner_wallet", "offline_advice", "city_centroid", "travel_agent", "fuel", "split_bill",
    "food_court", "shopping_centre", "chain", "marketplace", "staff_purchase", "family",
    "student_flat", "company_cards", "call_centre", "wedding", "tax_bill", "pay_rise",
    "limit_increase", "returned_payment", "vpn", "online_from_home",
}  # fmt: skip


def test_every_look_alike_is_lived_and_announced(attacked: list[Batch]) -> None:
    """A look-alike that never comes cannot be shown to raise no alarm."""
    sent = {item.account[0] for batch in attacked for item in batch.transactions}
    episodes = [one for batch in attacked for one in batch.look_alikes]
    assert {one.kind for one in episodes} == LOOK_ALIKES
    assert {one.customer for one in episodes} <= sent
    days = {(one.kind, one.customer, one.at_ms // DAY_MS) for one in episodes}
    assert len(episodes) < 1.001 * len(days)


def test_honest_people_mistype_card_numbers(rows: pl.DataFrame) -> None:
    """Were a card without a customer always fraud, a missing field would give attacks away."""
    nobodys = rows.filter(pl.col("customer").is_null())
    assert nobodys.height > 3
    assert set(nobodys["response_code"]) == {"14"}


@pytest.mark.parametrize("history", ["180", "0d", "1y", "400d"])
def test_a_history_that_cannot_be_sent_is_refused(history: str) -> None:
    """Rows beyond the horizon would end in the quarantine, one by one."""
    with pytest.raises(typer.BadParameter, match="history"):
        produce(history=history)


@pytest.fixture(scope="module")
def attacked() -> list[Batch]:
    """A world in which every pattern comes, in its blatant and normal form."""
    return lived(110, 240, seed=3, fraud_rate=0.04, patterns=tuple(PATTERNS), batch_slots=4_096)


def test_every_pattern_comes_in_a_world_and_its_truth_is_whole(attacked: list[Batch]) -> None:
    """Recall is counted over attacks: a wrong id in the truth falsifies it."""
    sent = {item.transaction_id: item for batch in attacked for item in batch.transactions}
    attacks = [attack for batch in attacked for attack in batch.attacks]
    assert {attack.pattern for attack in attacks} == set(PATTERNS)
    for attack in attacks:
        mine = [sent[one] for one in attack.transaction_ids]
        times = [one.head[2] for one in mine]
        assert times == sorted(times)
        assert (attack.first_ms, attack.last_ms) == (times[0], times[-1])
        assert {one.account[1] for one in mine} == set(attack.cards)
        assert attack.customer in ("", mine[0].account[0])
        assert times[0] > END_MS - 110 * DAY_MS + 13 * DAY_MS
    fraudulent = sum(len(attack.transaction_ids) for attack in attacks)
    assert 0.02 < fraudulent / len(sent) < 0.06


def test_a_bust_out_takes_the_limit_down_and_a_victim_goes_on(attacked: list[Batch]) -> None:
    """The amounts of the table mean nothing if the account does not feel them."""
    sent = {item.transaction_id: item for batch in attacked for item in batch.transactions}
    attacks = [attack for batch in attacked for attack in batch.attacks]
    for attack in attacks:
        if attack.pattern == "bust_out":
            mine = [sent[one] for one in attack.transaction_ids]
            least = min(one.left[0] / one.account[6] for one in mine)
            assert least < 0.45
    taken = [attack for attack in attacks if attack.pattern == "account_takeover"]
    own: Counter[Any] = Counter()
    for batch in attacked:
        own.update(
            item.account[0]
            for item, fraud in zip(batch.transactions, batch.in_attack, strict=True)
            if not fraud
        )
    assert taken and all(own[attack.customer] > 20 for attack in taken)
    changed = {attack.customer: sent[attack.transaction_ids[0]].changes for attack in taken}
    for attack in taken:
        after = next(
            item.changes
            for batch in attacked
            for item, fraud in zip(batch.transactions, batch.in_attack, strict=True)
            if item.account[0] == attack.customer and not fraud and item.head[1] > attack.first_ms
        )
        assert after == changed[attack.customer]


def test_an_attacked_world_keeps_every_rule(attacked: list[Batch]) -> None:
    """An attack that lands in the quarantine is seen by no detector."""
    for batch in attacked[:: max(1, len(attacked) // 4)]:
        judged = frame([batch]).with_columns(
            append_time=pl.col("sent_at"), key_agrees=pl.lit(True), **NOT_REPLAYED
        )
        assert judge(judged).failed == {}


def test_a_finale_has_blatant_attacks_of_every_pattern_at_the_end() -> None:
    """Guards against a demo whose last weeks hold nothing for a pattern to find."""
    made = lived(80, CUSTOMERS, fraud_rate=0.001, patterns=tuple(PATTERNS), finale=True)
    late = [a for b in made for a in b.attacks if a.last_ms > END_MS - 16 * DAY_MS]
    struck = Counter(attack.pattern for attack in late if attack.strength == "blatant")
    assert set(struck) == set(PATTERNS)
    assert min(struck.values()) >= 3
