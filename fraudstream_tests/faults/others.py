"""Faults that are no kill: somebody or something else does what it should not, at a bad moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from fraudstream_platform.drain.kafka import admin
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.settings import Settings
from fraudstream_tests.dagster_ui import ask
from fraudstream_tests.faults.feed import CLOCK

_HANGS_MS = 8_000
_STARTS_WITHIN_S = 90.0
_BEHIND_MS = 7_000
_BEHIND_FOR_S = 4.0

_SUCCEEDED = """{ runsOrError(filter: {pipelineName: "drain", statuses: [SUCCESS]}, limit: 20) {
    ... on Runs { results { runId } } } }"""
_AGAIN = """mutation A($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename ... on PythonError { message } } }"""


def execute_an_old_run_again(settings: Settings, chance: random.Random) -> None:
    """Somebody presses "re-execute" on a run whose window is long over."""
    runs = ask(settings, _SUCCEEDED)["runsOrError"]["results"]
    if not runs:
        return  # no window is over yet: the next round of the kind finds one
    again = {"parentRunId": chance.choice(runs)["runId"], "strategy": "ALL_STEPS"}
    done = ask(settings, _AGAIN, params=again)["launchRunReexecution"]
    assert done["__typename"] == "LaunchRunSuccess", done


def leave_a_transaction_open(settings: Settings) -> None:
    """A client dies in the middle of one: readers of alerts and journal stand still until it ends."""
    code = (
        "import os, sys\n"
        "from confluent_kafka import Producer\n"
        "server, topics = sys.argv[1], sys.argv[2:]\n"
        "producer = Producer({'bootstrap.servers': server, 'transactional.id': 'faults.hanging',"
        f" 'transaction.timeout.ms': {_HANGS_MS}}})\n"
        "producer.init_transactions(30)\n"
        "producer.begin_transaction()\n"
        "for topic in topics:\n"
        "    for partition in range(2):\n"
        "        producer.produce(topic, b'never committed', partition=partition)\n"
        "producer.flush(30)\n"
        "os._exit(0)\n"
    )
    topics = (settings.fraud_alerts_topic, settings.journal_topic)
    subprocess.run([sys.executable, "-c", code, settings.bootstrap, *topics], check=True)


def queue_a_job_and_die(settings: Settings) -> None:
    """A client asks Spark to drain a window of the past, and is gone before its tasks begin."""
    _run_until(settings, "fraudstream_tests.faults.old_job", "asked")


def set_the_clock_back(settings: Settings) -> None:
    """Append times step back for a while, as where a leader takes over whose clock is behind.

    One broker has one clock: the source stamps the records meanwhile.
    """
    clock = settings.data_dir / CLOCK
    clock.write_text(str(_BEHIND_MS))
    _stamped_by(settings, "CreateTime")
    try:
        time.sleep(_BEHIND_FOR_S)
    finally:
        _stamped_by(settings, "LogAppendTime")
        clock.unlink()


def _stamped_by(settings: Settings, kind: str) -> None:
    topic = ConfigResource(ConfigResource.Type.TOPIC, settings.transactions_topic)
    topic.add_incremental_config(
        ConfigEntry("message.timestamp.type", kind, incremental_operation=AlterConfigOpType.SET)
    )
    client = admin(settings)  # named, since a future whose client is gone never answers
    client.incremental_alter_configs([topic])[topic].result(timeout=30)


class Compaction:
    """A process that joins the files of the open hour, again and again."""

    def __init__(self, settings: Settings) -> None:
        """Start it and wait for its first pass."""
        self._settings = settings
        self._process = _started(settings, "fraudstream_tests.faults.compacting", "joined")

    def kill(self) -> None:
        """kill -9, wherever it is; then one more dies after it has written and before it commits."""
        self._process.kill()
        self._process.wait()
        done = subprocess.run(
            [sys.executable, "-m", "fraudstream_tests.faults.compacting", "dies"],
            env=python_environment(self._settings),
            check=False,
        )
        if done.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"compaction ended with {done.returncode}")


def _run_until(settings: Settings, module: str, word: str) -> None:
    """Run a module until it says a word, then kill it."""
    process = _started(settings, module, word)
    process.kill()
    process.wait()


def _started(settings: Settings, module: str, word: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env=python_environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + _STARTS_WITHIN_S
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return process
        assert time.monotonic() < deadline, f"{module} has not begun"
    raise AssertionError(f"{module} ended with {process.wait()}")
