"""A plain consumer with the step, and no guarantee: what the work itself costs.

`python -m fraudstream_platform.bench.engines.plain READY GROUP`; READY is made when
it reads, and says how many records are stepped.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import typer

from fraudstream_platform.bench.engines.peer import Peer
from fraudstream_platform.detection.step import warm_up
from fraudstream_platform.drain.positions import group_partitions
from fraudstream_platform.drain.source import RawSource, beginnings
from fraudstream_platform.settings import get_settings


def main(ready: Path, group: int) -> NoReturn:
    """Step the partitions of `group` until ended."""
    settings = get_settings()
    partitions = group_partitions(group, settings.drain_groups, settings.topic_partitions)
    warm_up()
    peer = Peer(settings, ready)
    source = RawSource(settings, partitions, beginnings(settings, partitions))
    ready.touch()
    while True:
        peer.step(source.take(None))


if __name__ == "__main__":
    typer.run(main)
