"""Signals and reasons of the patterns of the stream, from docs/patterns.md and the rule set."""

from __future__ import annotations

from collections.abc import Callable

from fraudstream_tests.oracle.patterns.bust_out import bust_out
from fraudstream_tests.oracle.patterns.geography import impossible_geography
from fraudstream_tests.oracle.patterns.probing import amount_probing
from fraudstream_tests.oracle.patterns.takeover import account_takeover
from fraudstream_tests.oracle.patterns.testing import card_testing, testing_of_many
from fraudstream_tests.oracle.patterns.velocity import velocity_attack
from fraudstream_tests.oracle.transaction import Evidence, Section, Transaction

PATTERNS: dict[str, tuple[str, Callable[[Transaction, Section], Evidence]]] = {
    "card_testing": ("testing", card_testing),
    "testing_of_many": ("testing", testing_of_many),
    "velocity_attack": ("velocity", velocity_attack),
    "impossible_geography": ("geography", impossible_geography),
    "amount_probing": ("probing", amount_probing),
    "account_takeover": ("takeover", account_takeover),
    "bust_out": ("bust_out", bust_out),
}
"""Family and evidence of each."""
