"""Which customer and card numbers a population gives out."""

from __future__ import annotations

from typing import NamedTuple


class Series(NamedTuple):
    """Numbers that one kind of population gives out, so that no two populations share any."""

    customer_prefix: str
    bins: tuple[tuple[str, str], ...]
    """bin8 and product of the simulated issuers."""
    wallet_bin: str


SERIES_OF_TURNS = Series(
    "C",
    (
        ("40000000", "debit"), ("40000001", "credit"), ("52000000", "debit"),
        ("52000001", "credit"), ("55550000", "credit"), ("40000005", "prepaid"),
    ),
    "48950000",
)  # fmt: skip
SERIES_OF_WORLDS = Series(
    "W",
    (
        ("40000010", "debit"), ("40000011", "credit"), ("52000010", "debit"),
        ("52000011", "credit"), ("55550010", "credit"), ("40000015", "prepaid"),
    ),
    "48950010",
)  # fmt: skip
