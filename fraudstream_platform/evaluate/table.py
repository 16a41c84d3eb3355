"""The report as tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

_COLOURS = {"pass": "green", "fail": "red", "too few": "yellow", "not measured": "yellow"}  # nosec B105


def report_view(report: Mapping[str, Any]) -> RenderableType:
    """Recall, figures, look-alikes, baselines and gates, in the order of the questions asked."""
    return Group(
        _recall(report), _figures(report), _look_alikes(report["main"]), _scores(report["main"]),
        _baselines(report), _gates(report), report["note"],
    )  # fmt: skip


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def _share(share: Mapping[str, Any], digits: int = 1) -> str:
    """A share with its interval and n."""
    if share["share"] is None:
        return "- (n 0)"
    low, high = (f"{100 * share[end]:.{digits}f}" for end in ("low", "high"))
    return f"{_percent(share['share'], digits)} ({low}-{high}, n {share['n']:,})"


def _pair(values: Mapping[str, float | None]) -> str:
    """Median and 90th percentile."""
    return " / ".join("-" if v is None else f"{v:,.0f}" for v in values.values())


def _recall(report: Mapping[str, Any]) -> Table:
    table = Table(title="Recall by attack (95 % intervals); delays are median / p90")
    for name in ("pattern", "strength", "deadline", "in time", "ever", "own pattern named"):
        table.add_column(name)
    for name in ("tx", "s", "EUR", "value after"):
        table.add_column(name, justify="right")
    for line in report["recall"]:
        table.add_row(
            line["pattern"], line["strength"], line["deadline"], _share(line["in_time"]),
            _percent(line["ever"]["share"]), _percent(line["attributed"]["share"]),
            _pair(line["transactions_until_alert"]), _pair(line["seconds_until_alert"]),
            _pair(line["eur_until_alert"]), _percent(line["value_after_first_alert"]),
        )  # fmt: skip
    return table


def _figures(report: Mapping[str, Any]) -> Table:
    """The main worlds beside the quiet month and the worlds that change."""
    sections = {
        "main": report["main"], "quiet month": report["quiet_month"], "drift": report["drift"],
        "fields missing": report["fields_missing"],
    }  # fmt: skip
    known = {name: section for name, section in sections.items() if section is not None}
    table = Table("", *known, title="Cases, accounts, money")
    lines: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "transactions": lambda s: f"{s['transactions']:,}",
        "fraudulent": lambda s: _percent(s["fraudulent_share"], 2),
        "recall blatant (macro)": lambda s: _percent(s["recall"]["blatant"]["macro"]),
        "recall normal (macro)": lambda s: _percent(s["recall"]["normal"]["macro"]),
        "cases / transactions": lambda s: _percent(s["cases"]["share"], 3),
        "case precision": lambda s: _share(s["cases"]["precision"]),
        "  at 0.03 % fraud": lambda s: _percent(s["cases"]["precision_reweighted"]),
        "genuine accounts a day": lambda s: _share(s["genuine_accounts_per_day"], 3),
        "value after first alert, normal": lambda s: _percent(
            s["value_after_first_alert"]["normal"]
        ),
        "savings": lambda s: _percent(s["savings"]["share"]),
        "card precision at 100": lambda s: _percent(s["card_precision"].get("at_k")),
        "  its ceiling": lambda s: _percent(s["card_precision"].get("ceiling_at_k")),
        "  at the day's fraud cards": lambda s: _percent(
            s["card_precision"].get("at_the_days_fraud_cards")
        ),
    }
    for name, figure in lines.items():
        table.add_row(name, *(figure(section) for section in known.values()))
    return table


def _look_alikes(main: Mapping[str, Any]) -> Table:
    table = Table("kind", "alerted per entity-day", title="Look-alikes of fraud in ordinary life")
    for kind, share in main["look_alikes"].items():
        table.add_row(kind, _share(share, 2))
    if not main["look_alikes"]:
        table.add_row("none", "the simulator told of none")
    return table


def _scores(main: Mapping[str, Any]) -> Table:
    found = main["score_table"]
    title = f"Score to precision of transactions, {found['rules_version']}"
    table = Table("score", "transactions", "precision", "from here up", title=title)
    for band in found["bands"]:
        table.add_row(
            f"{band['from']}-{band['to']}", f"{band['transactions']:,}", _share(band["precision"]),
            _percent(band["precision_from_here_up"]["share"]),
        )  # fmt: skip
    return table


def _baselines(report: Mapping[str, Any]) -> Table:
    table = Table(title="Baselines, each flagging as many transactions as the rules")
    for name in ("method", "attacks found: blatant", "normal", "stealthy", "precision", "AP"):
        table.add_column(name)
    for line in report["baselines"]:
        if "not_measured" in line:
            table.add_row(line["method"], line["not_measured"])
            continue
        shares = [
            line.get(f"attacks_found_{strength}", {}).get("share")
            for strength in ("blatant", "normal", "stealthy")
        ]
        table.add_row(
            line["method"], *map(_percent, shares), _percent(line["transaction_precision"]),
            f"{line['average_precision']:.3f}",
        )  # fmt: skip
    return table


def _gates(report: Mapping[str, Any]) -> Table:
    table = Table("gate", "target", "value", "n", "verdict", title="Gates")
    for gate in report["gates"]:
        value = "-" if gate["value"] is None else f"{gate['value']:.4g}"
        colour = _COLOURS[gate["verdict"]]
        table.add_row(
            gate["name"], gate["target"], value, f"{gate['n']:,}",
            f"[{colour}]{gate['verdict']}[/{colour}]",
        )  # fmt: skip
    return table
