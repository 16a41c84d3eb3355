"""Facts of tables and disks."""

from __future__ import annotations

import shutil
from pathlib import Path

from fraudstream_platform.doctor.judge_lake import DiskFacts
from fraudstream_platform.lake.tables import TABLES, open_table
from fraudstream_platform.settings import Settings


def missing_tables(settings: Settings) -> list[str]:
    """Tables that cannot be opened, in their order."""
    return [table for table in TABLES if not _opens(settings, table)]


def ask_disks(settings: Settings) -> list[DiskFacts]:
    """The file systems of DATA_DIR and, where it is a folder elsewhere, of LAKE_URI."""
    folders = {"DATA_DIR": settings.data_dir}
    if settings.lake_uri and "://" not in settings.lake_uri:
        folders["LAKE_URI"] = Path(settings.lake_uri)
    return [
        DiskFacts(setting, str(folder), shutil.disk_usage(_nearest(folder)).free)
        for setting, folder in folders.items()
    ]


def _opens(settings: Settings, table: str) -> bool:
    try:
        open_table(settings, table)
    except FileNotFoundError:
        return False
    return True


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there already."""
    found = folder.resolve()
    while not found.exists():
        found = found.parent
    return found
