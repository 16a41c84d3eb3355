"""Deliberately broken builds: a trial has to fail on each of them.

A copy of the sources is broken, and the trial runs there: nothing in the product knows of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fraudstream_platform.settings import PROJECT_ROOT

_PACKAGE = "fraudstream_platform"
_FOUND = r"WrongError: (?!the feed)|NotRecoveredError: after \d+ s: (after )?{}: "
"""An end state that is wrong, or a pipeline that stands still after a blow: not one that never began."""
_COPIED = (_PACKAGE, "fraudstream_tests", "schemas", "rules", "dbt_project")
_COPIED_FILES = ("workspace.yaml", "pyproject.toml")


@dataclass(frozen=True)
class Break:
    """Replacements (file, old, new) in the package, and the faults that bring it to light."""

    edits: tuple[tuple[str, str, str], ...]
    kinds: str


BREAKS: dict[str, Break] = {
    # A flush's files take their names once the journal has them: who dies meanwhile loses them.
    "journal-before-files": Break(
        (
            (
                "drain/flush.py",
                """\
        return Written(""",
                """\
        for file in files:
            path = Path(table_uri(self._settings, file.table)) / file.path
            LATER.append(path)
            path.rename(path.with_suffix(".later"))
        return Written(""",
            ),
            (
                "drain/flush.py",
                """\
class FlushWorker:
""",
                """\
LATER: list[Path] = []


class FlushWorker:
""",
            ),
            (
                "drain/flush.py",
                """\
from fraudstream_platform.lake.tables import DRAINED
""",
                """\
from pathlib import Path

from fraudstream_platform.lake.tables import DRAINED, table_uri
""",
            ),
            (
                "drain/owner.py",
                """\
        if written is not None:
            crash_point(self._settings, "files_written")
""",
                "",
            ),
            (
                "drain/owner.py",
                """\
        self._ledger.commit(entries, alerts, seals)
""",
                """\
        self._ledger.commit(entries, alerts, seals)
        from fraudstream_platform.drain.flush import LATER

        if any(entry.files for entry in entries):
            crash_point(self._settings, "files_written")
            while LATER:
                path = LATER.pop()
                path.with_suffix(".later").rename(path)
""",
            ),
        ),
        "at-files-written",
    ),
    # A successor publishes what it replays, too.
    "alerts-not-suppressed": Break(
        (
            (
                "drain/held.py",
                "        return alert.offset >= self.stepped[alert.partition]\n",
                "        return True\n",
            ),
        ),
        "worker",
    ),
    # Whoever fences last owns the group, on what it knew when it first asked.
    "owner-not-checked": Break(
        (
            (
                "drain/task.py",
                """\
            standing = read_standing(journal, assignment.group)
            if standing is not None and standing.term > assignment.term:
                return "superseded"
            crash_point(settings, "fenced")
""",
                """\
            crash_point(settings, "fenced")
""",
            ),
            (
                "drain/task.py",
                """\
            standing = read_standing(journal, assignment.group)
            if standing is not None and standing.term > assignment.term:
                return "superseded"
            log.warning(""",
                """\
            log.warning(""",
            ),
            (
                "drain/task.py",
                """\
) -> Outcome:
    while True:
        owner = Owner(""",
                """\
) -> Outcome:
    standing = read_standing(journal, assignment.group)
    while True:
        owner = Owner(""",
            ),
        ),
        "zombie",
    ),
    # What Bronze has, the other tables are believed to have.
    "one-position-for-all": Break(
        (
            (
                "drain/committer.py",
                """\
        crash_point(self._settings, "flush_journaled")
""",
                """\
        bronze = next(iter(self._tables.values()))._recorded
        known = bronze.read(sorted({p for batch in batches for p in batch.end}))
        batches = [b for b in batches if any((known[p] or -1) < b.end[p] for p in b.end)]
        crash_point(self._settings, "flush_journaled")
""",
            ),
            (
                "lake/commit.py",
                """\
            if known != start and not (known is None and batch.origin):
                raise CommitGapError(""",
                """\
            if known is not None and known > start:
                raise CommitGapError(""",
            ),
        ),
        "at-between-tables",
    ),
}


def broken_copy(name: str, folder: Path) -> None:
    """Copy what a trial needs of the project into `folder`, and break it as `name` says."""
    for part in _COPIED:
        shutil.copytree(PROJECT_ROOT / part, folder / part)
    for part in _COPIED_FILES:
        shutil.copy2(PROJECT_ROOT / part, folder / part)
    for file, old, new in BREAKS[name].edits:
        path = folder / _PACKAGE / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{name}: {file} is not as it was; find the place to break anew")
        path.write_text(text.replace(old, new))


def trial_of(name: str, rounds: int, seed: int) -> tuple[bool, str]:
    """Try the broken build: whether the trial failed as it has to, and its last words."""
    folder = Path(tempfile.mkdtemp(prefix=f"fraudstream-{name}-"))
    broken_copy(name, folder)
    command = [sys.executable, "-m", "fraudstream_tests.faults", "--rounds", str(rounds)]
    command += ["--kinds", BREAKS[name].kinds, "--seed", str(seed)]
    command += ["--log", str(folder / "faults.jsonl")]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if line.strip()]
    failed = re.search(_FOUND.format(BREAKS[name].kinds), done.stderr) is not None
    shutil.rmtree(folder)
    return done.returncode != 0 and failed, "\n".join(told[-6:])
