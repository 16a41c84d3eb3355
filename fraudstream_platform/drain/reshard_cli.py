"""`fraudstream reshard`: state moves to the partitions and groups that the settings say."""

from __future__ import annotations

from typing import Annotated

import typer
from confluent_kafka import KafkaException
from rich.console import Console

from fraudstream_platform.drain import reshard as resharding
from fraudstream_platform.drain.kafka import TopicMissingError
from fraudstream_platform.errors import UserError
from fraudstream_platform.settings import get_settings


def reshard(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also where nothing moves: make the state anew.")
    ] = False,
) -> None:
    """Rebuild the state from Bronze for TOPIC_PARTITIONS and DRAIN_GROUPS, while nobody drains."""
    settings, console = get_settings(), Console()
    try:
        present, wanted = resharding.layout_change(settings, again=again)
        console.print(f"From {present} to {wanted}.", highlight=False)
        if not yes:
            typer.confirm("Are the sources stopped, and the drain on hold?", abort=True)
        with console.status("reading the journal") as spinner:
            resharding.reshard(
                settings,
                lambda rows: spinner.update(f"stepping Bronze: {rows:,} rows"),
                again=again,
            )
    except KafkaException as error:
        raise UserError(
            f"the broker at {settings.bootstrap} does not answer ({error.args[0].str()}): "
            "`fraudstream doctor` says what is wrong"
        ) from None
    except (FileNotFoundError, TopicMissingError) as error:
        raise UserError(str(error)) from None
    console.print("Done. Re-execute the drain run that was cancelled; then start the sources.")
