"""The command that replays a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.replay.mapping import load_mapping
from fraudstream_platform.replay.pace import SPEEDS
from fraudstream_platform.replay.report import Report
from fraudstream_platform.replay.rows import open_rows
from fraudstream_platform.replay.send import Replay
from fraudstream_platform.settings import get_settings


class FileFormat(StrEnum):
    """Formats that are read."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


class Speed(StrEnum):
    """How fast the rows are sent."""

    MAX = "max"
    REAL = "1x"
    SIXTY = "60x"


def replay(
    file: Annotated[Path, typer.Argument(help="Transactions of your own.")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="Format of the file.")],
    mapping: Annotated[Path, typer.Option("--map", help="Which column is which field (YAML).")],
    speed: Annotated[
        Speed, typer.Option(help="As fast as possible, or with the gaps of the rows' times.")
    ] = Speed.MAX,
    report: Annotated[Path | None, typer.Option(help="Write the report to this file too.")] = None,
) -> None:
    """Send a file of transactions through the pipeline; bad rows are reported and skipped."""
    wanted = load_mapping(mapping)
    rows = open_rows(file, file_format.value, wanted.columns(), wanted.delimiter)
    if report is not None and not report.parent.is_dir():
        raise UserError(f"{report.parent}: no such folder")
    settings = get_settings()
    run = Replay(settings, wanted, SPEEDS[speed.value])
    done = Report(str(file))
    try:
        with audited(settings, "replay", file.name, f"mapping {mapping.name}"):
            run.run(rows, done)
    finally:
        text = done.text()
        if report is not None:
            report.write_text(text + "\n")
        typer.echo(text)
