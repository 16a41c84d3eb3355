"""Mutated records: no crash, no leak, exact counts; `make fuzz` runs 200,000 of them."""

from __future__ import annotations

import pytest

from fraudstream_tests.fuzz import MUTATIONS, PLANTED, Readable, fuzz

pytestmark = pytest.mark.unit

COUNT = 1_000


@pytest.mark.parametrize("allow_clear", [False, True], ids=["tokens only", "clear allowed"])
def test_mutated_records_are_rows_or_dead_letters_and_never_a_crash(allow_clear: bool) -> None:
    """One record that ends a task ends it again after every restart."""
    outcomes = fuzz(3, COUNT, allow_clear=allow_clear)
    made = sum(n for name, n in outcomes.items() if not name.startswith("sent "))
    assert made == COUNT
    assert outcomes["bronze"] >= outcomes["sent good"] > 0
    assert all(outcomes[f"sent {mutation.__name__}"] for mutation in MUTATIONS)
    assert outcomes["dead letter too_large"] and outcomes["dead letter undecodable"]


def test_what_the_fuzz_looks_for_it_finds() -> None:
    """A search that is blind calls every leak clean, one that cries at longer numbers is useless."""
    card, phone, mail = PLANTED
    search = Readable(PLANTED)
    assert search.in_text(f"é {mail}é") == [mail]
    assert search.in_text(f"{card}1 {card}") == [card]
    assert search.in_text(phone.encode().hex())
    assert search.in_text(f"7{card} {card}7") == search.in_text("") == []
