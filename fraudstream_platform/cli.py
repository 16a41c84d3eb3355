"""The `fraudstream` command: thin, quick to import, one line for what a person can fix."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fraudstream_platform.errors import UserError
from fraudstream_platform.settings import Settings, SettingsError, get_settings

app = typer.Typer(
    help="Real-time card fraud detection: services, pipeline and proofs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

DELEGATED = {
    "produce": ("fraudstream_platform.simulator.cli", "Send simulated transactions."),
    "replay": ("fraudstream_platform.replay.cli", "Send a file of your own transactions."),
    "evaluate": ("fraudstream_platform.evaluate.cli", "Measure the detector on simulated worlds."),
    "verify": ("fraudstream_platform.verify.cli", "Prove that no row was lost or doubled."),
    "rebuild": ("fraudstream_platform.drain.rebuild_cli", "Rebuild hours from Bronze."),
    "reshard": ("fraudstream_platform.drain.reshard_cli", "Move state to more partitions."),
    "promote": ("fraudstream_platform.lake.promote_cli", "Let readers see a rebuilt candidate."),
    "doctor": ("fraudstream_platform.doctor.cli", "Say what is wrong and what to do."),
    "metrics": ("fraudstream_platform.metrics.cli", "Serve Prometheus metrics of the drain."),
    "alerts": ("fraudstream_platform.drain.alerts_cli", "Show alerts; --follow keeps on."),
    "report": ("fraudstream_platform.report.cli", "Write a day's page from the marts."),
    "bench": ("fraudstream_platform.bench.app", "Measure engines under an open-loop stream."),
    "demo": ("fraudstream_platform.demo.app", "Run the whole pipeline with a live view."),
}

GROUPS = {
    "audit": ("fraudstream_platform.custody.audit_cli", "Show the audit trail, prove it whole."),
    "vault": ("fraudstream_platform.custody.vault_cli", "Show or forget an original; audited."),
    "keys": ("fraudstream_platform.custody.keys_cli", "Make and rotate keys; audited."),
    "quarantine": (
        "fraudstream_platform.quarantine.cli",
        "What was kept out of Silver: list, show, put through again.",
    ),
}
"""Commands that have commands of their own."""


@app.command()
def up(
    only: Annotated[list[str] | None, typer.Option(help="Start this service only.")] = None,
) -> None:
    """Start the embedded services and keep them up in the background."""
    from rich.console import Console

    from fraudstream_platform.local import control
    from fraudstream_platform.local.catalogue import ALL

    unknown = sorted(set(only or ()) - set(ALL))
    if unknown:
        raise UserError(f"Unknown service {unknown[0]}: known are {', '.join(ALL)}")
    console = Console()
    with console.status("Starting ...") as spinner:

        def report(supervisor: Any, entries: list[Any]) -> None:
            ready = [one.name for one in entries if one.health == "up"]
            spinner.update(f"{supervisor.phase} ... {' '.join(ready)}")

        fresh = control.up(get_settings(), only or ALL, report)
    console.print("Everything is up." if fresh else "Already running.")
    status()


@app.command()
def down() -> None:
    """End the embedded services; data stays."""
    from fraudstream_platform.local import control

    typer.echo(f"Ended {control.down(get_settings())} services.")


@app.command()
def status() -> None:
    """Show the embedded services."""
    from rich.console import Console

    from fraudstream_platform.local.state import read_services
    from fraudstream_platform.local.status_view import status_table

    entries = read_services(get_settings())
    if not entries:
        typer.echo("Nothing runs: `fraudstream up` starts it.")
        raise typer.Exit(1)
    Console().print(status_table(entries))


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    with_audit_trail: Annotated[
        bool, typer.Option("--with-audit-trail", help="That too; refused in production.")
    ] = False,
) -> None:
    """End the services and delete all data under DATA_DIR but the audit trail."""
    from fraudstream_platform.custody.reset import reset_all

    settings = get_settings()
    if not yes:
        typer.confirm(f"Delete {settings.data_dir.resolve()} and everything in it?", abort=True)
    kept = reset_all(settings, with_audit_trail=with_audit_trail)
    typer.echo("All data is deleted; the audit trail stays." if kept else "All data is deleted.")


@app.command()
def setup(
    rights: bool = typer.Option(
        False, "--rights", help="Only show the rights that clients need, as Kafka's own commands."
    ),
) -> None:
    """Create topics and register schemas; running it again changes nothing."""
    if rights:
        commands: Callable[[Settings], list[str]] = _load(
            "fraudstream_platform.drain.rights", "commands"
        )
        typer.echo("\n".join(commands(get_settings())))
        return
    run: Callable[[Settings], object] = _load("fraudstream_platform.drain.topics", "setup")
    run(get_settings())


def _load(module: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _delegate(name: str, module: str, summary: str) -> None:
    """Register a command whose options are declared by `module.name`, imported on use."""

    @app.command(name, help=summary, context_settings=_PASS_ON)
    def command(context: typer.Context) -> None:
        inner = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        inner.command(help=summary)(_load(module, name))
        typer.main.get_command(inner).main(args=context.args, prog_name=f"fraudstream {name}")


def _delegate_group(name: str, module: str, summary: str) -> None:
    """Register a command whose own commands are those of `module.app`, imported on use."""

    @app.command(name, help=summary, context_settings=_PASS_ON)
    def command(context: typer.Context) -> None:
        inner: typer.Typer = importlib.import_module(module).app
        args = context.args or ["--help"]
        typer.main.get_command(inner).main(args=args, prog_name=f"fraudstream {name}")


for _name, (_module, _summary) in DELEGATED.items():
    _delegate(_name, _module, _summary)
for _name, (_module, _summary) in GROUPS.items():
    _delegate_group(_name, _module, _summary)


def main() -> None:
    """Entry point; what a person can fix is one line on stderr and exit status 2."""
    try:
        app()
    except (UserError, SettingsError) as error:
        typer.echo(f"fraudstream: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
