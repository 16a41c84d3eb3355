"""Notices to a webhook: generic JSON, or the one sentence that a Slack incoming webhook takes.

At least once and in order: the id in `notice_id` and `Idempotency-Key` tells a repeat.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import datetime

from fraudstream_platform.quality.outbox import Notice, pending, sent
from fraudstream_platform.settings import Settings

_TIMEOUT_S = 5.0
_PAUSES_S = (0.0, 0.5, 2.0)
"""Before each try; whoever calls comes again."""


class ReceiverAwayError(RuntimeError):
    """The receiver did not take a notice; it and those behind it stay in the outbox."""


def post(settings: Settings) -> Sequence[Notice]:
    """Post what the receiver lacks; raises ReceiverAwayError. Without a webhook nothing is posted."""
    url = settings.quality_webhook_url.get_secret_value()
    if not url:
        return ()
    waiting = pending(settings, "webhook")
    for notice in waiting:
        _post_patiently(url, notice, body(notice, settings.quality_webhook_format))
        sent(settings, "webhook", [notice])
    return waiting


def body(notice: Notice, form: str) -> bytes:
    """What is posted: JSON, times in ISO 8601."""
    content = {"text": notice.text}
    if form == "json":
        content |= notice.record
    return json.dumps(content, default=datetime.isoformat).encode()


def _post_patiently(url: str, notice: Notice, content: bytes) -> None:
    why = ""
    for pause in _PAUSES_S:
        time.sleep(pause)
        try:
            _post(url, notice.record["notice_id"], content)
        except urllib.error.HTTPError as error:
            why = f"answered {error.code}"
        except OSError as error:
            why = f"does not answer ({type(error).__name__})"
        else:
            return
    raise ReceiverAwayError(f"the receiver {why}")


def _post(url: str, notice_id: str, content: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": notice_id}
    # Settings let nothing but http and https through.
    request = urllib.request.Request(url, content, headers, method="POST")  # nosec B310
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # nosec B310
        pass
