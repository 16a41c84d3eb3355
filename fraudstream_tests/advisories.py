"""Known weaknesses of the pinned packages: `python -m fraudstream_tests.advisories`.

pip-audit asks the database. What it could not ask about is said on standard error, and loudly: an
index that mirrors packages and no advisories answers that it knows none of them, which pip-audit
takes for success.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import Any, NamedTuple

from fraudstream_platform.settings import PROJECT_ROOT

_COMMAND = ["--requirement", "requirements.txt", "--disable-pip", "--no-deps", "--format", "json"]
_UNREACHABLE = re.compile(r"connection|resolve|timed out|ServiceError", re.IGNORECASE)
_SKIPPED = "SKIPPED, NOTHING WAS AUDITED: "


class Verdict(NamedTuple):
    """Exit status, and what people are told."""

    status: int
    told: str


def verdict(report: str, errors: str) -> Verdict:
    """What pip-audit's JSON on standard output, or its errors where it wrote none, come to."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except ValueError:
        if _UNREACHABLE.search(errors):
            return Verdict(0, f"{_SKIPPED}the advisory database cannot be reached")
        return Verdict(1, errors)
    asked = [one for one in packages if "skip_reason" not in one]
    if not asked:
        return Verdict(0, f"{_SKIPPED}the database knows none of {len(packages)} packages")
    weak = [
        f"{one['name']} {one['version']}: {found['id']}, mended in {found['fix_versions'] or 'none'}"
        for one in asked
        for found in one["vulns"]
    ]
    left_out = sorted(one["name"] for one in packages if one not in asked)
    told = [*weak, f"{len(asked)} packages audited, {len(weak)} known weaknesses"]
    if left_out:
        told.append(f"NOT AUDITED, unknown to the database: {', '.join(left_out)}")
    return Verdict(int(bool(weak)), "\n".join(told))


def main() -> int:
    """Ask, tell, and give the exit status."""
    program = shutil.which("pip-audit")
    if program is None:
        found = Verdict(0, f"{_SKIPPED}pip-audit is not installed (pipx install pip-audit)")
    else:
        done = subprocess.run(
            [program, *_COMMAND, "--progress-spinner", "off"],
            cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found = verdict(done.stdout, done.stderr)
    sys.stderr.write(found.told + "\n")
    return found.status


if __name__ == "__main__":
    sys.exit(main())
