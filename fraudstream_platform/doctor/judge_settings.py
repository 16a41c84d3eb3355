"""Settings that are valid one by one, and cannot work, or not well, together."""

from __future__ import annotations

from fraudstream_platform.doctor.verdict import Check, fail, ok, warn
from fraudstream_platform.settings import EXAMPLE_SALT, EXAMPLE_VAULT_KEY, Settings


def judge_settings(settings: Settings, cores: int) -> list[Check]:
    """A line for each combination that is at fault, else a single one; `cores` of this machine."""
    found = [
        *_times(settings),
        *_secrets(settings),
        *_transport(settings),
        *_sizes(settings, cores),
    ]
    return found or [ok("settings", f"fit together ({settings.environment})")]


def _times(settings: Settings) -> list[Check]:
    found = []
    if settings.run_lease_seconds < 2 * settings.lease_seconds:
        found.append(
            fail(
                "settings",
                f"RUN_LEASE_SECONDS ({settings.run_lease_seconds:g}) is less than two LEASE_SECONDS "
                f"({settings.lease_seconds:g}): busy runs are replaced, and tasks leave before a "
                "successor can be warm",
                "set RUN_LEASE_SECONDS to at least five leases",
            )
        )
    if settings.warm_lead_seconds > settings.drain_window_seconds:
        found.append(
            warn(
                "settings",
                f"WARM_LEAD_SECONDS ({settings.warm_lead_seconds}) is longer than a window "
                f"({settings.drain_window_seconds} s): more than two runs at a time",
                "lengthen DRAIN_WINDOW_SECONDS or shorten WARM_LEAD_SECONDS",
            )
        )
    if settings.state_snapshot_seconds > settings.drain_window_seconds:
        found.append(
            warn(
                "settings",
                "STATE_SNAPSHOT_SECONDS is longer than a window: standbys replay long stretches",
                "set STATE_SNAPSHOT_SECONDS below DRAIN_WINDOW_SECONDS",
            )
        )
    if settings.flush_seconds > settings.freshness_objective_seconds:
        found.append(
            warn(
                "settings",
                f"FLUSH_SECONDS ({settings.flush_seconds:g}) is longer than "
                f"FRESHNESS_OBJECTIVE_SECONDS ({settings.freshness_objective_seconds:g}), which "
                "then cannot be met",
                "flush more often, or allow more",
            )
        )
    return found


def _secrets(settings: Settings) -> list[Check]:
    is_example = (
        settings.customer_id_salt.get_secret_value() == EXAMPLE_SALT
        or settings.vault_key.get_secret_value() == EXAMPLE_VAULT_KEY
    )
    if is_example and settings.kafka_bootstrap_servers:
        return [
            warn(
                "settings",
                "example secrets, and a broker that is not the embedded one",
                "set CUSTOMER_ID_SALT and VAULT_KEY before a real identity arrives",
            )
        ]
    return []


def _transport(settings: Settings) -> list[Check]:
    if settings.environment == "production" and settings.kafka_security_protocol != "SASL_SSL":
        return [
            warn(
                "settings",
                f"KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} in production: "
                "whoever reaches the broker can read and write",
                "use SASL_SSL and the rights that `fraudstream setup --rights` prints",
            )
        ]
    return []


def _sizes(settings: Settings, cores: int) -> list[Check]:
    found = []
    if settings.crash_points_dir:
        found.append(
            warn(
                "settings",
                "CRASH_POINTS_DIR is set: a file there ends processes",
                "leave it empty but for fault tests",
            )
        )
    is_here = not (settings.spark_remote_url or settings.spark_master)
    if settings.drain_groups > cores and is_here:
        found.append(
            warn(
                "settings",
                f"DRAIN_GROUPS={settings.drain_groups} on {cores} cores: tasks wait for each other",
                "set DRAIN_GROUPS to the number of cores, before anything is drained",
            )
        )
    if settings.environment == "production" and settings.topic_replication < 3:
        found.append(
            warn(
                "settings",
                f"TOPIC_REPLICATION={settings.topic_replication} in production: one lost broker "
                "can lose records",
                "use 3 brokers and TOPIC_REPLICATION=3",
            )
        )
    return found
