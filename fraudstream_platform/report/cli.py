"""`fraudstream report`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_platform.errors import UserError
from fraudstream_platform.report.page import page
from fraudstream_platform.report.read import read_day
from fraudstream_platform.settings import get_settings
from fraudstream_platform.warehouse.dbt import warehouse_file


def report(
    date: Annotated[str, typer.Option(help="The day, YYYY-MM-DD (UTC).")],
    out: Annotated[
        Path | None, typer.Option(help="The page; without it DATA_DIR/reports/<date>.html.")
    ] = None,
) -> None:
    """Write the day's page from the marts."""
    try:
        day = dt.date.fromisoformat(date)
    except ValueError:
        raise UserError(f"--date {date}: a day is written YYYY-MM-DD") from None
    settings = get_settings()
    path = out or settings.data_dir.resolve() / "reports" / f"{day.isoformat()}.html"
    text = page(read_day(warehouse_file(settings), day))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    typer.echo(str(path))
