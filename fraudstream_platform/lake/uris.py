"""Where a table lies in a lake: `<lake>/<layer>/<name>`."""

from __future__ import annotations


def uri_of(lake: str, table: str) -> str:
    """URI of the table `<layer>.<name>` under a lake's root."""
    return f"{lake.rstrip('/')}/{table.replace('.', '/')}"
