"""One spelling for each identity, so that the same person always hashes to the same token.

`docs/tokens.md` states the rules and `schemas/token_vectors.json` holds test vectors for edges
written in other languages. Errors name the kind of identity, never its value.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable

_CARD = re.compile(r"[0-9]{12,19}")
_CARD_SEPARATORS = re.compile(r"[\s-]+")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_PHONE_SEPARATORS = re.compile(r"[\s().-]+")
_SILENT_PUNCTUATION = frozenset("'\u2019`.")
_ITSELF = bytes((value - 48) % 256 for value in range(256))
_DOUBLED = bytes(sum(divmod((value - 48) % 256 * 2, 10)) % 256 for value in range(256))
_IPV4_PREFIX = 24
_IPV6_PREFIX = 48


class IdentityError(ValueError):
    """A value that cannot be an identity of its kind; the message holds the kind alone."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"not a valid {kind}")
        self.kind = kind


def luhn_sum(digits: bytes) -> int:
    """Luhn's sum of ASCII digits of which the last stands for itself (ISO/IEC 7812-1, annex B)."""
    return sum(digits[::-2].translate(_ITSELF)) + sum(digits[-2::-2].translate(_DOUBLED))


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    return luhn_sum(digits.encode()) % 10 == 0


def _card(value: str) -> str:
    digits = _CARD_SEPARATORS.sub("", value)
    if not _CARD.fullmatch(digits) or not luhn_valid(digits):
        raise IdentityError("card")
    return digits


def _email(value: str) -> str:
    text = unicodedata.normalize("NFKC", value).strip().lower()
    if not _EMAIL.fullmatch(text):
        raise IdentityError("email")
    return text


def _phone(value: str) -> str:
    text = _PHONE_SEPARATORS.sub("", unicodedata.normalize("NFKC", value))
    if text.startswith("00"):
        text = "+" + text[2:]
    if not _PHONE.fullmatch(text):
        raise IdentityError("phone")
    return text


def _words(kind: str) -> Callable[[str], str]:
    def normalise_words(value: str) -> str:
        # Casefolding can leave a form that NFKC would change, hence twice.
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
        spaced = (
            ""
            if char in _SILENT_PUNCTUATION
            else " "
            if unicodedata.category(char)[0] in "PC"
            else char
            for char in text
        )
        words = " ".join("".join(spaced).split())
        if not words:
            raise IdentityError(kind)
        return words

    return normalise_words


def _device(value: str) -> str:
    text = value.strip().lower()
    if not text:
        raise IdentityError("device")
    return text


def _customer(value: str) -> str:
    text = value.strip().upper()
    if not text:
        raise IdentityError("customer")
    return text


def _address_of(value: str, kind: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        raise IdentityError(kind) from None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


def _ip(value: str) -> str:
    return str(_address_of(value, "ip"))


def _ip_net(value: str) -> str:
    address = _address_of(value.partition("/")[0], "ipnet")
    prefix = _IPV4_PREFIX if address.version == 4 else _IPV6_PREFIX
    return str(ipaddress.ip_network((address, prefix), strict=False))


NORMALISERS: dict[str, Callable[[str], str]] = {
    "customer": _customer,
    "card": _card,
    "email": _email,
    "phone": _phone,
    "address": _words("address"),
    "name": _words("name"),
    "device": _device,
    "ip": _ip,
    "ipnet": _ip_net,
}
"""Kind of identity -> its normalisation."""


def normalise(kind: str, value: str) -> str:
    """The one spelling of `value`; raises `IdentityError` where it can't be of that kind."""
    return NORMALISERS[kind](value)
