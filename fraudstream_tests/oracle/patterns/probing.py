"""Amount probing."""

from __future__ import annotations

from fraudstream_tests.oracle.transaction import (
    NONE,
    Evidence,
    Section,
    Transaction,
    graded,
    share,
    strongest,
)

_ACCOUNTS = ("customer", "card")
"""Where both say the same, the reason names the customer."""


def amount_probing(one: Transaction, rules: Section) -> Evidence:
    """A rising run, or a bracket around the limit."""
    if not one.facts["rises"]:
        return NONE
    runs = [_run(one, rules, account) for account in _ACCOUNTS]
    return strongest([*runs, *(_bracket(one, rules, account) for account in _ACCOUNTS)])


def _run(one: Transaction, rules: Section, account: str) -> Evidence:
    was_refused = one.count(f"{account}_funds_declined_1h") > 0
    run = one.count(f"{account}_rising_run_10m")
    if was_refused:
        run = max(run, one.count(f"{account}_rising_run_1h"))
    highest = max(1, one.count(f"{account}_max_approved_1h"))
    has_grown = was_refused or one.amount >= rules["growth"] * highest
    is_dear = one.reaches("customer_z_log_amount", rules["amount_sd"])
    is_double = _is_new(one, rules) and one.amount >= 2 * highest
    fewest = rules["run"][0] if _is_strange(one, rules) else rules["familiar"]
    if not (run >= fewest and has_grown and (is_dear or is_double)):
        return NONE
    value = one.count(f"{account}_rising_run_1h")
    return Evidence(graded(rules, share(run, rules["run"])), "AP01", value, None, 3600, account)


def _bracket(one: Transaction, rules: Section, account: str) -> Evidence:
    ratio = one.measure(f"{account}_bracket_ratio_1h")
    lowest = one.count(f"{account}_min_funds_declined_1h")
    is_an_end = one.amount >= one.count(f"{account}_max_approved_1h") and (
        lowest == 0 or one.amount <= lowest
    )
    if ratio is None or ratio >= 1 or not is_an_end:
        return NONE
    is_strange = _is_strange(one, rules)
    at_least = rules["strange_bracket"] if is_strange and one.is_remote else rules["bracket"][0]
    fewest = rules["attempts"] if is_strange else rules["familiar"]
    is_fast = one.count(f"{account}_n_10m") + 1 >= rules["attempts"]
    refusals = one.count(f"{account}_funds_declined_1h") + bool(one.facts["funds"])
    if not (
        ratio >= at_least
        and one.count(f"{account}_n_1h") + 1 >= fewest
        and one.count(f"{account}_amounts_1h") >= rules["amounts"]
        and (is_fast or one.reaches(f"{account}_velocity_tail_1h", rules["surprise"]))
        and (one.is_remote or refusals >= rules["refusals"])
        and (_is_new(one, rules) or one.reaches("customer_z_log_amount", rules["closing_sd"]))
    ):
        return NONE
    signal = graded(rules, share(ratio, rules["bracket"]))
    return Evidence(signal, "AP02", ratio, None, 3600, account)


def _is_new(one: Transaction, rules: Section) -> bool:
    """Whether the customer has no custom yet."""
    return one.count("customer_n_30d") <= int(rules["attempts"])


def _is_strange(one: Transaction, rules: Section) -> bool:
    """Whether the device is new online, or the shops are at terminals."""
    if _is_new(one, rules):
        return True
    if one.is_remote:
        return one.says("customer_new_device")
    return one.count("customer_new_merchants_1h") >= int(rules["new_merchants"])
