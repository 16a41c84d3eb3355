"""The deliberately broken builds of the fault trials can still be made."""

from __future__ import annotations

import compileall
from pathlib import Path

import pytest

from fraudstream_platform.settings import PROJECT_ROOT
from fraudstream_tests.faults.breaks import BREAKS


@pytest.mark.parametrize("name", BREAKS)
def test_every_edit_finds_its_place_and_leaves_python(name: str, tmp_path: Path) -> None:
    """Guards against a "broken" build that is the right one, or one that fails of its syntax."""
    for file, old, new in BREAKS[name].edits:
        text = (PROJECT_ROOT / "fraudstream_platform" / file).read_text()
        assert text.count(old) == 1, file
        broken = tmp_path / Path(file).name
        broken.write_text((broken.read_text() if broken.exists() else text).replace(old, new))
        assert compileall.compile_file(broken, quiet=1)
