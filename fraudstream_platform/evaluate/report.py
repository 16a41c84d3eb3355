"""The whole table as JSON: what every figure is of is said beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fraudstream_platform.detection.catalogue import catalogue_version
from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.evaluate.baselines import RULE_SET, Pool, baselines
from fraudstream_platform.evaluate.figures import Figures
from fraudstream_platform.evaluate.gates import gates
from fraudstream_platform.evaluate.leak import leak_test
from fraudstream_platform.evaluate.metrics.cards import K
from fraudstream_platform.evaluate.metrics.cases import (
    REAL_PREVALENCE,
    CaseCounts,
    reweighted_precision,
)
from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES
from fraudstream_platform.evaluate.metrics.intervals import wilson
from fraudstream_platform.evaluate.metrics.money import savings, value_after_alert
from fraudstream_platform.evaluate.metrics.recall import Cell, cells, macro, median_and_p90
from fraudstream_platform.evaluate.metrics.scores import (
    TOP_SCORE,
    Curve,
    is_monotone,
    score_table,
)
from fraudstream_platform.simulator.hands import Injector

_HANDS: dict[Injector, str] = {
    "first": "the same hand wrote attacks and detectors",
    "heldout": "another hand, which had not read the detectors, wrote these attacks, but of the same "
    "specification",
}
_NOTE = (
    "Gates for a simulator, not claims about the world: {hands}, and real prevalence is far lower "
    "(0.015 % of EEA card payments by count, ECB). Recall is by "
    "attack, caught when an alert comes by its pattern's deadline."
)
_BANDS = tuple(sorted({*range(0, 1000, 100), RULES.review_score, RULES.block_score}))
_STRENGTHS = ("blatant", "normal", "stealthy")


def build_report(
    worlds: Sequence[Figures], preset: str, injector: Injector = "first"
) -> tuple[dict[str, Any], dict[str, Curve]]:
    """The report, and the curves of its baselines for plots."""
    unchanged = [one for one in worlds if one.change == "none"]
    main = [one for one in unchanged if one.is_main]
    quiet = [one for one in unchanged if one.fraudulent == 0]
    found = cells(course for one in unchanged for course in one.courses)
    pool = Pool(main)
    table, curves = baselines(pool)
    figures = _section(main)
    # Look-alikes are life in every world: all that are unchanged count.
    figures["look_alikes"] = _look_alikes(unchanged)
    quiet_month = _section(quiet) if quiet else None
    leak = leak_test(main)
    report = {
        "note": _NOTE.format(hands=_HANDS[injector]),
        "preset": preset,
        "injector": injector,
        "seeds": sorted({one.seed for one in worlds}),
        "rules_version": RULES.version,
        "catalogue_version": catalogue_version(),
        "gates": [gate._asdict() for gate in gates(found, figures, quiet_month, leak)],
        "recall": [_cell(cell) for cell in found],
        "macro_recall": {strength: macro(found, strength) for strength in _STRENGTHS},
        "main": figures,
        "quiet_month": quiet_month,
        "drift": _changed(worlds, "drift"),
        "fields_missing": _changed(worlds, "missing"),
        "baselines": table,
        "leak": leak,
        "worlds": [_world(one) for one in worlds],
    }
    return report, {RULE_SET: curves.pop(RULE_SET), **curves}


def _cell(cell: Cell) -> dict[str, Any]:
    """One line of recall; money in euros."""
    deadline = DEADLINES[cell.pattern].text(cell.strength)
    return {
        "pattern": cell.pattern,
        "strength": cell.strength,
        "deadline": deadline,
        "in_time": cell.in_time.as_json(),
        "ever": cell.ever.as_json(),
        "attributed": cell.attributed.as_json(),
        "transactions_until_alert": median_and_p90(cell.delays["transactions"]),
        "seconds_until_alert": median_and_p90(cell.delays["seconds"]),
        "eur_until_alert": median_and_p90([cents / 100 for cents in cell.delays["cents"]]),
        "delays": {
            "transactions": cell.delays["transactions"],
            "seconds": cell.delays["seconds"],
        },
        "value_eur": cell.cents / 100,
        "value_after_first_alert": cell.cents_after_alert / cell.cents if cell.cents else None,
    }


def _section(worlds: Sequence[Figures]) -> dict[str, Any]:
    """The figures of several worlds as of one."""
    transactions = sum(one.transactions for one in worlds)
    fraudulent = sum(one.fraudulent for one in worlds)
    found = cells(course for one in worlds for course in one.courses)
    cases = sum((one.cases for one in worlds), CaseCounts())
    prevalence = fraudulent / transactions if transactions else 0.0
    bothered = wilson(
        sum(one.bothered.alerted for one in worlds),
        sum(one.bothered.account_days for one in worlds),
    )
    return {
        "transactions": transactions,
        "fraudulent_share": prevalence,
        "alerts": sum(one.alerts for one in worlds),
        "cases": {
            "cases": cases.cases,
            "share": cases.cases / transactions if transactions else None,
            "precision": wilson(cases.right, cases.cases).as_json(),
            "right": cases.right,
            "on_an_attacked_account_meanwhile": cases.near,
            "wrong": cases.wrong,
            "precision_at_prevalence": REAL_PREVALENCE,
            "precision_reweighted": reweighted_precision(
                cases.right, cases.near + cases.wrong, prevalence
            ),
        },
        "genuine_accounts_per_day": bothered.as_json(),
        "recall": {
            strength: {
                "macro": macro(found, strength),
                "attacks": sum(c.in_time.n for c in found if c.strength == strength),
            }
            for strength in _STRENGTHS
        },
        "value_after_first_alert": {
            "all": value_after_alert(found),
            **{strength: value_after_alert(found, strength) for strength in _STRENGTHS},
        },
        "savings": savings(found, cases.cases),
        "card_precision": _card_precision(worlds),
        "score_table": _score_table(worlds),
        "look_alikes": _look_alikes(worlds),
    }


def _card_precision(worlds: Sequence[Figures]) -> dict[str, Any]:
    days = [day for one in worlds for day in one.card_days]
    if not days:
        return {"days": 0}
    at_fraud = [day.at_fraud for day in days if day.at_fraud is not None]
    return {
        "k": K,
        "days": len(days),
        "at_k": float(np.mean([day.at_k for day in days])),
        "ceiling_at_k": float(np.mean([day.ceiling for day in days])),
        "days_with_fraud": len(at_fraud),
        "at_the_days_fraud_cards": float(np.mean(at_fraud)) if at_fraud else None,
    }


def _score_table(worlds: Sequence[Figures]) -> dict[str, Any]:
    """Precision by score of transactions, for the rule set that decided."""
    fraud = sum((one.fraud_by_score for one in worlds), np.zeros(TOP_SCORE + 1, np.int64))
    genuine = sum((one.genuine_by_score for one in worlds), np.zeros(TOP_SCORE + 1, np.int64))
    bands = score_table(fraud, genuine, _BANDS)
    block = RULES.block_score
    hits, misses = int(fraud[block:].sum()), int(genuine[block:].sum())
    return {
        "rules_version": RULES.version,
        "bands": bands,
        "is_monotone": is_monotone(bands),
        "from_the_block_score_up": wilson(hits, hits + misses).as_json(),
    }


def _look_alikes(worlds: Sequence[Figures]) -> dict[str, Any]:
    totals: dict[str, tuple[int, int]] = {}
    for one in worlds:
        for kind, (alerted, days) in one.look_alikes.items():
            before = totals.get(kind, (0, 0))
            totals[kind] = (before[0] + alerted, before[1] + days)
    return {kind: wilson(*totals[kind]).as_json() for kind in sorted(totals)}


def _changed(worlds: Sequence[Figures], change: str) -> dict[str, Any] | None:
    own = [one for one in worlds if one.change == change]
    return _section(own) if own else None


def _world(one: Figures) -> dict[str, Any]:
    kept = ("world", "seed", "transactions", "fraudulent", "days", "alerts", "seconds")
    return {
        **{name: getattr(one, name) for name in kept},
        "attacks": len(one.courses),
        "cases": asdict(one.cases),
    }
