"""Plots as Dagster's UI shows them: images within Markdown, that load nothing from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import dagster as dg

from fraudstream_platform import charts


def bars(title: str, values: Sequence[tuple[str, float]]) -> dg.MetadataValue:
    """A bar for each name, in the order given."""
    return _image(title, charts.named_bars(values, title)) if values else _nothing()


def trend(
    title: str, series: Mapping[str, Sequence[float]], low: float, high: float
) -> dg.MetadataValue:
    """A line for each name, the newest value at the right."""
    return _image(title, charts.lines(series, title, low, high)) if series else _nothing()


def _nothing() -> dg.MetadataValue:
    return dg.MetadataValue.md("nothing to draw in this window")


def _image(title: str, svg: str) -> dg.MetadataValue:
    # A picture of its own names its language; within a page it need not, and the page names no address.
    alone = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    encoded = base64.b64encode(alone.encode()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{encoded})")
