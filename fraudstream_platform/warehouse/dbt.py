"""How dbt is run: its folders (all under DATA_DIR), its environment, manifest and documentation.

dbt runs as a process of its own, sees only the variables it needs, sends no statistics and reads
nothing from the network.
"""

from __future__ import annotations

import hashlib
import os
import subprocess  # nosec B404
import sys
import tempfile
import time
from pathlib import Path

from fraudstream_platform.settings import PROJECT_ROOT, Settings

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
EXECUTABLE = Path(sys.executable).parent / "dbt"
_TIMEOUT_S = 600
_KEEP = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class DbtError(RuntimeError):
    """A dbt command failed; the message ends with the last lines it printed."""


def warehouse_file(settings: Settings) -> Path:
    """The DuckDB database."""
    return settings.data_dir.resolve() / "warehouse" / "fraudstream.duckdb"


def target_dir(settings: Settings) -> Path:
    """Where dbt leaves its manifest, compiled models and logs."""
    return settings.data_dir.resolve() / "dbt"


def docs_dir(settings: Settings) -> Path:
    """The folder of the documentation site, served on PORT_BASE+6."""
    return settings.data_dir.resolve() / "dbt_docs"


def manifest_file(settings: Settings) -> Path:
    """The prepared manifest of the project as it stands: its name carries the project's digest."""
    name = f"manifest-{target(settings)}-{project_digest()}"
    return target_dir(settings) / name / "manifest.json"


def target(settings: Settings) -> str:
    """dbt's target: snowflake where an account is given, else embedded (DuckDB)."""
    return "snowflake" if settings.snowflake_account else "embedded"


def project_digest() -> str:
    """Digest of the project's files: another text, another manifest."""
    digest = hashlib.sha256()
    for path in sorted(PROJECT_DIR.rglob("*")):
        if path.suffix in {".sql", ".yml", ".md"} and path.is_file():
            digest.update(path.relative_to(PROJECT_DIR).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The variables that the project reads, and those that keep dbt quiet and small."""
    return {
        "FRAUDSTREAM_TARGET": target(settings),
        "FRAUDSTREAM_LAKE": str(Path(settings.lake).resolve()),
        "FRAUDSTREAM_WAREHOUSE": str(warehouse_file(settings)),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(target_dir(settings)),
        "DBT_LOG_PATH": str(target_dir(settings) / "logs"),
        "POLARS_MAX_THREADS": "1",
        "PYTHONPATH": str(PROJECT_ROOT),
        **(_snowflake_environment(settings) if settings.snowflake_account else {}),
    }


def _snowflake_environment(settings: Settings) -> dict[str, str]:
    """What the profile reads of the account; dbt keeps what is named DBT_ENV_SECRET out of its logs."""
    return {
        "SNOWFLAKE_ACCOUNT": settings.snowflake_account,
        "SNOWFLAKE_USER": settings.snowflake_user,
        "SNOWFLAKE_PRIVATE_KEY_FILE": settings.snowflake_private_key_file,
        "SNOWFLAKE_ROLE": settings.snowflake_transformer_role,
        "SNOWFLAKE_WAREHOUSE": settings.snowflake_warehouse,
        "SNOWFLAKE_DATABASE": settings.snowflake_database,
        "SNOWFLAKE_PROTOCOL": settings.snowflake_address.protocol,
        "SNOWFLAKE_HOST": settings.snowflake_address.host,
        "SNOWFLAKE_PORT": str(settings.snowflake_address.port),
        "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": settings.snowflake_password.get_secret_value(),
        "DBT_ENV_SECRET_SNOWFLAKE_PASSPHRASE": (
            settings.snowflake_private_key_passphrase.get_secret_value()
        ),
    }


def run_dbt(settings: Settings, *arguments: str, target_path: Path | None = None) -> str:
    """Run one dbt command and return what it printed; raises DbtError if it fails."""
    make_folders(settings)
    environment = {name: os.environ[name] for name in _KEEP if name in os.environ}
    environment |= dbt_environment(settings)
    if target_path is not None:
        environment["DBT_TARGET_PATH"] = str(target_path)
    done = subprocess.run(  # nosec B603
        [str(EXECUTABLE), "--no-use-colors", *arguments],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
        raise DbtError(f"dbt {' '.join(arguments)} failed ({done.returncode}):\n{last}")
    return done.stdout


def make_folders(settings: Settings) -> None:
    """Create the folders that dbt writes into."""
    for folder in (warehouse_file(settings).parent, target_dir(settings), docs_dir(settings)):
        folder.mkdir(parents=True, exist_ok=True)


def prepare(settings: Settings) -> Path:
    """The manifest, parsed unless the project is unchanged since the last time."""
    manifest = manifest_file(settings)
    if not manifest.exists():
        make_folders(settings)
        with tempfile.TemporaryDirectory(dir=target_dir(settings)) as scratch:
            run_dbt(settings, "parse", target_path=Path(scratch))
            manifest.parent.mkdir(exist_ok=True)
            # Put in place whole: a rival that parses at the same time gets the same text.
            (Path(scratch) / "manifest.json").replace(manifest)
    return manifest


def build(settings: Settings, *, full_refresh: bool = False) -> str:
    """Build and test every model; needs the lake's tables to exist."""
    return run_dbt(settings, "build", *(["--full-refresh"] if full_refresh else []))


def build_docs(settings: Settings) -> Path:
    """Write the documentation as one page and put it in place of the old one, whole."""
    run_dbt(settings, "docs", "generate", "--static")
    index = docs_dir(settings) / "index.html"
    fresh = index.with_suffix(".new")
    fresh.write_bytes((target_dir(settings) / "static_index.html").read_bytes())
    fresh.replace(index)
    _digest_file(settings).write_text(project_digest())
    return index


def docs_are_fresh(settings: Settings, max_age_s: float) -> bool:
    """Whether the page shows the project as it stands and is younger than `max_age_s`."""
    mark = _digest_file(settings)
    if not mark.exists() or mark.read_text() != project_digest():
        return False
    return time.time() - mark.stat().st_mtime < max_age_s


def slow_built_s(settings: Settings) -> float | None:
    """When the models with the tag `slow` were built last, epoch seconds; None before the first time."""
    mark = _slow_file(settings)
    is_kept = bool(settings.snowflake_account) or warehouse_file(settings).exists()
    return mark.stat().st_mtime if is_kept and mark.exists() else None


def mark_slow_built(settings: Settings) -> None:
    """Note that a build with the slow models succeeded just now."""
    _slow_file(settings).touch()


def _slow_file(settings: Settings) -> Path:
    return target_dir(settings) / f"slow-{target(settings)}-{project_digest()}.built"


def _digest_file(settings: Settings) -> Path:
    return target_dir(settings) / "docs.digest"
