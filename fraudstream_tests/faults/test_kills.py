"""One round each of the quick kinds; `make faults` runs more of all."""

from __future__ import annotations

from pathlib import Path

from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_tests.faults.rounds import one_round, proof, stack, transactions

DRAIN = ("kafka", "registry", "spark", "code", "daemon")


def test_a_killed_run_and_a_killed_worker_lose_and_double_nothing(tmp_path: Path) -> None:
    """The pipeline goes on by itself; every record is stored once, every alert out once."""
    settings = settings_on_free_ports(tmp_path / "data")
    with stack(settings, DRAIN) as watch:
        with transactions(settings, watch, tps=500):
            for kind in ("run", "worker"):
                one_round(settings, watch, kind)
        findings, doubled = proof(settings)
    assert doubled == []
    assert [finding for finding in findings if not finding.holds] == []
