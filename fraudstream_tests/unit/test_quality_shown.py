"""What Dagster shows of quality: pictures and checks."""

from __future__ import annotations

import base64
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import dagster as dg
import polars as pl
import pytest

from fraudstream_platform.charts import lines
from fraudstream_platform.defs import pictures
from fraudstream_platform.defs.assets import ALERTS
from fraudstream_platform.defs.hour_checks import of_hours, rules_check
from fraudstream_platform.defs.metadata import window_metadata
from fraudstream_platform.defs.quality import table_of, well_check
from fraudstream_platform.detection.sample import sample_bronze
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.window import WindowReport
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import create_tables
from fraudstream_platform.quality.store import frame_of
from fraudstream_platform.quality.window import Measurement
from fraudstream_platform.settings import Settings

SILVER, FEATURES = "silver.transactions", "gold.features"
SAMPLE = pl.DataFrame({"partition": [0], "offset": [7], "failed_rules": [["mcc_known"]]})


def svg_of(value: dg.MetadataValue) -> ET.Element:
    """The picture within the Markdown."""
    found = re.fullmatch(r"!\[.*\]\(data:image/svg\+xml;base64,(.*)\)", str(value.value))
    assert found is not None
    return ET.fromstring(base64.b64decode(found.group(1)))


def texts(picture: ET.Element) -> list[str]:
    return [one.text or "" for one in picture.iter("{http://www.w3.org/2000/svg}text")]


def test_latency_and_patterns_are_pictures() -> None:
    """A browser draws a picture only where it is whole XML of its own language."""
    report = WindowReport(0, 60_000, "2026-01-05T12", 1)
    report.latencies_ms = [10, 12, 80, 2_000]
    report.patterns = Counter({"card_testing": 2, "velocity_attack": 5})
    shown = window_metadata(Settings(_env_file=None), report)[ALERTS]
    assert texts(svg_of(shown["alert_latency"]))[:2] == ["from 0 ms", "2"]
    assert texts(svg_of(shown["alerts_by_pattern"])) == [
        "velocity_attack", "5", "card_testing", "2",
    ]  # fmt: skip


def test_a_quiet_window_has_nothing_to_draw() -> None:
    """No division by zero on the first one."""
    shown = window_metadata(Settings(_env_file=None), WindowReport(0, 1, "h", 1))[ALERTS]
    assert "nothing to draw" in str(shown["alert_latency"].value)
    assert "nothing to draw" in str(pictures.trend("t", {}, 0, 1).value)


def test_lines_stay_inside_and_end_at_the_right() -> None:
    """A source that came late has its newest window under everybody's newest."""
    picture = ET.fromstring(lines({"a": [0.5, -1, 2, 1], "b": [1.0]}, "t", 0.0, 1.0))
    a, b = [
        [tuple(map(float, point.split(","))) for point in str(one.get("points")).split()]
        for one in picture.iter("polyline")
    ]
    assert [x for x, _ in a] == sorted(x for x, _ in a)
    assert a[-1] == b[-1]
    assert a[1][1] > a[0][1] > a[2][1] == a[3][1]


def test_checks_name_numbers_and_a_sample() -> None:
    """A red check without them sends its reader to the tables."""
    bad = Measurement(frame_of([]), {"POS": ["validity is 63.0%, below 95%"]}, SAMPLE)
    well, rules = well_check(bad), rules_check({"0:9": ["mcc_known"]}, 100)
    assert not well.passed
    assert well.description == "POS: validity is 63.0%, below 95%"
    assert "mcc_known" in str(well.metadata["quarantined_sample"].value)
    assert not rules.passed
    assert rules.description == "1 of 100 Silver rows break a rule"
    good = Measurement(frame_of([]), {}, SAMPLE.head(0))
    assert well_check(good).passed
    assert rules_check({}, 100).passed


def test_checks_of_rebuilt_hours_read_their_tables(tmp_path: Path) -> None:
    """A backfill is judged too, and by its own hours alone."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(settings)
    result = Detector(quality_threshold=0.8).step(sample_bronze(6), "h")
    spoiled = result.silver.with_columns(pl.lit("EURO").alias("currency"))
    hours = {"2026-01-05T12": result.silver, "2026-01-05T13": spoiled}
    files = [write_file(settings, SILVER, hour, rows) for hour, rows in hours.items()]
    TableAppender(settings, SILVER, "test").commit([Batch({0: 0}, {0: 9}, files, origin=True)])
    files = [write_file(settings, FEATURES, "2026-01-05T12", result.features)]
    TableAppender(settings, FEATURES, "test").commit([Batch({0: 0}, {0: 9}, files, origin=True)])
    good = {key.name: one() for key, one in of_hours(settings, ["2026-01-05T12"]).items()}
    both = {key.name: one() for key, one in of_hours(settings, list(hours)).items()}
    assert all(one.passed for one in good.values())
    assert good["keeps_the_rules"].description == "0 of 6 Silver rows break a rule"
    assert both["keeps_the_rules"].description == "6 of 12 Silver rows break a rule"
    assert both["every_row_has_features"].description == "12 Silver rows, 6 feature vectors"


@pytest.mark.parametrize("nasty", ["a|b", "a\nb"])
def test_a_cell_does_not_end_its_table(nasty: str) -> None:
    """Ids come from outside."""
    table = table_of(pl.DataFrame({"id": [nasty]}))
    assert len(table.splitlines()) == 3
    assert table.splitlines()[2].count("|") == 2
