"""Loading a table of the lake into Snowflake, every row exactly once.

1. Read in the ledger (schema `LOADS`) how often the table was loaded and which files' rows it has.
2. See the table's newest version and plan the changes by partition (`load_plan`): none, then there
   is nothing to do.
3. For each batch of changes: join the files' rows into a few (`staging`) and put them on a stage that
   goes with the session.
4. In one transaction: claim the table in the ledger, on the condition that nobody loaded it since 1;
   delete what is replaced, copy what was staged, write the files into the ledger.
5. Where the claim fails, a rival was faster: begin again at 1.

The claim locks the table's ledger row, so rivals wait for each other. Rows and ledger move together
or not at all: whatever dies, and whenever, a repeat finds at 1 what is still to be done.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from snowflake.connector import Error, SnowflakeConnection
from snowflake.connector.cursor import SnowflakeCursor

from fraudstream_platform.lake.content import mark_of
from fraudstream_platform.lake.shown import shown
from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse import snowflake_tables as sql
from fraudstream_platform.warehouse.dbt import warehouse_file
from fraudstream_platform.warehouse.load_plan import Change, batches, plan
from fraudstream_platform.warehouse.snowflake_tables import Target
from fraudstream_platform.warehouse.staging import stage_files

_ATTEMPTS = 20
_TRANSACTION_BYTES = 1 << 30
_LEDGER_ROWS = 10_000


class LoadContendedError(RuntimeError):
    """Rivals won every attempt: the table is theirs, and a repeat finds what is left."""


@dataclass(frozen=True)
class Loaded:
    """What one call did to one table, up to `delta_version`."""

    table: str
    delta_version: int
    transactions: int
    changes: tuple[Change, ...]

    @property
    def rows(self) -> int:
        """Rows that were copied, those of replaced partitions anew."""
        return sum(file.rows for change in self.changes for file in change.copied)


class Loader:
    """Loads tables over one connection, whose role has the rights of docs/snowflake.md."""

    def __init__(self, settings: Settings, connection: SnowflakeConnection) -> None:
        self._settings = settings
        self._cursor: SnowflakeCursor = connection.cursor()
        schema = f"{sql.quoted(settings.snowflake_database)}.{sql.quoted(sql.LOADS)}"
        self._schema = schema
        self._tables = f'{schema}."TABLES"'
        self._files = f'{schema}."FILES"'
        self._stage = f'@{schema}."STAGED"'

    def prepare(self, tables: Iterable[str] = sql.LOADED) -> None:
        """Make the session's stage, and ledger and tables where there are none; add new columns."""
        for statement in sql.LEDGER:
            self._run(statement.format(schema=self._schema))
        for table in tables:
            self._make(Target(self._settings.snowflake_database, table))
        self._run(f"create temporary stage if not exists {self._stage.removeprefix('@')}")

    def load(self, table: str) -> Loaded:
        """Bring one table up to the lake; raises LoadContendedError, snowflake.connector.Error."""
        done: list[Change] = []
        transactions = 0
        for _ in range(_ATTEMPTS):
            loads, marks = self._loads(table), self._marks(table)
            now = shown(self._settings.lake, table)
            for batch in batches(plan(now.files, marks), _TRANSACTION_BYTES):
                if not self._has_applied(table, batch, loads, now.version):
                    break
                loads += 1
                transactions += 1
                done += batch
            else:
                return Loaded(table, now.version, transactions, tuple(done))
        raise LoadContendedError(f"{table}: {_ATTEMPTS} loads lost to rivals")

    def _make(self, target: Target) -> None:
        self._run(sql.create(target))
        self._run(f"select * from {target.name} limit 0")  # nosec B608
        held = [column.name for column in self._cursor.description]
        for statement in sql.add_columns(target, held):
            self._run(statement)
        # Two who do this at once write two rows, which from then on move together.
        self._run(
            f"insert into {self._tables} select %s, 0, -1, %s "  # nosec B608
            f'where not exists (select 1 from {self._tables} where "TABLE_NAME" = %s)',
            (target.table, _now(), target.table),
        )

    def _loads(self, table: str) -> int:
        self._run(
            f'select max("LOADS") from {self._tables} where "TABLE_NAME" = %s',  # nosec B608
            (table,),
        )
        ((loads,),) = self._cursor.fetchall()
        return int(loads)

    def _marks(self, table: str) -> dict[str, frozenset[int]]:
        self._run(
            f'select "LAKE_PARTITION", "MARK" from {self._files} where "TABLE_NAME" = %s',  # nosec B608
            (table,),
        )
        marks: dict[str, set[int]] = {}
        for partition, mark in self._cursor.fetchall():
            marks.setdefault(str(partition), set()).add(int(mark, 16))
        return {partition: frozenset(found) for partition, found in marks.items()}

    def _has_applied(
        self, table: str, batch: Sequence[Change], loads: int, delta_version: int
    ) -> bool:
        """One transaction; False, with nothing changed, where a rival has loaded the table."""
        target = Target(self._settings.snowflake_database, table)
        folder = self._put(table, batch)
        with self._transaction():
            self._run(
                f'update {self._tables} set "LOADS" = "LOADS" + 1, "DELTA_VERSION" = %s, '  # nosec B608
                '"LOADED_AT" = %s where "TABLE_NAME" = %s and "LOADS" = %s',
                (delta_version, _now(), table, loads),
            )
            if not self._cursor.rowcount:
                return False
            replaced = [change.partition for change in batch if change.kind == "replace"]
            if replaced:
                self._run(sql.delete(target, len(replaced)), replaced)
            if folder is not None:
                self._run(sql.copy(target, f"{self._stage}/{folder}/"))
            self._note(table, batch)
        return True

    def _put(self, table: str, batch: Sequence[Change]) -> str | None:
        """Stage the rows that are to be copied; the folder on the stage, None where there are none."""
        files = [file for change in batch for file in change.copied]
        if not files:
            return None
        folder = uuid.uuid4().hex
        beside = warehouse_file(self._settings).parent
        beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="load-", dir=beside) as scratch:
            for path in stage_files(table, files, Path(scratch)):
                self._run(f"put '{path.as_uri()}' {self._stage}/{folder} auto_compress = false")
        return folder

    def _note(self, table: str, batch: Sequence[Change]) -> None:
        """Write the batch's files into the ledger."""
        renewed = [change.partition for change in batch if change.kind != "append"]
        if renewed:
            self._run(
                f'delete from {self._files} where "TABLE_NAME" = %s '  # nosec B608
                f'and "LAKE_PARTITION" in ({sql.places(len(renewed))})',
                (table, *renewed),
            )
        rows = [
            (table, file.partition, f"{mark_of(file.path.name):032x}", file.rows)
            for change in batch
            for file in change.files
        ]
        for start in range(0, len(rows), _LEDGER_ROWS):
            self._cursor.executemany(
                f'insert into {self._files} ("TABLE_NAME", "LAKE_PARTITION", "MARK", "ROW_COUNT") '  # nosec B608
                "values (%s, %s, %s, %s)",
                rows[start : start + _LEDGER_ROWS],
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commits; after an error, or where the block returns early with nothing written, it is empty."""
        self._run("begin transaction")
        try:
            yield
            self._run("commit")
        except BaseException:
            with suppress(Error):
                self._run("rollback")
            raise

    def _run(self, statement: str, values: Sequence[Any] | None = None) -> None:
        self._cursor.execute(statement, values)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
