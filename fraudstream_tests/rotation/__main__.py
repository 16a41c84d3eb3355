"""`python -m fraudstream_tests.rotation`: both keys rotate while the stream goes on.

The whole embedded stack; two sources, restarted one by one as docs/security.md says; in the end the
proof, the comparison with the twin, and whether anything still needs an old key.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from cryptography.fernet import Fernet
from pydantic import SecretStr
from rich.console import Console

from fraudstream_platform.defs.metadata import percentiles
from fraudstream_platform.drain.alerts_cli import stream_alerts
from fraudstream_platform.drain.touches import TouchReader, touches_of
from fraudstream_platform.lake.tables import VAULT, scan
from fraudstream_platform.lake.vault import has_older_seals
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.watch import Watch
from fraudstream_platform.protection.keys import key_file, sealer_of
from fraudstream_platform.protection.tokens import version_of
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.faults.rounds import stack
from fraudstream_tests.faults.topics import Topic
from fraudstream_tests.rotation.sources import GARBAGE, Feed
from fraudstream_tests.rotation.twin import (
    Compared,
    Told,
    alerts_of,
    compare,
    renamed_touches,
    twin_of,
)
from fraudstream_tests.waiting import until

_BASELINE_S, _APART_S, _AFTER_S = 15, 4, 10
"""Seconds of stream before the rotation, between two restarts, and after the retirement."""
_FIRST_ALERT_S, _STREAM_S, _SETTLE_S = 180, 300, 240
_OPENED = 2_000
_LOWEST_SHARE = 0.95
"""Of the rate that was asked for: a trial at less is another trial."""
_ALL = 10**9


def main(
    tps: Annotated[float, typer.Option(help="Transactions a second.", min=1)] = 2_000.0,
    window: Annotated[int, typer.Option(help="Seconds; divides an hour.", min=10)] = 30,
    lead: Annotated[int, typer.Option(help="WARM_LEAD_SECONDS.", min=5)] = 20,
    seed: Annotated[int, typer.Option(help="The stream follows from it.")] = 1,
    report: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path(
        "report-rotation.json"
    ),
) -> None:
    """Rotate, compare, print and write; exit status 1 where anything is not as it shall be."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, too
    folder = Path(tempfile.mkdtemp(prefix="fraudstream-rotation-"))
    Console().print(f"data and logs, kept where it fails: {folder}")
    settings = settings_on_free_ports(
        folder / "data",
        drain_window_seconds=window,
        warm_lead_seconds=lead,
        key_file=str(folder / "keys.json"),
        key_encryption_key=SecretStr(Fernet.generate_key().decode()),
    )
    key_file(settings).create()
    with stack(settings) as watch:
        probe, trial = AlertProbe(settings), Trial(settings, watch, tps, seed)
        try:
            trial.rotate(probe)
        finally:
            trial.feed.stop()
        ends = watch.ends()
        until(lambda: watch.has_committed(ends), _SETTLE_S, "all that was sent is committed")
        problems = [f.rule for f in prove(settings, lambda _: None) if not f.holds]
        probe.close()
        alerts = list(stream_alerts(settings, _ALL, follow=False))
        told = _told(settings)
    problems += old_key_problems(settings, trial.feed)
    rate = trial.feed.sent / trial.feed.seconds
    if rate < _LOWEST_SHARE * tps:
        problems.append(f"the sources sent {rate:.0f} a second only")
    compared = compare(alerts, _twin_alerts(settings, trial.feed, told))
    figures = _figures(trial, compared, probe) | {
        "tps": tps,
        "sent_a_second": round(rate, 1),
        "window_s": window,
        "problems": problems,
    }
    report.write_text(json.dumps(figures, indent=2) + "\n")
    Console().print_json(data=figures)
    if problems or not compared.is_same or not compared.twin:
        raise typer.Exit(1)
    shutil.rmtree(folder)


