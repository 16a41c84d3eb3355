"""Packages of one engine alone, where they do not agree with the project's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from fraudstream_platform.errors import UserError


def installed(requirements: Path, home: Path) -> Path:
    """A folder below `home` with exactly what `requirements` pins; installed at the first use.

    It stands before the project's packages on PYTHONPATH, so an engine sees its own first. Raises
    UserError where they cannot be installed.
    """
    content = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = home / f"{requirements.stem}-{content[:12]}"
    if folder.exists():
        return folder
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    home.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--require-hashes", "--target", str(making), "-r", str(requirements)),
    ]
    try:
        if subprocess.run(command, check=False).returncode:
            raise UserError(f"The packages of {requirements.stem} could not be installed")
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder
