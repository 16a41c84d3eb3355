"""Stretches of the stream as files, each made when it is first asked for, by both cores.

The first stretch is the history. Whoever makes a part goes on where its last stretch ended, so
no transaction id comes again and everybody's turn comes in its time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from fraudstream_platform.bench.load.plan import PARTS, require_past, whole_chunks
from fraudstream_platform.errors import UserError
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.local.spark import ONE_THREAD
from fraudstream_platform.settings import Settings


class Tape:
    """Files of one population's stream, some 350 bytes a record."""

    def __init__(self, settings: Settings, folder: Path, cards: int) -> None:
        self._folder, self._cards = folder, cards
        self._log = folder / "making.log"
        self._records = 0
        self._made: list[list[Path]] = []
        environment = python_environment(settings) | ONE_THREAD
        module = (sys.executable, "-m", "fraudstream_platform.bench.load.make", str(cards))
        with self._log.open("wb") as log:
            self._makers = [
                subprocess.Popen(
                    [*module, str(part)],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
                for part in range(PARTS)
            ]

    def stretch(self, place: int, count: int) -> list[Path]:
        """The parts of the stretch at `place`, of at least `count` records; raises UserError."""
        if place == len(self._made):
            self._made.append(self._make(f"{place}", whole_chunks(count)))
        return self._made[place]

    def close(self) -> None:
        """End the makers."""
        for maker in self._makers:
            maker.terminate()
            maker.wait()

    def _make(self, name: str, count: int) -> list[Path]:
        self._records += count
        require_past(self._cards, self._records)
        began = time.monotonic()
        Console().print(f"making {count:,} records of {self._cards:,} cards")
        paths = [self._folder / f"{name}.{part}.arrow" for part in range(PARTS)]
        for maker, path in zip(self._makers, paths, strict=True):
            if maker.stdin is not None and maker.poll() is None:
                maker.stdin.write(f"{count // PARTS} {path}\n")
                maker.stdin.flush()
        for maker in self._makers:
            if maker.stdout is not None and not maker.stdout.readline():
                raise UserError(f"The stream could not be made:\n{self._log.read_text()[-2000:]}")
        Console().print(f"made in {time.monotonic() - began:.0f} s")
        return paths


@contextmanager
def tape(settings: Settings, folder: Path, cards: int) -> Iterator[Tape]:
    """A tape of one command in a folder of its own, which is deleted in the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = Tape(settings, folder, cards)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
