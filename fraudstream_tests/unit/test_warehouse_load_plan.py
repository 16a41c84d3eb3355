"""What a load plans: each row once, whatever became of the files that hold it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream_platform.lake.content import joined_name, mark_of
from fraudstream_platform.lake.shown import ShownFile
from fraudstream_platform.warehouse.load_plan import Change, batches, plan

pytestmark = pytest.mark.unit
HOUR = "2026-01-01T00"


def files(*names: str, hour: str = HOUR) -> list[ShownFile]:
    return [ShownFile(Path(f"{hour}/{name}"), hour, 10, 1) for name in names]


def marks(*names: str, hour: str = HOUR) -> dict[str, frozenset[int]]:
    return {hour: frozenset(map(mark_of, names))}


def told(changes: list[Change]) -> list[tuple[str, list[str]]]:
    return [(change.kind, [file.path.name for file in change.files]) for change in changes]


def test_what_is_loaded_needs_nothing_and_what_is_new_is_appended() -> None:
    """Guards against hours that are copied again with each load."""
    assert plan(files("a", "b"), marks("a", "b")) == []
    assert told(plan(files("a", "b", "c"), marks("a", "b"))) == [("append", ["c"])]
    assert told(plan(files("a"), {})) == [("append", ["a"])]


def test_a_compaction_of_loaded_files_renames_and_of_others_replaces() -> None:
    """Guards against rows that come twice because a file of many names stands for them."""
    joined = joined_name("x", ["a", "b"])
    assert told(plan(files(joined), marks("a", "b"))) == [("rename", [joined])]
    assert told(plan(files(joined, "c"), marks("a", "b", "c"))) == [("rename", [joined, "c"])]
    assert told(plan(files(joined), marks("a"))) == [("replace", [joined])]
    assert told(plan(files(joined, "c"), marks("a", "b"))) == [("replace", [joined, "c"])]


def test_a_partition_that_is_gone_is_removed() -> None:
    """Guards against hours that a rebuild emptied and that live on in the warehouse."""
    assert told(plan([], marks("a"))) == [("replace", [])]


@given(st.lists(st.sampled_from(["append", "compact", "replace", "load"]), max_size=30))
def test_loads_between_any_changes_end_in_the_rows_of_the_lake(steps: list[str]) -> None:
    """Guards against an order of flush, compaction, rebuild and load that loses or doubles rows."""
    lake: dict[str, frozenset[int]] = {}  # file -> its rows
    warehouse: list[int] = []
    ledger: dict[str, frozenset[int]] = {}
    for number, step in enumerate([*steps, "load"]):
        if step == "append":
            lake[f"f{number}"] = frozenset({number})
        elif step == "replace":
            lake = {f"f{number}": frozenset({number})}
        elif step == "compact" and len(lake) > 1:
            kept = dict(list(lake.items())[2:])
            joined = list(lake)[:2]
            rows = frozenset().union(*(lake[name] for name in joined))
            lake = {**kept, joined_name(f"j{number}", joined): rows}
        elif step == "load":
            for change in plan(files(*lake), ledger):
                if change.kind == "replace":
                    warehouse = []
                warehouse += [row for file in change.copied for row in lake[file.path.name]]
                ledger = marks(*lake)
    assert sorted(warehouse) == sorted(row for rows in lake.values() for row in rows)


def test_batches_keep_partitions_whole_and_order() -> None:
    """Guards against half of a replaced hour in one transaction and half in the next."""
    changes = [Change(f"h{n}", "append", tuple(files(*"abc"[: n + 1]))) for n in range(3)]
    assert [len(batch) for batch in batches(changes, 30)] == [2, 1]
    assert [len(batch) for batch in batches(changes, 1)] == [1, 1, 1]
    assert [change for batch in batches(changes, 30) for change in batch] == changes
