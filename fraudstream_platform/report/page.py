"""A day's figures as one HTML page; nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from fraudstream_platform.charts import hour_bars, named_bars
from fraudstream_platform.report.figures import Day

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;color:#1c1c1c}
h1{font-size:1.6em}h2{font-size:1.15em;margin-top:2em}svg{width:100%;font-size:11px}
rect{fill:#1f5fa8}.m{text-anchor:middle}table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:.2em .6em;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}p.n{color:#555;font-size:.9em}
""".strip()
_UNKNOWN = "-"


def page(day: Day) -> str:
    """The whole page."""
    body = "".join(
        (_volumes(day), _alerts(day), _money(day), _quality(day), _service(day), _notes())
    )
    title = f"Card fraud on {day.date.isoformat()}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>\n"
    )


def _volumes(day: Day) -> str:
    attempts = sum(hour.attempts for hour in day.hours)
    approved = sum(hour.approved for hour in day.hours)
    declined = sum(hour.declined for hour in day.hours)
    spent = sum(hour.approved_minor for hour in day.hours)
    return (
        "<h2>Volumes</h2>"
        f"<p>{_count(attempts)} attempts to pay. {_count(approved)} were approved, of "
        f"{_money_text(spent)}; {_share(declined / attempts if attempts else None)} were "
        "declined.</p>"
        + hour_bars({hour.hour: hour.attempts for hour in day.hours}, "attempts by hour")
    )


def _alerts(day: Day) -> str:
    alerts = sum(one.alerts for one in day.patterns)
    if not alerts:
        return "<h2>Alerts</h2><p>None.</p>"
    rows = (
        (one.pattern, _count(one.alerts), _money_text(one.minor), _count(one.fraud),
         _count(one.genuine))
        for one in day.patterns
    )  # fmt: skip
    head = ("strongest pattern", "alerts", "money", "labelled fraud", "labelled genuine")
    bars = [(one.pattern, float(one.alerts)) for one in day.patterns]
    return (
        f"<h2>Alerts</h2><p>{_count(alerts)} alerts, of "
        f"{_money_text(sum(one.minor for one in day.patterns))}.</p>"
        + named_bars(bars, "alerts by pattern")
        + _table(head, rows)
    )


def _money(day: Day) -> str:
    rows = (
        (one.version, _share(one.precision), _share(one.recall), _money_text(one.fraud_minor),
         _money_text(one.caught_minor), _money_text(one.after_alert_minor))
        for one in day.rule_sets
    )  # fmt: skip
    head = ("rule set", "precision", "recall", "labelled fraud", "caught", "after an alert")
    return (
        "<h2>Money, so far</h2><p>What labels tell of each rule set, over all days. Money after an "
        "alert is what a block at the alert would have saved.</p>"
        + (_table(head, rows) if day.rule_sets else "<p>No alert and no label yet.</p>")
    )


def _quality(day: Day) -> str:
    rows = (
        (one.source, _count(one.records), _count(one.quarantined),
         _UNKNOWN if one.mean_score is None else f"{one.mean_score:.3f}")
        for one in day.sources
    )  # fmt: skip
    broken = ((one.rule, _count(one.records)) for one in day.broken_rules)
    return (
        "<h2>Quality of the data</h2>"
        + _table(("source", "records", "quarantined", "mean score"), rows)
        + (_table(("broken rule", "records"), broken) if day.broken_rules else "")
    )


def _service(day: Day) -> str:
    rows = (
        (f"{one.hour:02d}:00", _count(one.transactions), _count(one.peak_per_second),
         _seconds(one.append_p95_s), _count(one.alerts), _seconds(one.alert_p50_s),
         _seconds(one.alert_p95_s), _seconds(one.alert_max_s))
        for one in day.service
    )  # fmt: skip
    head = ("hour", "transactions", "peak / s", "append p95", "alerts", "alert p50", "p95", "worst")
    timed = {one.hour: one.alert_p95_s for one in day.service if one.alert_p95_s is not None}
    return (
        "<h2>Service levels</h2><p>Alert latency, 95th percentile by hour, from the intended sending "
        "of a transaction to its alert's append.</p>"
        + hour_bars(timed, "alert latency by hour", "{:.2f} s")
        + _table(head, rows)
    )


def _notes() -> str:
    return (
        '<p class="n">Hours are UTC: of the purchases under Volumes and Alerts, of their arrival '
        "under Quality and Service levels. Money is in the cardholders' billing currencies, added "
        "up as it is. Labels come days or weeks late, and a part of fraud is never reported.</p>"
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<table><tr>{titles}</tr>{lines}</table>"


def _count(value: int) -> str:
    return f"{value:,}"


def _money_text(minor: int) -> str:
    return f"{minor / 100:,.2f}"


def _share(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{100 * value:.1f} %"


def _seconds(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.2f} s"
