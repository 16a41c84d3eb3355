"""What a source needs to protect identities, and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fraudstream_platform.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

_CODE = """
import sys
before = set(sys.modules)
from fraudstream_platform.protection import normalise, tokens, vault
token = tokens.Tokeniser(b"vector-key-0123456789abcdef").token("card", "4111 1111 1111 1111")
assert token == "ca1_GJT-pzmexziUTI1xHJKMOA", token
roots = {name.partition(".")[0] for name in set(sys.modules) - before}
print(" ".join(sorted(roots - sys.stdlib_module_names)))
"""


def test_a_source_needs_cryptography_alone() -> None:
    """A till that has to install Spark for a hash will make its own hash, and a wrong one."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    allowed = {"_cffi_backend", "_openssl", "cryptography", "fraudstream_platform"}
    assert set(done.stdout.split()) <= allowed
