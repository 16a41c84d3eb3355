"""Errors that end a command with one readable line and no traceback."""

from __future__ import annotations


class UserError(Exception):
    """Something outside the program has to change; the message says what, in one line."""
