"""The embedded Kafka: one KRaft node, broker and controller in one process."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.local.environment import base_environment
from fraudstream_platform.local.health import HOST, kafka_ok
from fraudstream_platform.local.jars import kafka_jars
from fraudstream_platform.local.java import find_java
from fraudstream_platform.local.service import Service
from fraudstream_platform.settings import Settings

# Both compilers: with the first one alone the broker took 87 us of processor time a record at 5,000
# a second, with both 64 within the first 90 s, and the median alert came after 51 ms instead of 72.
_JVM = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC"]

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={logs}
# Windows are spans of append time, so producers cannot shift a record between them.
log.message.timestamp.type=LogAppendTime
auto.create.topics.enable=false
num.partitions=1
message.max.bytes=10485760
replica.fetch.max.bytes=10485760
# After kill -9 the next broker waits for the old one's session: 12 s with the default 9 s.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A dead producer's open transaction stalls every read_committed reader until this scan.
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
# 24 days, nearly the longest there is: a laptop that slept must find its ids again.
transactional.id.expiration.ms=2073600000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""

_LOG4J = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %p %c{{1}} %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


def kafka_service(settings: Settings) -> Service:
    """Broker on PORT_BASE+2, controller on PORT_BASE+3, data under DATA_DIR/kafka."""
    broker = settings.port_base + 2
    home = settings.data_dir.resolve() / "kafka"
    return Service(
        name="kafka",
        port=broker,
        extra_ports=(broker + 1,),
        prepare=lambda: _prepare(settings, home),
        command=lambda: [
            *_java(settings, home),
            *_JVM,
            "kafka.Kafka",
            str(home / "server.properties"),
        ],
        environment=base_environment(settings),
        healthy=lambda: kafka_ok(broker),
        stop_grace_s=15.0,
    )


def _java(settings: Settings, home: Path) -> list[str]:
    class_path = str(kafka_jars(settings.services_dir) / "*")
    return [find_java(), "-cp", class_path, f"-Dlog4j2.configurationFile={home / 'log4j2.xml'}"]


def _prepare(settings: Settings, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "log4j2.xml").write_text(_LOG4J.format())
    properties = home / "server.properties"
    broker = settings.port_base + 2
    properties.write_text(
        _PROPERTIES.format(host=HOST, broker=broker, controller=broker + 1, logs=home / "logs")
    )
    if (home / "logs" / "meta.properties").exists():
        return
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [*_java(settings, home), "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool"]
    # A folder left by a format that was cut short has no meta.properties: formatted again.
    command += ["format", "--ignore-formatted", "-c", str(properties), f"--cluster-id={cluster}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        lines = (done.stderr + done.stdout).splitlines()
        reason = next((line for line in lines if "rror" in line or "xception" in line), "no reason")
        raise UserError(f"Kafka could not format {home / 'logs'}: {reason}")
