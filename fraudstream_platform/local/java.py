"""Finding a Java that can run the embedded services."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from fraudstream_platform.errors import UserError

REQUIRED = 17
_HINT = "install openjdk-17-jre-headless and run again"


class JavaMissingError(UserError):
    """No usable Java; the message says what was found and what to install."""


def parse_major(version_text: str) -> int | None:
    """Major version in the output of `java -version` ("1.8.0" counts as 8), or None."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', version_text)
    if found is None:
        return None
    major = int(found.group(1))
    return int(found.group(2) or 0) if major == 1 else major


@lru_cache(maxsize=4)
def _major_of(java: str) -> int | None:
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_major(done.stderr + done.stdout)


def find_java() -> str:
    """Path of `java` (JAVA_HOME first, then PATH); raises `JavaMissingError`."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None or not Path(java).exists():
        where = f"JAVA_HOME={home} has no bin/java" if home else "no java on PATH"
        raise JavaMissingError(f"Java {REQUIRED} is needed, but {where}: {_HINT}")
    major = _major_of(java)
    if major is None or major < REQUIRED:
        found = "does not run" if major is None else f"is Java {major}"
        raise JavaMissingError(f"Java {REQUIRED} is needed, but {java} {found}: {_HINT}")
    return java
