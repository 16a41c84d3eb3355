"""Columns of the lake's tables as the UI lists them."""

from __future__ import annotations

import dagster as dg

from fraudstream_platform.detection.catalogue import FEATURES
from fraudstream_platform.lake.tables import full_schema, partition_column

_DEFINITIONS = {feature.name: feature.definition for feature in FEATURES}


def column_schema(table: str) -> dg.TableSchema:
    """Names and types of a table's columns; features with their definition."""
    partition = {partition_column(table): "The partition of the table."}
    told = {**(_DEFINITIONS if table == "gold.features" else {}), **partition}
    return dg.TableSchema(
        [
            dg.TableColumn(name, str(kind), description=told.get(name))
            for name, kind in full_schema(table).items()
        ]
    )
