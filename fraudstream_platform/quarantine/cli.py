"""`fraudstream quarantine`: what was kept out of Silver."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fraudstream_platform.contracts.quality import WARNINGS
from fraudstream_platform.contracts.validation import rule_expressions
from fraudstream_platform.drain.registry import RegistryDownError
from fraudstream_platform.errors import UserError
from fraudstream_platform.quarantine.kept import Choice, dead_letters, refusal, waiting
from fraudstream_platform.quarantine.replay import replay
from fraudstream_platform.settings import get_settings

app = typer.Typer(help="Records that were kept out of Silver: list, show, put through again.")

_Rules = Annotated[
    list[str] | None, typer.Option("--rule", help="That failed this rule, or error class.")
]
_Sources = Annotated[list[str] | None, typer.Option("--source", help="MOBILE, POS or ONLINE.")]
_Hours = Annotated[list[str] | None, typer.Option("--hour", help="Such as 2026-11-28T07, UTC.")]
_Places = Annotated[list[str] | None, typer.Option("--at", help="Such as 3:1204, its offset.")]


@app.command("list")
def show_all(
    rule: _Rules = None,
    source: _Sources = None,
    hour: _Hours = None,
    limit: Annotated[int, typer.Option(help="Records shown.", min=0)] = 20,
) -> None:
    """Count what waits by rule and source, and show the newest records."""
    settings = get_settings()
    choice = _choice(rule, source, hour)
    rows, letters = waiting(settings, choice), dead_letters(settings, choice)
    console = Console()
    counts: Counter[tuple[str, str]] = Counter()
    for rules, name in rows.select("failed_rules", "source").iter_rows():
        counts.update((one, name or "") for one in rules)
    counts.update((name, "dead letter") for name in letters["error_class"])
    table = Table("rule", "severity", "source", "records")
    for (name, whose), count in sorted(counts.items(), key=lambda one: -one[1]):
        table.add_row(name, severity(name), whose, f"{count:,}")
    console.print(table)
    shown = Table("at", "appended", "source", "transaction", "score", "failed rules")
    for row in rows.tail(limit).iter_rows(named=True):
        shown.add_row(
            f"{row['partition']}:{row['offset']}",
            f"{row['append_time']:%Y-%m-%d %H:%M:%S}",
            row["source"],
            row["transaction_id"],
            f"{row['quality_score']:.2f}",
            ", ".join(row["failed_rules"]),
        )
    if limit and rows.height:
        console.print(shown)
    console.print(
        f"{rows.height:,} records in quarantine and {letters.height:,} dead letters wait."
    )


@app.command("show")
def show_one(
    place: Annotated[str, typer.Argument(help="Partition and offset, such as 3:1204.")],
) -> None:
    """Show one record: its fields (identities are tokens) and every rule that it failed."""
    settings = get_settings()
    choice = Choice(at=[place_of(place)])
    rows, letters = waiting(settings, choice), dead_letters(settings, choice)
    if not rows.height and not letters.height:
        raise UserError(f"nothing waits at {place}; `fraudstream quarantine list` shows what does")
    for row in letters.drop("sealed_payload").iter_rows(named=True):
        _print(row)
    for row in rows.iter_rows(named=True):
        _print(row | {"failed_rules": [f"{one} ({severity(one)})" for one in row["failed_rules"]]})
        why = refusal(row["failed_rules"])
        typer.echo(f"It cannot be put through again: {why}." if why else "It can be replayed.")


def _print(row: dict[str, object]) -> None:
    for name, value in row.items():
        if value is not None:
            typer.echo(f"{name:>24}  {value}")


@app.command("replay")
def put_through(
    rule: _Rules = None,
    source: _Sources = None,
    hour: _Hours = None,
    at: _Places = None,
    with_dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="Dead letters that can be decoded now, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put records through the pipeline again, each once; repeat the call if it was cut short."""
    settings = get_settings()
    choice = _choice(rule, source, hour, at)
    if choice == Choice():
        raise UserError("say which: --rule, --source, --hour or --at, as often as needed")
    count = waiting(settings, choice).height
    if with_dead_letters:
        count += dead_letters(settings, choice).height
    if not yes:
        typer.confirm(f"Put {count:,} records through again?", abort=True)
    try:
        outcome = replay(settings, choice, with_dead_letters=with_dead_letters)
    except RegistryDownError as error:
        raise UserError(str(error)) from None
    typer.echo(f"{outcome.sent:,} records are on their way.")
    for why, stays in sorted(outcome.refused.items()):
        typer.echo(f"{stays:,} stay: {why}.")


def _choice(
    rule: list[str] | None,
    source: list[str] | None,
    hour: list[str] | None,
    at: list[str] | None = None,
) -> Choice:
    places = tuple(place_of(one) for one in at or ())
    return Choice(tuple(rule or ()), tuple(source or ()), tuple(hour or ()), places)


def place_of(text: str) -> tuple[int, int]:
    """Partition and offset of `3:1204`; raises UserError."""
    partition, _, offset = text.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise UserError(f"{text} is no place: give partition and offset, such as 3:1204")
    return int(partition), int(offset)


def severity(rule: str) -> str:
    """What a name among failed rules stands for."""
    if rule in rule_expressions():
        return "error"
    if rule in WARNINGS:
        return "warning"
    return "gap" if rule.endswith("_missing") else "verdict"
