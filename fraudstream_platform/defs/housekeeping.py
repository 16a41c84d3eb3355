"""Housekeeping: what would grow for ever is kept bounded, once an hour, at the lowest priority.

Nothing here depends on another: where one fails, the others are done all the same.
"""

import time

import dagster as dg

from fraudstream_platform.defs import housekeeping_metadata as shown
from fraudstream_platform.defs.assets import JOURNAL, SPECS
from fraudstream_platform.defs.latest import last_run
from fraudstream_platform.drain.priority import own_session
from fraudstream_platform.housekeeping.compact import COMPACTED, closed_hours, compact_table
from fraudstream_platform.housekeeping.dagster_storage import forget_runs, forget_ticks
from fraudstream_platform.housekeeping.journal import trim_journal
from fraudstream_platform.housekeeping.orphans import sweep_orphans
from fraudstream_platform.housekeeping.snapshots import sweep_snapshots
from fraudstream_platform.lake.audit_archive import archive_months
from fraudstream_platform.lake.delta_log import tidy_log
from fraudstream_platform.lake.tables import PROFILES, TABLES
from fraudstream_platform.lake.vacuum import vacuum_table
from fraudstream_platform.lake.versions import prune_versions
from fraudstream_platform.settings import Settings, get_settings

JOB_NAME = "housekeeping"
_GROUP = "housekeeping"
_LOWEST = 19
_MOST_SECONDS = 6 * 3600
"""A run that hangs is ended then."""

Result = dg.MaterializeResult[None]
_TABLES = [spec.key for spec in SPECS if spec.key.path[0] != "kafka"]
_PROFILES = [dg.AssetKey(table.split(".")) for table in PROFILES]


def _settings_aside() -> Settings:
    own_session(_LOWEST)
    return get_settings()


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=_TABLES, kinds={"deltalake"})
def compaction() -> Result:
    """Small files of closed hours, joined. The rows and the recorded positions stay as they are."""
    settings = _settings_aside()
    closed = closed_hours(settings)
    done = [one for table in COMPACTED for one in compact_table(settings, table, closed)]
    return dg.MaterializeResult(metadata=shown.compaction(closed, done))


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=_PROFILES, kinds={"deltalake"})
def profile_versions() -> Result:
    """Old versions of the network's profiles leave their tables."""
    settings = _settings_aside()
    return dg.MaterializeResult(
        metadata=shown.versions({one: prune_versions(settings, one) for one in PROFILES})
    )


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=_TABLES, kinds={"deltalake"})
def vacuum() -> Result:
    """Files that a table let go of hours ago are removed; files that wait for their commit are not."""
    settings = _settings_aside()
    return dg.MaterializeResult(
        metadata=shown.removed({one: vacuum_table(settings, one) for one in TABLES})
    )


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=[*_TABLES, JOURNAL], kinds={"deltalake"})
def orphan_files() -> Result:
    """Old files that neither a table nor the journal names are removed."""
    return dg.MaterializeResult(metadata=shown.removed(sweep_orphans(_settings_aside())))


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=_TABLES, kinds={"deltalake"})
def delta_logs() -> Result:
    """Each table's log gets a checkpoint and loses its old commits."""
    settings = _settings_aside()
    return dg.MaterializeResult(
        metadata=shown.logs({one: tidy_log(settings, one) for one in TABLES})
    )


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, kinds={"deltalake"})
def audit_archive() -> Result:
    """Months of the audit trail that ended long ago go to files of their own, and stay there."""
    return dg.MaterializeResult(metadata=shown.archived(archive_months(_settings_aside())))


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=[JOURNAL], kinds={"kafka"})
def journal_retention() -> Result:
    """Old journal records that every table has passed are deleted."""
    return dg.MaterializeResult(metadata=shown.trims(trim_journal(_settings_aside())))


@dg.asset(key_prefix=_GROUP, group_name=_GROUP, deps=[JOURNAL])
def state_snapshots() -> Result:
    """Snapshots that the journal names are checked; files that it names no more are removed."""
    return dg.MaterializeResult(metadata=shown.snapshots(sweep_snapshots(_settings_aside())))


@dg.asset(key_prefix=_GROUP, group_name=_GROUP)
def dagster_runs(context: dg.AssetExecutionContext) -> Result:
    """Old Dagster runs are deleted with their events, check results and output."""
    return dg.MaterializeResult(
        metadata=shown.runs(forget_runs(context.instance, _settings_aside()))
    )


@dg.asset(key_prefix=_GROUP, group_name=_GROUP)
def dagster_ticks(context: dg.AssetExecutionContext) -> Result:
    """Old ticks of sensors and schedules are deleted."""
    deleted = forget_ticks(context.instance, _settings_aside())
    return dg.MaterializeResult(metadata={"ticks_deleted": dg.MetadataValue.int(deleted)})


HOUSEKEEPING_ASSETS = [
    compaction,
    profile_versions,
    vacuum,
    orphan_files,
    delta_logs,
    audit_archive,
    journal_retention,
    state_snapshots,
    dagster_runs,
    dagster_ticks,
]

housekeeping_job = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.assets(*HOUSEKEEPING_ASSETS),
    executor_def=dg.in_process_executor,
    tags={"fraudstream/kind": "housekeeping", dg.MAX_RUNTIME_SECONDS_TAG: str(_MOST_SECONDS)},
    description="Compaction, vacuum and retention; its schedule starts it every hour.",
)


@dg.schedule(
    job=housekeeping_job,
    cron_schedule="17 * * * *",  # the hour before is sealed by then, and its rebuild seldom begun
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Keeps house every hour, once at a time.",
)
def housekeeping_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One tick."""
    last = last_run(context.instance, JOB_NAME)
    if last is not None and last.is_running:
        age_s = time.time() - last.started_s
        return dg.SkipReason(f"housekeeping is in progress since {age_s:.0f} s")
    return dg.RunRequest()