class Trial:
    """The steps of a rotation of both keys, and how long each took."""

    def __init__(self, settings: Settings, watch: Watch, tps: float, seed: int) -> None:
        self._settings = settings
        self._watch = watch
        self._tps = tps
        self.steps_s: dict[str, float] = {}
        self.feed = Feed(settings, seed, tps)

    def rotate(self, probe: AlertProbe) -> None:
        """All of it, while the stream goes on."""
        until(lambda: self._sends(0) and probe.alerts > 0, _FIRST_ALERT_S, "a first alert")
        self._pass(_BASELINE_S)
        self._keys("token", "--new")
        self._keys("vault", "--new")
        begun = time.time() * 1000
        self._restart_sources("with both token keys")
        self._keys("token", "--retire")
        self._restart_sources("with the new token key alone")
        self.feed.note_newcomers()
        # The next window may be warm already, with the keys of before; the one after it is not.
        self._step("a second window", lambda: until(
            lambda: self._sends(0) and self._windows_since(begun) >= 2, _STREAM_S, "two windows"
        ))  # fmt: skip
        self._keys("vault", "--retire")
        self._pass(_AFTER_S)

    def _restart_sources(self, how: str) -> None:
        for which, name in enumerate(("tills", "web shops")):
            self._step(f"{name} {how}", lambda which=which: self.feed.restart(which))  # type: ignore[misc]
            self._pass(_APART_S)

    def _windows_since(self, epoch_ms: float) -> int:
        self._watch.stepped()  # reads the journal on
        groups = range(self._settings.drain_groups)
        owners = [one for one in self._watch.owners if one.at > epoch_ms]
        return min(len({o.term.window for o in owners if o.group == g}) for g in groups)

    def _keys(self, kind: str, option: str) -> None:
        command = ("keys", "rotate", "--kind", kind, option)
        self._step(
            " ".join(command),
            lambda: subprocess.run(
                [sys.executable, "-m", "fraudstream_platform.cli", *command],
                env=python_environment(self._settings),
                check=True,
            ),
        )

    def _pass(self, seconds: float) -> None:
        """So much of the stream, by its own count."""
        goal = self.feed.sent + seconds * self._tps
        until(lambda: self._sends(goal), seconds + _STREAM_S, f"{goal:.0f} records")

    def _sends(self, records: float) -> bool:
        return self.feed.has_sent(records)

    def _step(self, name: str, act: Callable[[], object]) -> None:
        began = time.monotonic()
        act()
        self.steps_s[name] = round(time.monotonic() - began, 1)


def old_key_problems(settings: Settings, feed: Feed) -> list[str]:
    """Whether anything still needs an old key, or anybody became somebody else."""
    return list(_old_key_problems(settings, feed))


def _old_key_problems(settings: Settings, feed: Feed) -> Iterator[str]:
    for kind in ("token", "vault"):
        held = [key.version for key in key_file(settings).keys(kind)]
        if held != [2]:
            yield f"the file holds {kind} keys {held}"
    if feed.strangers:
        yield f"{len(feed.strangers)} were given a second token"
    versions = {version_of(token) for token in feed.newcomers().values()}
    if versions != {2}:
        yield f"newcomers have tokens of keys {sorted(versions)}"
    sealer = sealer_of(settings)
    if has_older_seals(settings, sealer):
        yield "a table holds seals of an old key"
        return
    letters = scan(settings, "bronze.dead_letter").collect()["sealed_payload"]
    if [sealer.open_bytes(one) for one in letters] != [GARBAGE] * feed.garbage:
        yield f"{len(letters)} dead letters for {feed.garbage}, or not what was sent"
    originals = feed.originals()
    for token, sealed in (
        scan(settings, VAULT).select("token", "sealed").head(_OPENED).collect().rows()
    ):
        was = originals[token]
        if sealer.open(sealed) != (was.kind, was.value):
            yield f"{token} opens to somebody else"


def _told(settings: Settings) -> Told:
    messages = list(Topic(settings, settings.entities_topic).read())
    columns, counts = TouchReader(settings).read([one.value() or b"" for one in messages])
    moments = np.array([one.timestamp()[1] for one in messages], np.int64)
    return Told(touches_of(columns), np.maximum.accumulate(np.repeat(moments, counts)))


def _twin_alerts(settings: Settings, feed: Feed, told: Told) -> Iterator[dict[str, Any]]:
    twin = twin_of(scan(settings, "bronze.transactions").collect(), feed.rows())
    return alerts_of(settings, twin, renamed_touches(told, twin)).iter_rows(named=True)


def _figures(trial: Trial, compared: Compared, probe: AlertProbe) -> dict[str, Any]:
    feed = trial.feed
    newcomers = feed.newcomers()
    return {
        "records": feed.sent,
        "dead_letters": feed.garbage,
        "people": len(feed.given),
        "newcomers_after_retirement": len(newcomers),
        "alerts": compared.live,
        "alerts_of_the_twin": compared.twin,
        "missed": compared.missed,
        "added": compared.added,
        "unlike": compared.unlike,
        "latency_ms": percentiles([round(ms) for ms in probe.latencies_ms]),
        "steps_s": trial.steps_s,
    }


if __name__ == "__main__":
    typer.run(main)
