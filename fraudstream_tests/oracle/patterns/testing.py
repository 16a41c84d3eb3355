"""Card testing, on one card and on many."""

from __future__ import annotations

from fraudstream_tests.oracle.transaction import (
    ACCOUNTS,
    NONE,
    Evidence,
    Section,
    Transaction,
    graded,
    share,
    strongest,
)


def card_testing(one: Transaction, rules: Section) -> Evidence:
    """Probes of one card or customer."""
    if not (one.is_remote and one.facts["probe"]):
        return NONE
    return strongest([_probes(one, rules, account) for account in ACCOUNTS])


def _probes(one: Transaction, rules: Section, account: str) -> Evidence:
    probes, hard = one.count(f"{account}_probes_10m"), one.count(f"{account}_hard_1h")
    refused = one.count(f"{account}_declines_10m") + one.count(f"{account}_verify_10m")
    is_slow = hard >= rules["hard_1h"]
    is_quick = (
        probes >= rules["probes"][0]
        and refused >= rules["refused"][0]
        and one.count(f"{account}_probe_merchants_10m") >= rules["merchants"]
    )
    if not (is_slow or is_quick):
        return NONE
    evidence = 0.65 * share(probes, rules["probes"]) + 0.35 * share(refused, rules["refused"])
    signal, usual = graded(rules, evidence), one.measure(f"{account}_expected_per_hour") or 0.0
    if is_slow:
        return Evidence(signal, "CT06", hard, usual, 3600, account)
    return Evidence(signal, "CT01", probes, usual / 6, 600, account)


def testing_of_many(one: Transaction, rules: Section) -> Evidence:
    """What many tested cards have in common."""
    if not (one.is_remote and one.facts["probe"]):
        return NONE
    found = [_merchant(one, rules), _bin(one, rules), _device(one, rules), _network(one, rules)]
    together = sum(each.signal for each in found)
    if together < rules["evidence"][0]:
        return NONE
    named = strongest(found)
    signal = graded(rules, share(together, rules["evidence"]))
    return Evidence(signal, named.code, named.value, None, named.window_s, named.entity)


def _merchant(one: Transaction, rules: Section) -> Evidence:
    cards = one.count("merchant_cards_10m")
    is_part = (
        (one.facts["hard"] or one.facts["verify"])
        and one.reaches("merchant_decline_share_10m", rules["merchant_decline_share"])
        and one.reaches("merchant_small_share_10m", rules["merchant_small_share"])
    )
    evidence = share(cards, rules["merchant_cards"]) if is_part else 0.0
    return Evidence(evidence, "CT02", cards, None, 600, "merchant")


def _bin(one: Transaction, rules: Section) -> Evidence:
    cards = one.count("bin_merchant_cards_10m")
    is_part = (one.facts["hard"] or one.facts["verify"]) and one.reaches(
        "bin_merchant_invalid_share_10m", rules["bin_invalid_share"]
    )
    evidence = share(cards, rules["bin_cards"]) if is_part else 0.0
    return Evidence(evidence, "CT03", cards, None, 600, "bin_merchant")


def _device(one: Transaction, rules: Section) -> Evidence:
    declined = one.count("device_declined_cards_24h")
    evidence = share(declined, rules["device_declined_cards"])
    return Evidence(evidence, "CT04", declined, None, 86_400, "device")


def _network(one: Transaction, rules: Section) -> Evidence:
    declined, cards = one.count("ipnet_declined_cards_24h"), one.count("ipnet_cards_24h")
    are_refused = declined >= rules["network_decline_share"] * cards
    evidence = share(declined, rules["network_declined_cards"]) if are_refused else 0.0
    return Evidence(evidence, "CT05", declined, None, 86_400, "ipnet")
