"""Settings: the only reader of the environment.

Every variable can also stand in a `.env` file in the working directory. A bad
value is refused at start with the variable's name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent

EXAMPLE_SALT = "example-salt-not-for-production-use"
"""HMAC key of the development default; refused in production."""

EXAMPLE_VAULT_KEY = "ZXhhbXBsZS12YXVsdC1rZXktbm90LWZvci1wcm9kISE="
"""Fernet key of the development default; refused in production."""


_MIN_SALT = 16
_FERNET_BYTES = 32
_MIN_DIFFERENT = 10


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class SnowflakeAddress(NamedTuple):
    """Where the account answers."""

    protocol: str
    host: str
    port: int


class Settings(BaseSettings):
    """All settings, named as their environment variables in lower case."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    environment: Literal["development", "test", "production"] = "development"
    debug_mode: bool = False
    log_format: Literal["text", "json"] = "text"

    # Addresses. The embedded services take PORT_BASE (Dagster UI), +1 (schema registry),
    # +2 and +3 (Kafka broker, controller), +4 (Spark Connect), +5 (Dagster code server)
    # +7 (the marts' code server), +6 (dbt docs) and +8 (metrics).
    port_base: int = Field(default=19090, ge=1024, le=65000)
    kafka_bootstrap_servers: str = ""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_ca_file: str = ""
    kafka_sasl_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    schema_registry_url: str = ""
    schema_registry_ca_file: str = ""
    schema_registry_username: str = ""
    schema_registry_password: SecretStr = SecretStr("")
    spark_remote_url: str = ""
    spark_master: str = ""
    dagster_url: str = ""
    data_dir: Path = PROJECT_ROOT / ".data"
    services_dir: Path = Path.home() / ".cache" / "fraudstream" / "services"
    lake_uri: str = ""

    # Topics.
    transactions_topic: str = "financial.transactions.raw"
    fraud_alerts_topic: str = "financial.fraud.alerts"
    fraud_labels_topic: str = "financial.fraud.labels"
    vault_topic: str = "financial.vault.sealed"
    token_links_topic: str = "financial.vault.links"
    journal_topic: str = "fraudstream.journal"
    network_topic: str = "fraudstream.network"
    entities_topic: str = "fraudstream.entities"
    audit_anchors_topic: str = "fraudstream.audit.anchors"
    quality_alerts_topic: str = "financial.quality.alerts"
    topic_partitions: int = Field(default=12, ge=1, le=1024)
    topic_replication: int = Field(default=1, ge=1, le=9)

    # The drain.
    drain_mode: Literal["continuous", "on_demand"] = "continuous"
    drain_groups: int = Field(default=2, ge=1, le=256)
    drain_window_seconds: int = Field(default=120, ge=10, le=3600)
    warm_lead_seconds: int = Field(default=40, ge=5, le=300)
    flush_seconds: float = Field(default=4.0, ge=0.5, le=60)
    step_milliseconds: int = Field(default=40, ge=1, le=1000)
    lease_seconds: float = Field(default=6.0, ge=1, le=60)
    run_lease_seconds: float = Field(default=30.0, ge=5, le=600)
    state_snapshot_seconds: float = Field(default=20.0, ge=1, le=3600)
    max_record_bytes: int = Field(default=65_536, ge=1024)
    crash_points_dir: str = ""

    # Objectives, which `fraudstream doctor` and the asset checks judge by.
    freshness_objective_seconds: float = Field(default=10.0, gt=0)
    lag_objective_records: int = Field(default=100_000, ge=1)

    # Housekeeping.
    compaction_file_megabytes: int = Field(default=128, ge=1, le=4096)
    vacuum_after_hours: int = Field(default=6, ge=1, le=24 * 365)
    orphans_after_hours: int = Field(default=72, ge=1, le=24 * 365)
    delta_log_kept_hours: int = Field(default=24, ge=1, le=24 * 365)
    journal_kept_hours: int = Field(default=48, ge=1, le=24 * 365)
    state_snapshots_kept: int = Field(default=2, ge=1, le=50)
    profile_versions_kept: int = Field(default=480, ge=1)
    dagster_runs_kept_hours: int = Field(default=48, ge=1, le=24 * 365)
    dagster_hours_kept_days: int = Field(default=90, ge=0, le=3650)
    dagster_ticks_kept_hours: int = Field(default=24, ge=1, le=24 * 365)

    # Quality.
    silver_quality_threshold: float = Field(default=0.8, ge=0, le=1)
    data_quality_alert_threshold: float = Field(default=0.95, ge=0, le=1)
    oldest_event_days: int = Field(default=30, ge=1, le=3650)
    quality_webhook_url: SecretStr = SecretStr("")
    quality_webhook_format: Literal["json", "slack"] = "json"

    # Protection.
    customer_id_salt: SecretStr = SecretStr(EXAMPLE_SALT)
    vault_key: SecretStr = SecretStr(EXAMPLE_VAULT_KEY)
    allow_clear_pii: bool = False
    allow_clear_pii_in_production: bool = False
    pii_masking_enabled: bool = True
    vault_old_keys: SecretStr = SecretStr("")
    key_file: str = ""
    key_encryption_key: SecretStr = SecretStr("")
    key_encryption_key_file: str = ""
    key_encryption_kms_key: str = ""
    audit_logging_enabled: bool = True
    audit_anchor_seconds: int = Field(default=60, ge=1, le=3600)
    # PCI DSS 4.0.1, 10.5.1: three months at hand.
    audit_online_days: int = Field(default=100, ge=92, le=36_500)
    vault_clear_group: str = ""
    vault_reveals_per_hour: int = Field(default=20, ge=1, le=1000)

    # The warehouse. Snowflake; DuckDB is used where no account is given.
    marts_nice: int = Field(default=19, ge=0, le=19)
    snowflake_account: str = ""
    snowflake_user: str = ""
    snowflake_password: SecretStr = SecretStr("")
    snowflake_private_key_file: str = ""
    snowflake_private_key_passphrase: SecretStr = SecretStr("")
    snowflake_url: str = ""
    snowflake_loader_role: str = "FRAUDSTREAM_LOADER"
    snowflake_transformer_role: str = "FRAUDSTREAM_TRANSFORMER"
    snowflake_database: str = "FINANCIAL_DATA"
    snowflake_warehouse: str = "STREAMING_WH"

    @field_validator(
        "key_file",
        "key_encryption_key_file",
        "kafka_ca_file",
        "schema_registry_ca_file",
        "snowflake_private_key_file",
    )
    @classmethod
    def _absolute(cls, path: str) -> str:
        return str(Path(path).resolve()) if path else ""

    @model_validator(mode="after")
    def _refuse_what_cannot_work(self) -> Settings:
        if 3600 % self.drain_window_seconds:
            raise ValueError("DRAIN_WINDOW_SECONDS must divide an hour (3600) evenly")
        if self.drain_groups > self.topic_partitions:
            raise ValueError("DRAIN_GROUPS must not exceed TOPIC_PARTITIONS")
        if not self.pii_masking_enabled:
            raise ValueError("PII_MASKING_ENABLED cannot be false: nothing readable is ever stored")
        webhook = self.quality_webhook_url.get_secret_value()
        if webhook and not webhook.startswith(("http://", "https://")):
            raise ValueError("QUALITY_WEBHOOK_URL must begin with http:// or https://")
        self._refuse_unfit_keys()
        self._refuse_unfit_access()
        self._refuse_unfit_snowflake()
        if self.environment == "production":
            self._refuse_what_is_for_development()
        return self

    def _refuse_unfit_access(self) -> None:
        """Refuse credentials that would never be asked for, or would travel readable in production."""
        is_sasl = self.kafka_security_protocol.startswith("SASL")
        if is_sasl and not (self.kafka_username and self.kafka_password.get_secret_value()):
            raise ValueError("KAFKA_USERNAME and KAFKA_PASSWORD are needed with SASL")
        if self.kafka_username and not is_sasl:
            raise ValueError("KAFKA_USERNAME is set, but KAFKA_SECURITY_PROTOCOL is not SASL_SSL")
        if self.schema_registry_username and not self.schema_registry_password.get_secret_value():
            raise ValueError("SCHEMA_REGISTRY_PASSWORD is needed with SCHEMA_REGISTRY_USERNAME")
        if self.environment != "production":
            return
        if self.kafka_security_protocol == "SASL_PLAINTEXT":
            raise ValueError(
                "KAFKA_SECURITY_PROTOCOL must be SASL_SSL in production, not SASL_PLAINTEXT"
            )
        if self.schema_registry_username and not self.registry_url.startswith("https://"):
            raise ValueError(
                "SCHEMA_REGISTRY_URL must be https in production where it has a password"
            )

    def _refuse_unfit_snowflake(self) -> None:
        """Refuse an account that nobody could log in to, and a password that travels readable."""
        if not self.snowflake_account:
            return
        password = bool(self.snowflake_password.get_secret_value())
        if not self.snowflake_user or password == bool(self.snowflake_private_key_file):
            raise ValueError(
                "SNOWFLAKE_ACCOUNT needs SNOWFLAKE_USER and one of SNOWFLAKE_PRIVATE_KEY_FILE and "
                "SNOWFLAKE_PASSWORD"
            )
        url = urlsplit(self.snowflake_url)
        if self.snowflake_url and not (url.scheme in {"http", "https"} and url.hostname):
            raise ValueError("SNOWFLAKE_URL must be https://host or https://host:port")
        if self.environment == "production" and url.scheme == "http":
            raise ValueError("SNOWFLAKE_URL must be https in production")

    def _refuse_what_is_for_development(self) -> None:
        if self.crash_points_dir:
            raise ValueError("CRASH_POINTS_DIR is for fault tests; production refuses it")
        if not self.audit_logging_enabled:
            raise ValueError("AUDIT_LOGGING_ENABLED cannot be false in production")
        if self.allow_clear_pii and not self.allow_clear_pii_in_production:
            raise ValueError(
                "ALLOW_CLEAR_PII in production needs ALLOW_CLEAR_PII_IN_PRODUCTION too"
            )

    def _refuse_unfit_keys(self) -> None:
        """Refuse keys that are no keys; in production also examples and ones that repeat themselves.

        With KEY_FILE the keys are in that file, and only what wraps them is a setting.
        """
        fernet_keys: dict[str, SecretStr] = {}
        given: dict[str, SecretStr] = {}
        if not self.key_file:
            if len(self.customer_id_salt.get_secret_value()) < _MIN_SALT:
                raise ValueError("CUSTOMER_ID_SALT must have at least 16 characters (128 bits)")
            for old in self.old_vault_keys():
                _refuse_no_fernet_keys({"VAULT_OLD_KEYS": old})
            fernet_keys = {"VAULT_KEY": self.vault_key}
            given = {"CUSTOMER_ID_SALT": self.customer_id_salt, **fernet_keys}
        elif not (self.key_encryption_key_file or self.key_encryption_kms_key):
            given = fernet_keys = {"KEY_ENCRYPTION_KEY": self.key_encryption_key}
        _refuse_no_fernet_keys(fernet_keys)
        if self.environment == "production":
            _refuse_guessable(given)

    def old_vault_keys(self) -> list[SecretStr]:
        """The keys of VAULT_OLD_KEYS, in their order."""
        texts = self.vault_old_keys.get_secret_value().split(",")
        return [SecretStr(text.strip()) for text in texts if text.strip()]

    @property
    def bootstrap(self) -> str:
        """Kafka address: KAFKA_BOOTSTRAP_SERVERS, else the embedded broker."""
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.port_base + 2}"

    @property
    def registry_url(self) -> str:
        """SCHEMA_REGISTRY_URL, else the embedded registry."""
        return self.schema_registry_url or (
            f"http://127.0.0.1:{self.port_base + 1}/apis/ccompat/v7"
        )

    @property
    def spark_remote(self) -> str:
        """SPARK_REMOTE_URL without session parameters, else the embedded Connect server."""
        return self.spark_remote_url or f"sc://127.0.0.1:{self.port_base + 4}"

    @property
    def snowflake_address(self) -> SnowflakeAddress:
        """SNOWFLAKE_URL in its parts, else the account's own address."""
        own = f"https://{self.snowflake_account}.snowflakecomputing.com"
        url = urlsplit(self.snowflake_url or own)
        port = url.port or {"https": 443, "http": 80}[url.scheme]
        return SnowflakeAddress(url.scheme, url.hostname or "", port)

    @property
    def dagster_webserver(self) -> str:
        """DAGSTER_URL, else the embedded webserver."""
        return self.dagster_url.rstrip("/") or f"http://127.0.0.1:{self.port_base}"

    @property
    def lake(self) -> str:
        """Root of the Delta tables: LAKE_URI, else a folder under DATA_DIR."""
        return self.lake_uri or str(self.data_dir / "lake")


def _refuse_no_fernet_keys(given: Mapping[str, SecretStr]) -> None:
    for name, secret in given.items():
        try:
            raw = base64.b64decode(secret.get_secret_value(), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        if len(raw) != _FERNET_BYTES:
            raise ValueError(f"{name} must be a Fernet key (32 random bytes as base64url)")


def _refuse_guessable(given: Mapping[str, SecretStr]) -> None:
    examples = (EXAMPLE_SALT, EXAMPLE_VAULT_KEY)
    for name, secret in given.items():
        text = secret.get_secret_value()
        if text in examples:
            raise ValueError(f"{name} is the example; set a secret of your own")
        if len(set(text)) < _MIN_DIFFERENT:
            raise ValueError(f"{name} has fewer than {_MIN_DIFFERENT} different characters")


def load_settings() -> Settings:
    """Read the environment afresh; raises `SettingsError` naming the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_readable(error)) from None


def _readable(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in item["loc"]).upper()
        lines.append(
            f"{name}: {item['msg']}" if name else item["msg"].removeprefix("Value error, ")
        )
    return "; ".join(lines)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return load_settings()
