"""`fraudstream rebuild`: hours of Silver, features and alerts again, from Bronze."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from fraudstream_platform.detection.rules import RULES, read_rules
from fraudstream_platform.drain.bronze_steps import hours_upto
from fraudstream_platform.drain.kafka import TopicMissingError
from fraudstream_platform.drain.priority import BATCH_NICE, step_back
from fraudstream_platform.drain.rebuild import Progress, Rows, Target, rebuild_hours
from fraudstream_platform.drain.rebuild_job import RebuildFailedError
from fraudstream_platform.drain.rebuild_plan import RebuildPlan, hours_between, plan_rebuild
from fraudstream_platform.drain.rebuild_refused import (
    refuse_shown,
    refuse_unfinished,
    refuse_unsealed,
)
from fraudstream_platform.drain.rebuild_version import hours_done, rebuild_version
from fraudstream_platform.drain.session import (
    SparkAwayError,
    give_up_soon,
    session_url,
    wait_for_server,
)
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.promote import create_candidate, of_candidate
from fraudstream_platform.lake.promoted import LIVE, REBUILDABLE
from fraudstream_platform.lake.replace import HourChangedError
from fraudstream_platform.settings import Settings, get_settings

_SERVER_PATIENCE_S = 10.0


def rebuild(
    first: Annotated[str, typer.Option("--from", help="First hour, UTC, as 2026-11-28T09.")],
    last: Annotated[str, typer.Option("--to", help="Last hour, UTC; it is rebuilt too.")],
    again: Annotated[
        bool, typer.Option("--again", help="Rebuild hours that this version has rebuilt, too.")
    ] = False,
    candidate: Annotated[
        str, typer.Option("--as", help="Leave the live hours; build a candidate of this name.")
    ] = LIVE,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="The candidate's rule set, a YAML file.")
    ] = None,
) -> None:
    """Rebuild hours from Bronze, in order, while draining goes on; a call cut short is resumed.

    With --as, what comes out stands beside the live rows until `fraudstream promote`.
    """
    settings, console = get_settings(), Console()
    target = Target(candidate, read_rules(rules) if rules else RULES)
    asked = hours_between(first, last)
    refuse_unfinished(asked[-1], time.time() * 1000)
    step_back(BATCH_NICE)
    with _readable_errors(settings):
        if target.candidate != LIVE:
            create_candidate(settings, target.candidate)
        plan = _plan(settings, asked, target, again=again)
        _say(console, plan)
        if plan.due:
            refuse_shown(settings, plan.due, target.candidate, target.rules.version)
            refuse_unsealed(settings, plan.due[-1])  # before a session is made
            _run(settings, console, plan, target)


def _plan(settings: Settings, asked: list[str], target: Target, *, again: bool) -> RebuildPlan:
    into, version = (
        of_candidate(settings, target.candidate),
        rebuild_version(settings, target.rules),
    )
    done = hours_done(into, asked, REBUILDABLE, version)
    return plan_rebuild(asked, hours_upto(settings, asked[-1]), done, again=again)


def _say(console: Console, plan: RebuildPlan) -> None:
    for hour in plan.empty:
        console.print(f"{hour}  nothing in Bronze: left as it is", highlight=False)
    for hour in plan.done:
        console.print(
            f"{hour}  rebuilt by this version already: --again does it anew", highlight=False
        )
    if not plan.due:
        console.print("No hour is due.")


def _run(settings: Settings, console: Console, plan: RebuildPlan, target: Target) -> None:
    from pyspark.sql import SparkSession

    wait_for_server(settings, _SERVER_PATIENCE_S)
    # The session that all runs share: it is not stopped, which would end theirs.
    spark = SparkSession.builder.remote(session_url(settings)).create()
    give_up_soon(spark)
    with _bar(console) as bar:
        shown = bar.add_task("stepping Bronze", total=None)

        def tell(progress: Progress) -> None:
            bar.update(shown, completed=progress.shares, total=progress.of_shares)
            if progress.replaced is not None and progress.rows is not None:
                line = f"{progress.replaced}  rebuilt: {_counts(progress.rows)}"
                bar.console.print(line, highlight=False)

        rebuild_hours(settings, spark, plan.due, REBUILDABLE, tell, target)
    console.print(
        "Done. The marts take it over with a run of the `marts` job with `full_refresh: true`."
        if target.candidate == LIVE
        else f"Done. Readers see it after `fraudstream promote {target.candidate}`."
    )


def _bar(console: Console) -> Bar:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Bar(*columns, TimeElapsedColumn(), console=console, transient=True)


def _counts(rows: Rows) -> str:
    return ", ".join(f"{count:,} {table}" for table, count in rows.items())


@contextmanager
def _readable_errors(settings: Settings) -> Iterator[None]:
    """What a person can do about it, in one line."""
    try:
        yield
    except KafkaException as error:
        raise UserError(
            f"the broker at {settings.bootstrap} does not answer ({error.args[0].str()}): "
            "`fraudstream up` starts it, `fraudstream doctor` says what is wrong"
        ) from None
    except (SparkAwayError, FileNotFoundError, TopicMissingError, HourChangedError) as error:
        raise UserError(str(error)) from None
    except RebuildFailedError as error:
        raise UserError(
            f"{error}\nHours told as rebuilt stay so; the same command goes on with the others. "
            "`fraudstream doctor` says what is wrong"
        ) from None
