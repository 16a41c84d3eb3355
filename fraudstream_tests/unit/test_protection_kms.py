"""Keys wrapped by AWS KMS, against moto's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.stub import Stubber  # type: ignore[import-untyped]
from moto import mock_aws

from fraudstream_platform.protection.key_file import KeyFileError
from fraudstream_platform.protection.keys import key_file, sealer_of, tokeniser_of
from fraudstream_platform.protection.wrapping import KmsWrapper, WrapError
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an account of its own."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("kms")


@pytest.fixture
def settings(tmp_path: Path, kms: Any) -> Settings:
    """A key file wrapped by a new key of the account."""
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    found = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        key_file=str(tmp_path / "keys.json"),
        key_encryption_kms_key=key_id,
    )
    key_file(found).create()
    return found


def test_keys_wrapped_by_kms_make_tokens_and_seals(settings: Settings) -> None:
    """The adapter is one more way to the same keys."""
    sealed = sealer_of(settings).seal_bytes(b"payload")
    assert sealer_of(settings).open_bytes(sealed) == b"payload"
    first = tokeniser_of(settings).token("customer", "c1")
    assert tokeniser_of(settings).token("customer", "c1") == first
    text = Path(settings.key_file).read_text()
    for kind in ("token", "vault"):
        assert key_file(settings).keys(kind)[0].secret().decode() not in text


def test_kms_opens_a_key_for_its_kind_and_version_alone(settings: Settings) -> None:
    """The encryption context binds an entry to its place: swapped ones must not open."""
    path = Path(settings.key_file)
    content = json.loads(path.read_text())
    one, other = content["keys"]
    one["wrapped"], other["wrapped"] = other["wrapped"], one["wrapped"]
    path.write_text(json.dumps(content))
    with pytest.raises(KeyFileError, match="KMS refuses to decrypt"):
        key_file(settings).keys("token")


def test_a_refusal_of_kms_is_told_by_its_name(kms: Any) -> None:
    """Without the right to the key nothing starts, and the message holds no key. moto refuses nobody."""
    stubbed = Stubber(kms)
    stubbed.add_client_error("decrypt", "AccessDeniedException", "arn:aws:iam::1:user/somebody")
    with stubbed, pytest.raises(WrapError, match=r"KMS refuses to decrypt: AccessDeniedException$"):
        KmsWrapper("any", kms).unwrap("token:1", "AAAA")


def test_what_kms_did_not_wrap_is_refused(kms: Any) -> None:
    """A file of the other way of wrapping is named as such."""
    with pytest.raises(WrapError, match="not wrapped by KMS"):
        KmsWrapper("any", kms).unwrap("token:1", "no base64!")
