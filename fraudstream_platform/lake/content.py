"""What a partition of a table holds, told by the names of its files, however they were joined since.

Compaction changes files and no rows. So the name of a compacted file carries a mark: the sum of the
marks of the files that it was made of. A partition's content is the sum over its files, the same
before and after a compaction, and another one as soon as rows come, go or are replaced.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_BITS = 128
_OVERFLOW = 1 << _BITS
_JOINED = re.compile(r"\.of-([0-9a-f]{32})\.parquet$")


def mark_of(path: str) -> int:
    """The mark that a compacted file's name carries, else one made of the name itself."""
    joined = _JOINED.search(path)
    if joined is not None:
        return int(joined[1], 16)
    name = PurePosixPath(path).name
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_BITS // 8).digest(), "big")


def content_of(paths: Iterable[str]) -> int:
    """The content of files, in any order: the sum of their marks."""
    return sum_of(mark_of(path) for path in paths)


def sum_of(marks: Iterable[int]) -> int:
    """Marks added up: the content of the files that they are of."""
    return sum(marks) % _OVERFLOW


def joined_name(stem: str, sources: Iterable[str]) -> str:
    """Name of a file that holds the rows of `sources` and nothing else."""
    return f"{stem}.of-{content_of(sources):032x}.parquet"
