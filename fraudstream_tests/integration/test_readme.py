"""The README's commands are run as they stand: what it promises is what a newcomer gets."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.lake.tables import VAULT, scan
from fraudstream_platform.local.ports import free_port_base
from fraudstream_platform.protection.keys import sealer_of
from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_tests.scan import leaks_in_files, spellings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(620)]

BLOCKS = re.findall(
    r"^```(?:sh|bash)\n(.*?)^```", (PROJECT_ROOT / "README.md").read_text(), re.M | re.S
)
TESTS_ITSELF = "make test\n"
PLANTED = 1_000


def test_the_readme_has_blocks_to_run() -> None:
    """A block in another spelling would be run by nobody."""
    assert TESTS_ITSELF in BLOCKS
    assert len(BLOCKS) == (PROJECT_ROOT / "README.md").read_text().count("```") // 2 - 1


@pytest.mark.parametrize("block", [block for block in BLOCKS if block != TESTS_ITSELF])
def test_a_block_does_what_the_readme_says(block: str, tmp_path: Path) -> None:
    """Guards the README; its own ports and folder keep it apart from what else runs here."""
    report = PROJECT_ROOT / "report.json"
    report.unlink(missing_ok=True)
    environment = {**os.environ, "PORT_BASE": str(free_port_base()), "DATA_DIR": str(tmp_path)}
    environment["MARTS_NICE"] = "0"  # other tests leave nothing for who goes last
    for name in ("MAKEFLAGS", "MAKELEVEL", "SECONDS", "TPS", "REPORT"):
        environment.pop(name, None)  # of the make that runs this test
    try:
        done = subprocess.run(
            ["bash", "-euc", block],
            cwd=PROJECT_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        figures = json.loads(report.read_text())
    finally:
        report.unlink(missing_ok=True)
    assert figures["problems"] == []
    assert figures["produced"] == figures["bronze_rows"] + figures["dead_letters"]
    assert figures["produced_live"] == 10_000
    _refuse_readable_identities(tmp_path, done.stdout + done.stderr)


def _refuse_readable_identities(data_dir: Path, said: str) -> None:
    """What the whole system left behind holds no card, e-mail or phone of those that went through it.

    Kafka's log, state, lake, DuckDB, dbt's artefacts, Dagster's event log, Spark's folders, all logs.
    """
    settings = Settings(_env_file=None, data_dir=data_dir / "demo")
    sealer = sealer_of(settings)
    rows = scan(settings, VAULT).filter(pl.col("entity_type").is_in(["card", "email", "phone"]))
    kept = rows.group_by("entity_type").head(PLANTED).collect()
    assert kept.height > PLANTED
    secrets = [sealer.open(sealed).value for sealed in kept["sealed"]]
    assert leaks_in_files(data_dir, secrets) == set()
    assert not [one for one in secrets if any(n in said.encode() for n in spellings(one))]
