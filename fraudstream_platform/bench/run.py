"""One engine on one stack, under one load after the other."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from fraudstream_platform.bench.engines import Engine
from fraudstream_platform.bench.figures import Measured, handover_spans
from fraudstream_platform.bench.load.plan import shift_ms
from fraudstream_platform.bench.process import EngineProcess
from fraudstream_platform.drain.alerts_cli import stream_alerts
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.errors import UserError
from fraudstream_platform.local import control
from fraudstream_platform.local.state import read_services
from fraudstream_platform.measuring.generator import Simulator
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.usage import Usage, bytes_below
from fraudstream_platform.measuring.waiting import becomes_so, wait_for
from fraudstream_platform.measuring.watch import Sample, Watch
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.proof import prove

_OPEN_S = 600.0
"""A peer may have its jars to fetch first."""
_FIRST_RECORD_S = 120.0
_OVERRUN_S = 180.0
"""A generator that cannot keep its schedule is waited for this long."""
_HISTORY_S = 1_800.0
"""Until everybody's history is sent and done."""
_SETTLE_S = 300.0
_SEEN_S = 2.0
"""From a peer's last step until its alerts are committed and seen."""
_SAMPLE_EVERY_S = 2.0
_ALL = 10**9


class Bench:
    """An engine that runs, and what watches it."""

    def __init__(self, settings: Settings, engine: Engine, probe: AlertProbe, watch: Watch) -> None:
        self._settings = settings
        self._engine = engine
        self._probe = probe
        self._watch = watch
        self._processes: list[EngineProcess] = []
        self._loads = 0
        self._shift_ms = 0

    def tell_history(self, parts: Sequence[Path]) -> None:
        """Send the population's past as fast as it goes, and wait until it is done."""
        self._shift_ms = shift_ms(int(time.time() * 1000))
        generator = self._generator("history", parts)
        try:
            wait_for(
                lambda: generator.has_ended,
                _HISTORY_S, "the history is not sent", self._settings,
            )  # fmt: skip
        finally:
            generator.stop()
        if not self._settles(_HISTORY_S):
            raise UserError(f"{self._engine.name} has not done the history")

    def load(self, tps: float, warm_s: float, seconds: float, parts: Sequence[Path]) -> Measured:
        """Send `parts` at `tps`, of which `warm_s` do not count and `seconds` do; wait until all is done."""
        self._loads += 1
        before = sum(self._watch.ends().values())
        generator = self._generator(f"load-{self._loads}", parts, "--tps", str(tps))
        usage = Usage(lambda: self._roots(generator))
        try:
            wait_for(
                lambda: sum(self._watch.ends().values()) > before,
                _FIRST_RECORD_S, "nothing was sent", self._settings,
            )  # fmt: skip
            time.sleep(warm_s)
            began, sent = time.time(), sum(self._watch.ends().values())
            folders = [self._settings.data_dir / one for one in ("kafka", "lake", "state")]
            size = bytes_below(folders)
            usage.begin()
            samples = self._sample_until_sent(generator, began + seconds)
            usage.end()
            ended, records = time.time(), sum(self._watch.ends().values()) - sent
            grown = {name: now - size[name] for name, now in bytes_below(folders).items()}
            has_sent = becomes_so(lambda: generator.has_ended, _OVERRUN_S)
        finally:
            generator.stop()
        has_settled = self._settles(_SETTLE_S)
        spans = [s for s in self._handovers() if s[1] >= began and s[0] <= ended]
        latencies, seen = list(self._probe.latencies_ms), list(self._probe.seen_at)
        return Measured(
            engine=self._engine.name,
            tps=tps,
            span=(began, ended),
            records=records,
            sent_at=[at - ms / 1000 for at, ms in zip(seen, latencies, strict=False)],
            latencies_ms=latencies,
            handovers=spans,
            gaps_ms=self._watch.handover_gaps_ms() if self._engine.is_pipeline else (),
            samples=samples,
            cpu_s=usage.cpu_seconds(),
            memory_mb=usage.memory_mb,
            together_mb=usage.together_mb,
            written=grown,
            generator=generator.summary(),
            has_sent=has_sent,
            has_settled=has_settled,
        )

    def offences(self) -> list[str]:
        """What `verify` finds, and alerts that the topic has twice; empty for a peer, which proves nothing."""
        if not self._engine.is_pipeline:
            return []
        found = [f.rule for f in prove(self._settings, lambda _: None) if not f.holds]
        alerts = stream_alerts(self._settings, _ALL, follow=False)
        times = Counter(one["alert_id"] for one in alerts)
        doubled = sum(count > 1 for count in times.values())
        return [*found, *([f"{doubled} alerts came twice"] if doubled else [])]

    def start(self, cleanup: ExitStack) -> None:
        """Wait until the engine reads."""
        if self._engine.is_pipeline:
            wait_for(self._watch.is_open, _OPEN_S, "no window opened", self._settings)
            return
        for group in range(self._settings.drain_groups if self._engine.a_process_a_group else 1):
            process = EngineProcess.start(self._settings, self._engine, group)
            cleanup.callback(process.stop)
            self._processes.append(process)
        wait_for(
            lambda: all(one.is_ready() for one in self._processes),
            _OPEN_S, f"{self._engine.name} does not read", self._settings,
        )  # fmt: skip

    def _sample_until_sent(self, generator: Simulator, until_s: float) -> list[Sample]:
        samples = []
        while time.time() < until_s and not generator.has_ended:
            samples.append(self._watch.sample(()) if self._engine.is_pipeline else self._lag())
            time.sleep(min(_SAMPLE_EVERY_S, max(0.0, until_s - time.time())))
        return samples

    def _lag(self) -> Sample:
        """A peer's sample: it has no tables."""
        produced = sum(self._watch.ends().values())
        stepped = sum(one.stepped() for one in self._processes)
        return Sample(time.time(), produced, produced - stepped, {}, {})

    def _generator(self, name: str, parts: Sequence[Path], *options: str) -> Simulator:
        shift = ("--shift-ms", str(self._shift_ms))
        module = ("fraudstream_platform.bench.load.send", *map(str, parts), *shift, *options)
        return Simulator.run(self._settings, name, module)

    def _settles(self, at_most_s: float) -> bool:
        """Wait until all that was sent is committed, or by a peer stepped; whether it was."""
        if self._engine.is_pipeline:
            ends = self._watch.ends()
            return becomes_so(lambda: self._watch.has_committed(ends), at_most_s)
        is_done = becomes_so(lambda: self._lag().lag <= 0, at_most_s)
        time.sleep(_SEEN_S)
        return is_done

    def _handovers(self) -> list[tuple[float, float]]:
        self._watch.stepped()  # reads the journal on
        return handover_spans(self._watch.finals, self._watch.owners)

    def _roots(self, generator: Simulator) -> dict[str, psutil.Process]:
        pids = {entry.name: entry.pid for entry in read_services(self._settings)}
        pids |= {f"engine-{n}": one.pid for n, one in enumerate(self._processes)}
        pids |= {"generator": generator.process.pid, "measuring": os.getpid()}
        return {name: psutil.Process(pid) for name, pid in pids.items() if psutil.pid_exists(pid)}


@contextmanager
def bench(settings: Settings, engine: Engine) -> Iterator[Bench]:
    """A fresh stack with the engine reading; whatever happens, all is ended."""
    with ExitStack() as cleanup:
        control.reset(settings)
        cleanup.callback(control.down, settings)
        control.up(settings, engine.services)
        setup(settings)
        watch = Watch(settings)
        cleanup.callback(watch.close)
        probe = AlertProbe(settings)
        cleanup.callback(probe.close)
        running = Bench(settings, engine, probe, watch)
        running.start(cleanup)
        yield running
