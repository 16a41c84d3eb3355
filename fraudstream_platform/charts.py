"""Plots as SVG: bars over the hours of a day, bars by name, lines. Pure text, no assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT, _FOOT, _HEAD = 720, 160, 18, 14
_LINE = 22
_NAME_WIDTH = 190
_COLOURS = ("#1f5fa8", "#b3541e", "#2e7d32", "#6a3d9a", "#555555")


def hour_bars(values: Mapping[int, float], title: str, form: str = "{:,.0f}") -> str:
    """Hours 0 to 23, a bar for each that has a value; the highest value is written above them."""
    highest = max(values.values(), default=0)
    step = _WIDTH / 24
    bars = []
    for hour in range(24):
        bars.append(
            f'<text x="{(hour + 0.5) * step:.1f}" y="{_HEIGHT - 4}" class="m">{hour:02d}</text>'
        )
        if hour not in values:
            continue
        height = (_HEIGHT - _FOOT - _HEAD) * values[hour] / highest if highest else 0
        bars.append(
            f'<rect x="{hour * step + 2:.1f}" y="{_HEIGHT - _FOOT - height:.1f}" '
            f'width="{step - 4:.1f}" height="{height:.1f}">'
            f"<title>{hour:02d}:00 {form.format(values[hour])}</title></rect>"
        )
    top = f'<text x="2" y="11">highest {form.format(highest)}</text>'
    return _svg(_HEIGHT, title, top + "".join(bars))


def named_bars(values: Sequence[tuple[str, float]], title: str, form: str = "{:,.0f}") -> str:
    """A bar for each name, in the order given, its value behind it."""
    highest = max((value for _, value in values), default=0)
    room = _WIDTH - _NAME_WIDTH - 90
    bars = []
    for place, (name, value) in enumerate(values):
        y = place * _LINE
        width = room * value / highest if highest else 0
        bars.append(
            f'<text x="0" y="{y + 15}">{escape(name)}</text>'
            f'<rect x="{_NAME_WIDTH}" y="{y + 3}" width="{width:.1f}" height="{_LINE - 6}"/>'
            f'<text x="{_NAME_WIDTH + width + 6:.1f}" y="{y + 15}">{form.format(value)}</text>'
        )
    return _svg(max(_LINE, _LINE * len(values)), title, "".join(bars))


def lines(series: Mapping[str, Sequence[float]], title: str, low: float, high: float) -> str:
    """A line for each name over equally distant places; values are clipped to `low`..`high`."""
    longest = max(map(len, series.values()), default=0)
    step = (_WIDTH - _NAME_WIDTH) / max(1, longest - 1)
    room = _HEIGHT - _FOOT - _HEAD
    drawn = [f'<text x="2" y="11">{high:g}</text><text x="2" y="{_HEIGHT - 4}">{low:g}</text>']
    for place, (name, values) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        points = " ".join(
            f"{(longest - len(values) + at) * step:.1f},"
            f"{_HEAD + room * (high - min(high, max(low, value))) / (high - low):.1f}"
            for at, value in enumerate(values)
        )
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<text x="{_WIDTH - _NAME_WIDTH + 8}" y="{_HEAD + 14 * place + 10}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return _svg(_HEIGHT, title, "".join(drawn))


def _svg(height: int, title: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="11" role="img" aria-label="{escape(title)}">{body}</svg>'
    )
