"""What a start finds changed since the last one: rule set, settings, and whether the log is on.

The trail itself holds what was seen last, so nothing else has to be kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.audited import event
from fraudstream_platform.protection.audit import AuditEvent
from fraudstream_platform.protection.keys import keys_of
from fraudstream_platform.settings import Settings

_NOTED = (
    "environment",
    "debug_mode",
    "drain_mode",
    "drain_groups",
    "max_record_bytes",
    "silver_quality_threshold",
    "data_quality_alert_threshold",
    "oldest_event_days",
    "allow_clear_pii",
    "audit_logging_enabled",
    "audit_anchor_seconds",
    "vault_clear_group",
    "vault_reveals_per_hour",
)


def notice_start(settings: Settings, rules_version: str = RULES.version) -> None:
    """Record what changed since the last start; raises AuditFailedError.

    Where the log is off, the one thing recorded is that it was switched off.
    """
    log = AuditLog(settings)
    if not settings.audit_logging_enabled:
        log.append_decided(lambda trail: _switched(trail, is_on=False))
        return
    noted = noted_settings(settings)
    log.append_decided(lambda trail: _switched(trail, is_on=True))
    log.append_decided(lambda trail: _changed_rules(trail, rules_version))
    log.append_decided(lambda trail: _changed_settings(trail, noted))


def noted_settings(settings: Settings) -> dict[str, str]:
    """Settings whose change is an event, by variable; of keys their ids, never more."""
    values = {name.upper(): str(getattr(settings, name)) for name in _NOTED}
    keys = keys_of(settings)
    return {
        **values,
        "token key": keys.token_keys()[0].id,
        "vault key": keys.vault_keys()[0].id,
    }


def _last(trail: pl.LazyFrame, *what: str) -> Mapping[str, str] | None:
    rows = trail.filter(pl.col("what").is_in(what)).sort("sequence").tail(1).collect()
    return next(rows.iter_rows(named=True), None)


def _switched(trail: pl.LazyFrame, *, is_on: bool) -> AuditEvent | None:
    last = _last(trail, "audit.start", "audit.stop")
    was_on = last is not None and last["what"] == "audit.start"
    if is_on == was_on:
        return None
    return event("audit.start" if is_on else "audit.stop", "done")


def _changed_rules(trail: pl.LazyFrame, version: str) -> AuditEvent | None:
    last = _last(trail, "rules.change")
    if last is not None and last["resource"] == version:
        return None
    return event("rules.change", "done", version, f"before: {last['resource'] if last else 'none'}")


def _changed_settings(trail: pl.LazyFrame, noted: Mapping[str, str]) -> AuditEvent | None:
    last = _last(trail, "settings.change")
    before: dict[str, str] = json.loads(last["detail"]) if last else {}
    changed = sorted(name for name in {*before, *noted} if before.get(name) != noted.get(name))
    if not changed:
        return None
    return event("settings.change", "done", ", ".join(changed), json.dumps(dict(noted)))
