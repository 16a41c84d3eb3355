"""`fraudstream doctor`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from fraudstream_platform.doctor.verdict import Check, fail
from fraudstream_platform.settings import SettingsError, get_settings

_STYLE = {"ok": "green", "warn": "yellow", "FAIL": "bold red"}


def doctor(
    as_json: bool = typer.Option(False, "--json", help="Print the checks as JSON."),
) -> None:
    """Say what is wrong and what to do about it; exit status 1 where anything fails."""
    console = Console(stderr=as_json)
    checks = _examined(console)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            console.print(line(check), soft_wrap=True)
        console.print(summary(checks))
    if any(check.level == "FAIL" for check in checks):
        raise typer.Exit(1)


def line(check: Check) -> Text:
    """One check as one line."""
    remedy = f" -> {check.remedy}" if check.remedy else ""
    return Text.assemble(
        (f"{check.level:<5}", _STYLE[check.level]), f"{check.name}: {check.says}{remedy}"
    )


def summary(checks: Sequence[Check]) -> str:
    """How many of each."""
    counts = {level: sum(check.level == level for check in checks) for level in _STYLE}
    return ", ".join(f"{count} {level}" for level, count in counts.items())


def _examined(console: Console) -> list[Check]:
    try:
        settings = get_settings()
    except SettingsError as error:
        return [fail("settings", str(error), "correct the variable; .env.example explains each")]
    from fraudstream_platform.doctor.examine import examine

    with console.status("examining") as spinner:
        return examine(settings, lambda text: spinner.update(f"examining: {text}"))
