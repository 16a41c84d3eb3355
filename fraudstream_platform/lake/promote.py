"""Promotion: from one commit on, readers see a candidate's hours, or the live ones again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.actions import additions, try_commit
from fraudstream_platform.lake.audited import audited, name_of, person
from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.files import discard, write_file
from fraudstream_platform.lake.promoted import (
    LIVE,
    PROMOTION_SCHEMA,
    PROMOTIONS,
    REBUILDABLE,
    candidate_lake,
    promoted_hours,
)
from fraudstream_platform.lake.replace import rebuilt_version
from fraudstream_platform.lake.tables import (
    HOUR,
    create_tables,
    open_table,
    scan,
    table_uri,
)
from fraudstream_platform.settings import Settings

_ATTEMPTS = 20


def of_candidate(settings: Settings, name: str) -> Settings:
    """Settings whose lake is the candidate's; of LIVE, the same ones. Raises UserError."""
    if name == LIVE:
        return settings
    return settings.model_copy(update={"lake_uri": candidate_lake(settings.lake, name)})


def create_candidate(settings: Settings, name: str) -> None:
    """Make the candidate's tables where they are not there yet; raises UserError."""
    create_tables(of_candidate(settings, name), REBUILDABLE)


def whole_hours(settings: Settings, name: str) -> dict[str, int]:
    """Hours of a candidate that one version has rebuilt in every table, and that version."""
    own = of_candidate(settings, name)
    try:
        opened = [open_table(own, table) for table in REBUILDABLE]
    except FileNotFoundError:
        raise UserError(
            f"there is no candidate {name!r}: `fraudstream rebuild --as {name}` makes one"
        ) from None
    hours = {str(part[HOUR]) for table in opened for part in table.partitions()}
    made = {hour: {rebuilt_version(table, hour) for table in opened} for hour in sorted(hours)}
    return {
        hour: version
        for hour, versions in made.items()
        if len(versions) == 1 and (version := next(iter(versions))) is not None
    }


def hours_to_promote(settings: Settings, name: str, first: str, last: str) -> list[str]:
    """Hours from `first` to `last` (empty: open) that a promotion can be about; raises UserError."""
    if name == LIVE:
        known = sorted(promoted_hours(settings.lake))
    else:
        known = sorted(whole_hours(settings, name))
    hours = [hour for hour in known if (first or hour) <= hour <= (last or hour)]
    if not hours:
        what = "no hour is promoted" if name == LIVE else f"candidate {name!r} has no whole hour"
        raise UserError(f"{what} between {first or 'the first'} and {last or 'the last'}")
    return hours


def promote(settings: Settings, name: str, hours: Sequence[str]) -> None:
    """Let readers see `hours` of the candidate, or of LIVE: all of them at once. Audited.

    Raises UserError, with nothing changed, where an hour is not there, not whole, or made by another
    version than the others.
    """
    if not hours:
        raise UserError("no hour is named")
    if name != LIVE:
        _refuse_parts(whole_hours(settings, name), name, hours)
    with audited(settings, "promote", name, ", ".join(hours)):
        _commit(settings, name, hours)


def _refuse_parts(whole: dict[str, int], name: str, hours: Sequence[str]) -> None:
    missing = sorted(set(hours) - set(whole))
    if missing:
        raise UserError(
            f"candidate {name!r} does not have all of hour {missing[0]}: rebuild it with --as {name}"
        )
    if len({whole[hour] for hour in hours}) > 1:
        raise UserError(
            f"these hours of candidate {name!r} were made by different code or rules: rebuild them "
            f"with --as {name} --again, or name fewer"
        )


def _commit(settings: Settings, name: str, hours: Sequence[str]) -> None:
    rules = _rules_of(of_candidate(settings, name), hours)
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, PROMOTIONS)
        record = pl.DataFrame(
            {
                "sequence": [opened.version() + 1],  # of the commit that this is to be
                "candidate": [name],
                "rules_version": [rules],
                "promoted_by": [name_of(person())],
                "promoted_at": [datetime.now(UTC)],
            },
            schema=PROMOTION_SCHEMA,
        )
        files = [write_file(settings, PROMOTIONS, hour, record) for hour in hours]
        if try_commit(opened, HOUR, additions(files, HOUR)):
            return
        discard(settings, files)
    raise CommitContendedError(f"{PROMOTIONS}: {_ATTEMPTS} commits lost to rivals")


def _rules_of(settings: Settings, hours: Sequence[str]) -> str:
    """Versions of the rule sets that decided in these hours, of the tables as they stand."""
    rows = pl.scan_delta(table_uri(settings, "gold.features"))
    found = rows.filter(pl.col(HOUR).is_in(hours)).select(pl.col("rules_version").unique())
    return ", ".join(sorted(found.collect()["rules_version"].drop_nulls()))


def refuse_promoted(settings: Settings, name: str, hours: Sequence[str]) -> None:
    """Raise UserError where a rebuild into `name` would change, or be hidden by, what was promoted.

    A promotion shows what somebody has looked at; whatever comes after it needs one of its own.
    """
    promoted = promoted_hours(settings.lake)
    for hour in hours:
        shown = promoted.get(hour, LIVE)
        if shown == LIVE or (name != LIVE and shown != name):
            continue
        raise UserError(
            f"readers see candidate {shown!r} in hour {hour}: rebuild with --as under a new name and "
            f"promote that, or go back first: fraudstream promote {LIVE} --from {hour} --to {hour}"
        )


def refuse_other_rules(settings: Settings, hours: Sequence[str], rules_version: str) -> None:
    """Raise UserError where live rows of `hours` were decided by other rules than `rules_version`."""
    rows = scan(settings, "gold.features").filter(pl.col(HOUR).is_in(hours))
    made = rows.select(HOUR, "rules_version").unique().sort(HOUR).collect()
    for hour, version in made.drop_nulls().iter_rows():
        if version != rules_version:
            raise UserError(
                f"hour {hour} was decided by rules {version}, and {rules_version} are to decide it "
                "now: other rules make a version of their own, which stands beside until it is "
                "promoted. Add --as NAME"
            )
