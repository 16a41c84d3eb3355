"""What is shipped is listed, and nothing secret is in the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from fraudstream_platform.settings import PROJECT_ROOT
from fraudstream_tests.advisories import verdict
from fraudstream_tests.hygiene import bill_of_materials

pytestmark = pytest.mark.unit

REQUIREMENTS = (PROJECT_ROOT / "requirements.txt").read_text()


def test_the_bill_of_materials_names_every_pinned_package_with_its_hashes() -> None:
    """6.3.2: a component that is missing in the list is one whose weakness nobody looks up."""
    bill = bill_of_materials(REQUIREMENTS)
    packages = [one for one in bill["components"] if one["purl"].startswith("pkg:pypi/")]
    assert len(packages) == len(re.findall(r"^\S+==", REQUIREMENTS, re.MULTILINE)) > 100
    hashes = sum(len(one["properties"]) for one in packages)
    assert hashes == REQUIREMENTS.count("--hash=sha256:")
    assert {one["name"] for one in bill["components"]} >= {"cryptography", "polars", "kafka_2.13"}
    assert len({one["bom-ref"] for one in bill["components"]}) == len(bill["components"])


def test_the_secret_scan_finds_a_key_that_is_about_to_be_committed() -> None:
    """A hook that finds nothing gives false ease. The key is made here, and is nobody's."""
    planted = PROJECT_ROOT / "fraudstream_tests" / "unit" / "planted_by_a_test.tmp"
    key = "AKIA" + "Q" * 4 + "ABCDEFGHIJKL"
    planted.write_text(f"aws_access_key_id = {key}\n")
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "detect_secrets.pre_commit_hook",
                "--baseline", str(PROJECT_ROOT / ".secrets.baseline"), str(planted),
            ],
            cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        planted.unlink()
    assert done.returncode == 1 and "AWS Access Key" in done.stdout


SOUND: dict[str, object] = {"name": "sound", "version": "1", "vulns": []}
WEAK: dict[str, object] = {
    "name": "weak", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}],
}  # fmt: skip
UNKNOWN: dict[str, object] = {"name": "unknown", "version": "3", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status", "told"),
    [
        ([SOUND, WEAK], 1, "weak 2: PYSEC-1"),
        ([SOUND], 0, "1 packages audited, 0 known weaknesses"),
        ([SOUND, UNKNOWN], 0, "NOT AUDITED, unknown to the database: unknown"),
        ([UNKNOWN, UNKNOWN], 0, "SKIPPED, NOTHING WAS AUDITED"),
    ],
)
def test_an_audit_says_what_it_found_and_what_it_could_not_ask(
    packages: list[dict[str, object]], status: int, told: str
) -> None:
    """A mirror that has no advisories finds no weakness in anything: that is not a clean bill."""
    found = verdict(json.dumps({"dependencies": packages}), "")
    assert (found.status, told in found.told) == (status, True)


@pytest.mark.parametrize(
    ("errors", "status"), [("ConnectionError: timed out", 0), ("no such option: --requirement", 1)]
)
def test_a_database_out_of_reach_is_no_failure_and_a_wrong_call_is_one(
    errors: str, status: int
) -> None:
    """Offline, all else must go on; a check that never runs must not."""
    found = verdict("", errors)
    assert (found.status, "SKIPPED" in found.told) == (status, not status)
