"""Crash points: a test's way to end a process at a known place, and nothing else."""

from __future__ import annotations

import multiprocessing
import secrets
import signal
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError

from fraudstream_platform.drain.crash_points import (
    PLACES,
    ArmedFailureError,
    crash_point,
    failure_point,
    taken_file,
)
from fraudstream_platform.settings import Settings


def _passes_by(folder: str) -> int | None:
    """Exit code of a process that passes every place."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_pass_all, args=(folder,))
    process.start()
    process.join(timeout=30)
    return process.exitcode


def _pass_all(folder: str) -> None:
    for one in PLACES:
        crash_point(Settings(crash_points_dir=folder), one)


@pytest.mark.parametrize("place", PLACES)
def test_one_process_dies_where_a_place_is_armed_and_the_next_one_lives(
    tmp_path: Path, place: str
) -> None:
    """Guards against a round that kills nobody and passes, and against one that never recovers."""
    (tmp_path / place).touch()
    assert _passes_by(str(tmp_path)) == -signal.SIGKILL
    assert taken_file(Settings(crash_points_dir=str(tmp_path)), place).exists()  # type: ignore[arg-type]
    assert _passes_by(str(tmp_path)) == 0


def test_steps_fail_as_long_as_a_test_wants_them_to(tmp_path: Path) -> None:
    """Guards against a trial in which nothing failed, and against one that never goes on."""
    settings = Settings(crash_points_dir=str(tmp_path))
    failure_point(settings)
    (armed := tmp_path / "decoded").touch()
    for _ in range(2):
        with pytest.raises(ArmedFailureError):
            failure_point(settings)
    armed.unlink()
    failure_point(settings)


def test_production_refuses_crash_points(tmp_path: Path) -> None:
    """Guards against a file in some folder that ends a live system."""
    with pytest.raises(ValidationError, match="CRASH_POINTS_DIR"):
        Settings(
            environment="production",
            customer_id_salt=SecretStr(secrets.token_urlsafe(32)),
            vault_key=SecretStr(Fernet.generate_key().decode()),
            crash_points_dir=str(tmp_path),
        )
