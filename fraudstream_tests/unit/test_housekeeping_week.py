"""A week of one-minute windows in Dagster's storage, with retention: it stays bounded.

All 10,080 run records are stored, with their tags, and looked at by the real retention, four times a
day. Events cost far more time to store: one run in `SAMPLED` has some, with a materialization, a check
and captured output. What a sampled run leaves behind is counted.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import AssetMaterialization, DagsterEvent, StepMaterializationData
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._serdes import serialize_value

from fraudstream_platform.defs.requests import JOB_NAME, policy_of, run_request
from fraudstream_platform.defs.sensor import drain_runs
from fraudstream_platform.drain.heads import Heads
from fraudstream_platform.drain.planning import Window, plan
from fraudstream_platform.housekeeping.dagster_storage import forget_runs
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit
