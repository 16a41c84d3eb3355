"""The gates: what has to hold before anybody believes the rest. They are gates for a simulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from fraudstream_platform.evaluate.leak import TOLERANCE
from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES
from fraudstream_platform.evaluate.metrics.recall import Cell

RECALL = {"blatant": 0.95, "normal": 0.85}
CASES_SHARE = 0.001
CASE_PRECISION = 0.85
GENUINE_A_DAY = 0.0005
VALUE_AFTER_ALERT = 0.6
LOOK_ALIKES = 0.005
LEAK_ATTACKS = 800
"""From so many on, the interval of an area of 0.5 is no wider than 0.02 to each side."""
BLOCK_PRECISION = 0.9

Verdict = Literal["pass", "fail", "too few", "not measured"]


class Gate(NamedTuple):
    """One gate. "too few": the value holds or fails by chance, for its cell is too small."""

    name: str
    target: str
    value: float | None
    n: int
    verdict: Verdict


def _gate(
    name: str, value: float | None, n: int, *, least: float | None = None, most: float | None = None,
    below: float | None = None, enough: int = 1,
) -> Gate:  # fmt: skip
    """A gate with one bound: at least, at most, or strictly below."""
    if least is not None:
        target, good = f">= {least:g}", value is not None and value >= least
    elif most is not None:
        target, good = f"<= {most:g}", value is not None and value <= most
    elif below is not None:
        target, good = f"< {below:g}", value is not None and value < below
    else:
        raise ValueError(f"gate {name} has no bound")
    verdict: Verdict = "pass" if good else "fail"
    if value is None:
        verdict = "not measured"
    elif n < enough:
        verdict = "too few"
    return Gate(name, target, value, n, verdict)


def recall_gates(found: Iterable[Cell]) -> list[Gate]:
    """One for each of the eight patterns in both strengths, those never tried included."""
    by_key = {(cell.pattern, cell.strength): cell.in_time for cell in found}
    gates = []
    for pattern, deadline in DEADLINES.items():
        for strength, least in RECALL.items():
            share = by_key.get((pattern, strength))
            gates.append(
                _gate(
                    f"recall {pattern} {strength}", share.share if share else None,
                    share.n if share else 0, least=least, enough=deadline.least_attacks,
                )
            )  # fmt: skip
    return gates


def gates(
    found: Sequence[Cell],
    main: Mapping[str, Any],
    quiet: Mapping[str, Any] | None,
    leak: Sequence[Mapping[str, Any]],
) -> list[Gate]:
    """All gates, from the sections of the report that they are about."""
    cases, bothered = main["cases"], main["genuine_accounts_per_day"]
    block = main["score_table"]["from_the_block_score_up"]
    listed = [
        *recall_gates(found),
        _gate("cases / transactions", cases["share"], main["transactions"], most=CASES_SHARE),
        _gate("case precision", cases["precision"]["share"], cases["cases"], least=CASE_PRECISION),
        _gate("precision from the block score up", block["share"], block["n"], least=BLOCK_PRECISION),
        _gate(
            "genuine accounts alerted per day", bothered["share"], bothered["n"], most=GENUINE_A_DAY
        ),
        _gate(
            "value after the first alert, normal", main["value_after_first_alert"]["normal"],
            sum(cell.in_time.n for cell in found if cell.strength == "normal"),
            least=VALUE_AFTER_ALERT,
        ),
    ]  # fmt: skip
    if quiet is not None:
        share = quiet["genuine_accounts_per_day"]
        listed.append(
            _gate("genuine accounts, quiet month", share["share"], share["n"], most=GENUINE_A_DAY)
        )
    kinds = main["look_alikes"]
    if not kinds:
        listed.append(_gate("look-alikes alerted per entity-day", None, 0, below=LOOK_ALIKES))
    for kind, share in kinds.items():
        listed.append(
            _gate(f"look-alike {kind}", share["share"], share["n"], below=LOOK_ALIKES, enough=200)
        )
    for trial in leak:
        distance = None if trial["auc"] is None else abs(trial["auc"] - 0.5)
        listed.append(
            _gate(
                f"leak, {trial['model']}: distance from AUC 0.5", distance,
                trial.get("attacks", 0), most=TOLERANCE,
                # A mark that is plain on few attacks fails all the same.
                enough=0 if trial.get("surely_leaks") else LEAK_ATTACKS,
            )
        )  # fmt: skip
    return listed
