"""An alert is raised once a case; the case's other transactions are found with it."""

from __future__ import annotations

import numpy as np
import pytest

from fraudstream_platform.evaluate.figures import Figures, figures_of
from fraudstream_platform.evaluate.observed import Numbers, Observed, Raised, Rows, Truth
from fraudstream_platform.evaluate.worlds import PRESETS, plan
from fraudstream_platform.simulator.truth import Attack

WORLD = plan(PRESETS["tuning"], 1)[0]
FRAUD = [1, 2, 4]
"""Rows of the attack; 0, 3 and 5 are the victim's own."""


def figures(case: list[int], alert_rows: list[int]) -> Figures:
    """Six transactions of one account, a minute apart; `case` of each, and where alerts stand."""
    count = len(case)
    victim, merchants = Numbers(), Numbers()
    same = np.full(count, victim.of("cu1_a"), np.int32)
    rows = Rows(
        time_ms=WORLD.counted_from_ms + 60_000 * np.arange(count),
        cents=np.full(count, 100.0),
        score=np.full(count, 700, np.int16),
        account=same,
        card=same,
        merchant=np.full(count, merchants.of("m"), np.int32),
        case=np.array(case, np.int32),
    )
    attack = Attack("a-0", "velocity_attack", "normal", "cu1_a")
    raised = [Raised(row, case[row], ("velocity_attack",), True) for row in alert_rows]
    truth = Truth([attack], [np.array(FRAUD)])
    return figures_of(WORLD, Observed(rows, raised, truth, [], [], victim, merchants))


def test_an_attack_is_found_where_its_row_repeats_a_case_opened_on_the_victim_s_own_row() -> None:
    """Guards against calling an attack missed whose alert came amid it, on the wrong purchase."""
    found = figures(case=[-1, -1, -1, 7, 7, -1], alert_rows=[3])
    (course,) = found.courses
    assert course.seen == 3
    assert (found.cases.right, found.cases.near) == (1, 0)


@pytest.mark.parametrize("case", [[7, 7, 7, -1, -1, -1], [-1, -1, -1, -1, -1, 7]])
def test_a_case_opened_before_the_attack_or_after_it_finds_nothing(case: list[int]) -> None:
    """Guards against recall that an earlier false alarm, or a later one, earns."""
    (course,) = figures(case, alert_rows=[case.index(7)]).courses
    assert course.seen == 0
