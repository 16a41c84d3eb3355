"""What of an original may be shown to whoever has no need of all of it."""

from __future__ import annotations

import ipaddress

HIDDEN = "***"
_BIN, _LAST = 6, 4
_LEAST_HIDDEN_DIGITS = 5
_LEAST_FOR_INITIAL = 3


def mask(kind: str, value: str) -> str:
    """The part of a normalised value that is shown by default.

    Cards: BIN and last four (PCI DSS 4.0.1, 3.4.1), of short numbers the last four alone. E-mail:
    first letter and domain. Telephone: last two digits. IP: its /16 (IPv6: /32).
    Others: first letter.
    """
    if kind == "card":
        return _card(value)
    if kind == "email":
        local, _, domain = value.rpartition("@")
        return f"{_initial(local)}{HIDDEN}@{domain}"
    if kind == "phone":
        return f"+{HIDDEN}{value[-2:]}"
    if kind in ("ip", "ipnet"):
        network = ipaddress.ip_network(value)
        return str(network.supernet(new_prefix=16 if network.version == 4 else 32))
    return f"{_initial(value)}{HIDDEN}"


def _initial(text: str) -> str:
    """The first letter, where it is not most of the text."""
    return text[:1] if len(text) >= _LEAST_FOR_INITIAL else ""


def _card(digits: str) -> str:
    hidden = len(digits) - _BIN - _LAST
    if hidden < _LEAST_HIDDEN_DIGITS:
        return "*" * (len(digits) - _LAST) + digits[-_LAST:]
    return digits[:_BIN] + "*" * hidden + digits[-_LAST:]
