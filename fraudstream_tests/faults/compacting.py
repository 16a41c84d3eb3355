"""Joins the files of every drained table again and again, of the open hour too; told `dies`, it
dies once, after it has written a file and before it commits it."""

from __future__ import annotations

import os
import signal
import sys
import time
from itertools import groupby
from typing import Any

from fraudstream_platform.lake import compaction
from fraudstream_platform.lake.actions import held_files
from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.tables import DRAINED, HOUR, open_table
from fraudstream_platform.settings import Settings, get_settings

_TARGET_BYTES = 64 << 20
_REST_S = 0.2
_PASSES = 100


def compact(settings: Settings) -> None:
    """One pass over all tables; where the committer wins every race, the next pass does it."""
    for table in DRAINED:
        files = held_files(open_table(settings, table), HOUR)
        for _, part in groupby(files, key=lambda file: file.partition):
            bins = compaction.plan_bins(list(part), _TARGET_BYTES)
            if bins:
                try:
                    compaction.compact_partition(settings, table, bins)
                except CommitContendedError:
                    continue


def _die(*_: Any) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


if __name__ == "__main__":
    dies = sys.argv[1:] == ["dies"]
    if dies:
        setattr(compaction, "_swap", _die)  # noqa: B010 - mypy knows the right one's type
    for _ in range(_PASSES if dies else sys.maxsize):
        compact(get_settings())
        print("joined", flush=True)
        time.sleep(_REST_S)
