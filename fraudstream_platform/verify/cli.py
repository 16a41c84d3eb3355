"""`fraudstream verify`."""

from __future__ import annotations

import json

import typer
from rich.console import Console
from rich.table import Table

from fraudstream_platform.errors import UserError
from fraudstream_platform.settings import get_settings
from fraudstream_platform.verify.proof import Finding, prove


def verify(
    as_json: bool = typer.Option(False, "--json", help="Print the findings as JSON."),
) -> None:
    """Prove that no row was lost or doubled; exit status 1 where that does not hold."""
    console = Console(stderr=as_json)
    try:
        with console.status("verifying") as spinner:
            findings = prove(get_settings(), lambda text: spinner.update(text))
    except LookupError as error:
        raise UserError(str(error)) from None
    if as_json:
        typer.echo(json.dumps([finding.__dict__ for finding in findings], indent=2))
    else:
        console.print(findings_table(findings))
    if not all(finding.holds for finding in findings):
        raise typer.Exit(1)


def findings_table(findings: list[Finding]) -> Table:
    """The findings as a table."""
    table = Table("rule", "holds", "figures", "named", box=None)
    for finding in findings:
        holds = "[green]yes[/]" if finding.holds else "[bold red]NO[/]"
        table.add_row(finding.rule, holds, finding.figures, "\n".join(finding.offences))
    return table
