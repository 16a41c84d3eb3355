"""What wraps the keys of a key file: a key-encryption key held here, or one that never leaves a KMS.

What is wrapped is bound to a label, the key's kind and version, so that no key passes for another.
"""

from __future__ import annotations

import base64
from typing import Any, Protocol

from cryptography.fernet import Fernet, InvalidToken

from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.key import Key

_CONTEXT = "fraudstream-key"


class WrapError(UserError):
    """A key that cannot be wrapped or unwrapped; no message shows one."""


class Wrapper(Protocol):
    """Wraps keys; both methods raise WrapError."""

    def wrap(self, label: str, secret: bytes) -> str:
        """The key as text that only `unwrap` with the same label opens."""

    def unwrap(self, label: str, wrapped: str) -> bytes:
        """The key behind `wrap`."""


class FernetWrapper:
    """A Fernet key wraps; the label is wrapped with the key."""

    def __init__(self, kek: Key) -> None:
        try:
            self._kek = Fernet(kek.secret())
        except ValueError:
            raise WrapError("the key-encryption key is not a Fernet key") from None

    def wrap(self, label: str, secret: bytes) -> str:
        """A Fernet text."""
        return self._kek.encrypt(f"{label}:".encode() + secret).decode("ascii")

    def unwrap(self, label: str, wrapped: str) -> bytes:
        """The key; raises WrapError for another key-encryption key, altered text, another label."""
        start = f"{label}:".encode()
        try:
            text = self._kek.decrypt(wrapped)
        except InvalidToken:
            text = b""
        if not text.startswith(start):
            raise WrapError("it cannot be unwrapped with this key-encryption key")
        return text.removeprefix(start)


class KmsWrapper:
    """A key of AWS KMS wraps, which never leaves it; the label is the encryption context.

    Region and credentials are those of boto3. Each unwrapping is a line in the account's CloudTrail.
    """

    def __init__(self, key_id: str, client: Any = None) -> None:
        """`key_id` is an id, ARN or alias; `client` a KMS client of boto3, made when first needed."""
        self._key_id = key_id
        self._given = client

    def wrap(self, label: str, secret: bytes) -> str:
        """Base64 of KMS's own text."""
        answer = self._ask(
            "encrypt", KeyId=self._key_id, Plaintext=secret, EncryptionContext={_CONTEXT: label}
        )
        return base64.b64encode(answer["CiphertextBlob"]).decode("ascii")

    def unwrap(self, label: str, wrapped: str) -> bytes:
        """The key; raises WrapError where KMS refuses or does not answer."""
        try:
            blob = base64.b64decode(wrapped, validate=True)
        except ValueError:
            raise WrapError("it was not wrapped by KMS") from None
        answer = self._ask(
            "decrypt", KeyId=self._key_id, CiphertextBlob=blob, EncryptionContext={_CONTEXT: label}
        )
        found: bytes = answer["Plaintext"]
        return found

    def _ask(self, operation: str, **request: Any) -> dict[str, Any]:
        import boto3  # type: ignore[import-untyped]  # 0.3 s and 30 MB, for those who use it
        from botocore.exceptions import (  # type: ignore[import-untyped]
            BotoCoreError,
            ClientError,
        )

        try:
            if self._given is None:
                self._given = boto3.client("kms")
            answer: dict[str, Any] = getattr(self._given, operation)(**request)
        except ClientError as error:
            raise WrapError(
                f"KMS refuses to {operation}: {error.response['Error']['Code']}"
            ) from None
        except BotoCoreError as error:
            raise WrapError(f"KMS does not answer: {type(error).__name__}") from None
        return answer
