"""What a source needs to protect identities, and no more: the small wheel, away from the rest."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from fraudstream_platform.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

_CODE = """
import json, sys
from pathlib import Path
wheel, others = sys.argv[1:]
sys.path[:] = [wheel, *(one for one in sys.path if "site-packages" not in one), others]
before = set(sys.modules)
from fraudstream_platform.protection import normalise, tokens, vault
assert tokens.__file__.startswith(wheel), tokens.__file__
vectors = json.loads(Path(tokens.__file__).with_name("token_vectors.json").read_text())
tokeniser = tokens.Tokeniser(vectors["key"].encode(), vectors["key_version"])
for one in vectors["accepted"]:
    assert tokeniser.token(one["kind"], one["value"]) == one["token"], one
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
print(len(vectors["accepted"]), *sorted(roots - sys.stdlib_module_names))
"""


def test_the_wheel_gives_every_vectors_token_and_needs_cryptography_alone(tmp_path: Path) -> None:
    """A till that has to install Spark for a hash will make its own hash, and a wrong one."""
    subprocess.run(["make", "edge", f"DIST={tmp_path}"], cwd=PROJECT_ROOT, timeout=240, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "alone")
    done = subprocess.run(
        # Without site: the development's own install must not stand in for the wheel.
        [sys.executable, "-I", "-S", "-c", _CODE, tmp_path / "alone", sysconfig.get_path("purelib")],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    count, *needed = done.stdout.split()
    assert int(count) > 20
    allowed = {"_cffi_backend", "_openssl", "cryptography", "fraudstream_platform"}
    assert set(needed) <= allowed
