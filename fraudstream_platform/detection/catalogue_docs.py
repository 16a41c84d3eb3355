"""`docs/features.md`, written from the catalogue."""

from __future__ import annotations

from fraudstream_platform.detection.catalogue import (
    DAYS,
    FEATURES,
    HOURS,
    RING,
    catalogue_version,
)
from fraudstream_platform.detection.flags import SMALL_MINOR

_HEAD = f"""# Features

Written by `python -m fraudstream_platform.detection.catalogue_docs`; a test fails when it is out
of date. Catalogue version: `{catalogue_version()}`.

- A window covers (t - w, t] of event time, t being the event's own. Order is the log's: an event
  counts what stands before it in its partition, so a late event sees later arrivals not at all and
  is seen by those after it where its time falls into their windows.
- The event itself is left out unless the table says so.
- A card or customer remembers its newest {RING} events one by one, as far as they are not older than
  an hour before its newest: counts and sums of windows up to one hour saturate there. 24 h are
  {HOURS} tiles of one hour, 7 and 30 days are tiles of one day (UTC); tiles of more than {HOURS} hours or
  {DAYS} days before the newest event are forgotten, and later arrivals for them are left out.
- Attempts are AUTH, PREAUTH, ADVICE and VERIFY messages with an answer; technical failures,
  refunds and payments are not counted. Small means at most {SMALL_MINOR} minor units. Reversals
  are subtracted from sums when and where they arrive. Cash-like is a cash or quasi-cash transaction,
  or an MCC of `CASH_LIKE_MCCS` (`contracts/codes.py`, where `RESALE_MCCS` stand too).
- Things that a customer is used to (merchants, devices and so on) are asked for and learnt from
  attempts only. The number remembered is a bound: the one met longest ago makes room, and is new
  when it comes again. A thing stays new for 24 h.
- Amounts are in minor units of the billing currency. Counts and sums are 0 and measures null where
  nothing is known. `instrument` is the wallet's device account number, else the card; `event` is the
  transaction by itself.
- Entities silent for 45 days of event time are forgotten.

| feature | entity | window | unit | itself included | definition |
|---|---|---|---|---|---|
"""


def _window(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "-"


def features_page() -> str:
    """The page's text."""
    lines = []
    for feature in FEATURES:
        window = _window(feature.window_s)
        included = "yes" if feature.includes_current else "no"
        lines.append(
            f"| `{feature.name}` | {feature.entity} | {window} | {feature.unit} | {included} | "
            f"{feature.definition} |\n"
        )
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    from pathlib import Path

    Path("docs/features.md").write_text(features_page())
