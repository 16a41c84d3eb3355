"""Requirements of PCI DSS 4.0.1 that no other test states."""

from __future__ import annotations

import io
import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform import logs
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.drain.crash_points import ArmedFailureError
from fraudstream_platform.drain.ingest import Ingest
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.identity import protect_frame
from fraudstream_platform.protection.normalise import IdentityError, normalise
from fraudstream_platform.protection.vault import Identity, Original
from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_tests.fuzz import PLANTED, OneSchema, Readable, records

pytestmark = pytest.mark.unit

_FORBIDDEN = re.compile(r"^(cvv2?|cvc2?|cid|pin|pin_block|track[12]?|magstripe|pan)$")
_KINDS = {PLANTED[0]: "card", PLANTED[1]: "phone", PLANTED[2]: "email"}


def test_each_test_that_the_documentation_names_is_there() -> None:
    """A requirement whose test was renamed or removed is held by nothing."""
    tests = PROJECT_ROOT / "fraudstream_tests"
    page = (PROJECT_ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`((?:test_\w+|access|canary)\.py)(?:::(test_\w+))?`", page)
    files = {path.name: path.read_text() for path in tests.rglob("*.py")}
    missing = [
        (file, test)
        for file, test in named
        if file not in files or (test and f"def {test}(" not in files[file])
    ]
    assert (len(named) > 20, missing) == (True, [])


@pytest.mark.parametrize("name", ["transaction", "fraud_alert", "transaction_label"])
def test_no_field_is_for_what_may_never_be_kept(name: str) -> None:
    """3.3.1: a field that invites a CVV, a track or a PIN will be filled by some source."""
    fields = [field["name"] for field in avro_schema(name)["fields"]]
    assert [field for field in fields if _FORBIDDEN.match(field)] == []


@pytest.fixture(params=["text", "json"])
def said(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that is logged as a process of ours logs it, at every level."""
    text, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []  # pytest's own stay open
    logs.configure(Settings(_env_file=None, debug_mode=True, log_format=request.param))
    root.handlers[0].setStream(text)  # type: ignore[attr-defined]
    yield text
    root.handlers, root.level = before, level


def test_an_exception_and_debug_logs_show_nothing_of_a_record(
    said: io.StringIO, tmp_path: Path
) -> None:
    """3.5.1: output for troubleshooting. The step fails with clear records in its local variables."""
    (tmp_path / "decoded").touch()
    settings = Settings(_env_file=None, allow_clear_pii=True, crash_points_dir=str(tmp_path))
    values = [value for _, value in records(7, 200)]
    size = len(values)
    batch = RawBatch(values, ["k"] * size, [0] * size, list(range(size)), [0] * size)
    with pytest.raises(ArmedFailureError):
        _fail(Ingest(settings, OneSchema()), batch, list(PLANTED))  # type: ignore[arg-type]
    assert "a step failed" in said.getvalue() and "Traceback" in said.getvalue()
    assert "debug" in said.getvalue()
    _refuse_planted(said.getvalue())


def _fail(ingest: Ingest, batch: RawBatch, record: list[str]) -> None:
    log = logging.getLogger("fraudstream")
    try:
        log.debug("a step of %s", len(record))
        ingest.arrivals(batch)
    except ArmedFailureError:
        log.exception("a step failed")
        raise


@pytest.mark.parametrize("secret", PLANTED)
def test_errors_and_reprs_name_the_kind_and_never_the_value(secret: str) -> None:
    """3.5.1: what a traceback prints is the repr of an exception, and pytest prints locals' reprs."""
    kind = _KINDS[secret]
    told = [repr(Identity("ca1_x", kind, secret)), repr(Original(kind, secret))]
    for wrong in (f"{secret}x", f"x {secret}", secret * 3):
        try:
            normalise("ip", wrong)
        except IdentityError:
            told.append(traceback.format_exc())
    _refuse_planted("".join(told))


def test_a_frame_that_cannot_be_protected_is_not_quoted() -> None:
    """A refusal names what is missing, not the row."""
    clear = pl.Series([True])
    frame = pl.DataFrame({"card": [PLANTED[0]]})
    with pytest.raises((ValueError, UserError)) as caught:
        protect_frame(frame, clear, None, True)  # type: ignore[arg-type]
    _refuse_planted(str(caught.value))


def _refuse_planted(text: str) -> None:
    assert Readable(PLANTED).in_text(text) == []
