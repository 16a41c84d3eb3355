"""The daily report's page."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

from fraudstream_platform.charts import hour_bars, named_bars
from fraudstream_platform.report.figures import (
    BrokenRule,
    Day,
    HourOfDay,
    PatternOfDay,
    RuleSet,
    ServiceHour,
    SourceOfDay,
)
from fraudstream_platform.report.page import page

EMPTY = Day(dt.date(2026, 3, 1), [], [], [], [], [], [])
FULL = Day(
    dt.date(2026, 3, 1),
    [HourOfDay(0, 1200, 1000, 200, 123_456), HourOfDay(23, 800, 800, 0, 1)],
    [PatternOfDay("card_testing", 3, 4_500, 2, 1)],
    [RuleSet("r1", 0.5, None, 100, 70, 30)],
    [SourceOfDay("POS", 1010, 10, 0.98), SourceOfDay("other", 1, 1, None)],
    [BrokenRule("mcc_known", 10)],
    [ServiceHour(23, 2000, 40, 0.1, 3, 0.07, 0.13, 0.2), ServiceHour(22, 1, 1, None, 0, None, None, None)],
)  # fmt: skip


def test_the_page_says_what_the_marts_said() -> None:
    """Guards against figures that get lost between the marts and the reader."""
    text = page(FULL)
    for said in ("2,000 attempts", "1,234.57", "10.0 %", "card_testing", "45.00", "mcc_known"):
        assert said in text
    assert "50.0 %" in text
    assert "0.13 s" in text


def test_the_page_loads_nothing() -> None:
    """Guards against a page that is blank without a network, or that tells others who reads it."""
    assert not re.search(r"https?:|src=|<link|<script|@import|url\(", page(FULL))


def test_what_is_not_known_is_not_shown_as_zero() -> None:
    """Guards against a recall of 0 % where no label has come yet."""
    assert "<td>-</td>" in page(replace(EMPTY, rule_sets=FULL.rule_sets))


def test_a_day_without_anything_is_a_page_too() -> None:
    """Guards against a division by zero on the first quiet day."""
    assert "None." in page(EMPTY)


def test_names_from_outside_are_escaped() -> None:
    """Guards against a rule's or a source's name that runs in the reader's browser."""
    nasty = "<b onload=x>"
    text = page(replace(FULL, broken_rules=[BrokenRule(nasty, 1)]))
    assert nasty not in text
    assert nasty not in named_bars([(nasty, 1.0)], "title")


def test_bars_keep_their_proportions_and_none_is_drawn_for_what_is_not_known() -> None:
    """Guards against an hour without a timed alert that shows the best latency of all."""
    plot = hour_bars({0: 2, 5: 4, 6: 0}, "title")
    heights = [float(one) for one in re.findall(r'height="([\d.]+)">', plot)]
    assert len(heights) == 3
    assert heights[1] == 2 * heights[0] > 0
    assert heights[2] == 0
