"""What alerts are worth, at a stated cost of looking at a case."""

from __future__ import annotations

from collections.abc import Iterable

from fraudstream_platform.evaluate.metrics.recall import Cell

CASE_COST_CENTS = 500.0
"""Euro cents for a person to look at one case: ten minutes' work."""


def value_after_alert(found: Iterable[Cell], strength: str | None = None) -> float | None:
    """Fraud value that came after the first alert / all fraud value; None where nothing was taken."""
    kept = [cell for cell in found if strength in (None, cell.strength)]
    total = sum(cell.cents for cell in kept)
    return sum(cell.cents_after_alert for cell in kept) / total if total else None


def savings(found: Iterable[Cell], cases: int) -> dict[str, float | None]:
    """Savings if every first alert stopped its attack, less what the cases cost, in euros.

    `share` is of all fraud value (Bahnsen et al. 2016): 1 is perfect, below 0 the alerts cost more
    than they save.
    """
    kept = list(found)
    total = sum(cell.cents for cell in kept)
    net = sum(cell.cents_after_alert for cell in kept) - cases * CASE_COST_CENTS
    return {
        "case_cost_eur": CASE_COST_CENTS / 100,
        "fraud_value_eur": total / 100,
        "saved_eur": net / 100,
        "share": net / total if total else None,
    }
