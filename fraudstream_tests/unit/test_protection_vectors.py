"""The official vectors of both primitives: tokens (RFC 4231) and seals (Fernet specification)."""

from __future__ import annotations

from datetime import datetime

import pytest
from cryptography.fernet import Fernet, InvalidToken

from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.tokens import keyed_hash
from fraudstream_platform.protection.vault import Sealer, SealError

pytestmark = pytest.mark.unit

# RFC 4231, sections 4.2 to 4.8: key, data, HMAC-SHA-256 (test case 5 gives 128 bits of it).
RFC_4231 = {
    "1": (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    "2": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    "3": (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    "4": (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    "5": (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    "6": (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    "7": (
        b"\xaa" * 131,
        (
            b"This is a test using a larger than block-size key and a larger than block-size data. "
            b"The key needs to be hashed before being used by the HMAC algorithm."
        ),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
}

# github.com/fernet/spec: generate.json, verify.json, invalid.json. One key for all of them.
FERNET_KEY = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
SEALED_HELLO = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
INVALID = {
    "incorrect mac": "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
    "too short": "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==",
    "invalid base64": "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
    "payload size not multiple of block size": "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
    "payload padding error": "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
    "incorrect IV (causes padding error)": "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
    "trailing characters after b64 padding": SEALED_HELLO + "trailingdata",
    "invalid characters in b64": "*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
    "invalid non-urlsafe characters in b64": "gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==",
}
OF_ANOTHER_TIME = {
    "far-future TS (unacceptable clock skew)": (
        "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
        "1985-10-26T01:20:01-07:00",
    ),
    "expired TTL": (
        "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        "1985-10-26T01:21:31-07:00",
    ),
}


@pytest.mark.parametrize("case", RFC_4231)
def test_the_tokens_mac_is_hmac_sha256_cut_to_16_bytes(case: str) -> None:
    """RFC 4231: a gateway in another language would make tokens that join with nothing."""
    key, data, expected = RFC_4231[case]
    assert keyed_hash(key, data).hex() == expected[:32]


def test_a_bulk_seal_is_the_text_that_the_fernet_specification_generates() -> None:
    """generate.json: our own CBC over many texts would seal what nobody can open."""
    now = int(datetime.fromisoformat("1985-10-26T01:20:00-07:00").timestamp())
    sealed = BulkSealer(FERNET_KEY).seal_at([b"hello", b"hello"], now, bytes(range(16)) * 2)
    assert sealed == [SEALED_HELLO, SEALED_HELLO]


def test_a_seal_opens_as_the_fernet_specification_verifies() -> None:
    """verify.json: seals made by other languages would stay shut."""
    assert Sealer(FERNET_KEY).open_bytes(SEALED_HELLO) == b"hello"
    assert Sealer(FERNET_KEY).is_newest(SEALED_HELLO)


@pytest.mark.parametrize("name", INVALID)
def test_what_the_fernet_specification_calls_invalid_is_refused(name: str) -> None:
    """invalid.json: altered bytes would open as somebody's original."""
    with pytest.raises(SealError):
        Sealer(FERNET_KEY).open_bytes(INVALID[name])


@pytest.mark.parametrize("name", OF_ANOTHER_TIME)
def test_times_are_judged_by_the_primitive_and_not_asked_of_the_vault(name: str) -> None:
    """invalid.json: both are invalid for a time to live of 60 s; a seal of the vault has none, or an
    entry would be lost by its age.
    """
    sealed, now = OF_ANOTHER_TIME[name]
    at = int(datetime.fromisoformat(now).timestamp())
    with pytest.raises(InvalidToken):
        Fernet(FERNET_KEY).decrypt_at_time(sealed.encode(), 60, at)
    assert Sealer(FERNET_KEY).open_bytes(sealed) == b""
