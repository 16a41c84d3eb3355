"""The word of flags that an event carries: what it was, as far as features ask."""

from __future__ import annotations

ATTEMPT = 1
"""AUTH, PREAUTH, VERIFY or ADVICE that was answered (no technical failure)."""
CIT = 2
APPROVED = 4
DECLINED = 8
HARD = 16
"""Declined for a card that is not there, blocked or expired, or for its CVV."""
SMALL = 32
"""At most `SMALL_MINOR`."""
VERIFY = 64
REVERSAL = 128
SPEND = 256
"""Approved and moves money: AUTH, PREAUTH, INCREMENT, ADVICE."""
FUNDS = 512
"""Declined for lack of funds or over a limit."""
PRESENT = 1024
STRIPE = 2048
"""Magnetic stripe, fallback included."""
PROBE = 4096
"""Customer-initiated attempt that is VERIFY, small, zero, or declined hard."""
FUEL = 8192
"""Fuel pumps authorise round sums before and correct them after."""
CASH = 16384
"""Cash, quasi-cash, or a merchant category as good as cash."""
PAYMENT_RETURN = 32768
"""A payment to the account that came back; no window of attempts or sums counts it."""

NEW_MERCHANT = 65536
"""Attempt at a merchant that the customer did not know; only customers' events have it."""

COUNTED = ATTEMPT | SPEND | REVERSAL
"""Events with one of these enter the history of cards and customers."""

SMALL_MINOR = 300
