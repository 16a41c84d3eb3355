"""What the groups of one rebuild have finished, told through small files in a shared folder.

Spark hands a job's results over when its tasks end. Each hour is told as it is finished, so that it
can be replaced at once: a rebuild that is killed keeps the hours before.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from fraudstream_platform.lake.files import DataFile


class Shares:
    """A share is one group's part of one hour: the files that it wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self, hour: str, group: int, files: Sequence[DataFile]) -> None:
        """The share is whole, in these files, each of them on disk."""
        path = self._path(hour, group)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps([file.to_json() for file in files]))
        partial.replace(path)

    def is_told(self, hour: str, group: int) -> bool:
        """Whether an earlier try of the task has finished this share."""
        return self._path(hour, group).exists()

    def count(self) -> int:
        """How many shares are whole."""
        return sum(1 for _ in self.folder.glob("*.json"))

    def of_hour(self, hour: str, groups: int) -> list[DataFile] | None:
        """Files of all groups; None while a share of the hour is missing."""
        paths = [self._path(hour, group) for group in range(groups)]
        if not all(path.exists() for path in paths):
            return None
        return [DataFile(**raw) for path in paths for raw in json.loads(path.read_text())]

    def _path(self, hour: str, group: int) -> Path:
        return self.folder / f"{hour}.{group}.json"
