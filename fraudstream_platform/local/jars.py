"""Fetching Kafka and the schema registry, once per version.

Both come from Maven Central through the Ivy that ships inside PySpark, whose own
default root is used. Everything is fetched into a temporary folder that is renamed
when it is complete, so a folder that exists is whole; Ivy's cache keeps finished
artefacts, so that a broken fetch goes on where it stopped.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.local.java import find_java

KAFKA_VERSION = "4.1.0"
REGISTRY_VERSION = "2.6.13.Final"
_KAFKA_NAME = f"kafka-{KAFKA_VERSION}"
_REGISTRY_NAME = f"apicurio-registry-{REGISTRY_VERSION}"
_FETCH_TIMEOUT_S = 900

_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="{cache}"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""

# Kafka's own dependencies bring Log4j but not the bridge to it, without which it is mute.
_KAFKA_MODULE = """<ivy-module version="2.0">
  <info organisation="fraudstream" module="kafka"/>
  <dependencies>
    <dependency org="org.apache.kafka" name="kafka_2.13" rev="{version}" conf="default"/>
    <dependency org="org.apache.logging.log4j" name="log4j-slf4j-impl" rev="2.24.3"
                conf="default" transitive="false"/>
  </dependencies>
</ivy-module>
"""

_REGISTRY_MODULE = """<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">
  <info organisation="fraudstream" module="registry"/>
  <dependencies>
    <dependency org="io.apicurio" name="apicurio-registry-app" rev="{version}" transitive="false">
      <artifact name="apicurio-registry-app" type="tar.gz" ext="tar.gz" m:classifier="all"/>
    </dependency>
  </dependencies>
</ivy-module>
"""


class FetchFailedError(UserError):
    """The services could not be fetched; running again goes on where it stopped."""


def pyspark_home() -> Path:
    """Folder of the installed PySpark, which is also a SPARK_HOME."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise UserError("PySpark is not installed: run `make env`")
    return Path(spec.origin).parent


def kafka_jars(services_dir: Path) -> Path:
    """Folder with Kafka's class path, fetched when it is not there yet."""

    def fill(folder: Path, cache: Path) -> None:
        module = cache / "kafka-module.xml"
        module.write_text(_KAFKA_MODULE.format(version=KAFKA_VERSION))
        _ivy(cache, module, f"{folder}/[artifact]-[revision].[ext]")
        _require(folder / f"kafka_2.13-{KAFKA_VERSION}.jar")

    return _once(services_dir, _KAFKA_NAME, fill)


def registry_jar(services_dir: Path) -> Path:
    """The registry's runner jar, fetched and unpacked when it is not there yet."""

    def fill(folder: Path, cache: Path) -> None:
        module = cache / "registry-module.xml"
        module.write_text(_REGISTRY_MODULE.format(version=REGISTRY_VERSION))
        _ivy(cache, module, f"{folder}/[artifact].[ext]")
        archive = folder / "apicurio-registry-app.tar.gz"
        _require(archive)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        archive.unlink()
        _runner(folder)

    return _runner(_once(services_dir, _REGISTRY_NAME, fill))


def all_there(services_dir: Path) -> bool:
    """Whether nothing has to be fetched."""
    return (services_dir / _KAFKA_NAME).is_dir() and (services_dir / _REGISTRY_NAME).is_dir()


def fetch_all(services_dir: Path) -> None:
    """Fetch everything the embedded services need; does nothing when it is there."""
    kafka_jars(services_dir)
    registry_jar(services_dir)


def _runner(folder: Path) -> Path:
    found = sorted(folder.glob("*-runner.jar"))
    if not found:
        raise FetchFailedError(f"{folder} has no runner jar: delete it and run again")
    return found[0]


def _require(path: Path) -> None:
    if not path.is_file():
        raise FetchFailedError(f"Maven Central did not deliver {path.name}: run again")


def _once(services_dir: Path, name: str, fill: Callable[[Path, Path], None]) -> Path:
    target = services_dir / name
    if target.is_dir():
        return target
    with _locked(services_dir):
        if target.is_dir():  # another checkout fetched it while we waited for the lock
            return target
        cache = services_dir / "ivy"
        cache.mkdir(exist_ok=True)
        partial = services_dir / f".partial-{name}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        fill(partial, cache)
        partial.rename(target)
    return target


@contextmanager
def _locked(services_dir: Path) -> Iterator[None]:
    try:
        services_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(services_dir / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise UserError(f"SERVICES_DIR {services_dir} cannot be written: {error}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _ivy(cache: Path, module: Path, retrieve: str) -> None:
    jar = next((pyspark_home() / "jars").glob("ivy-*.jar"), None)
    if jar is None:
        raise UserError("The installed PySpark has no Ivy jar: run `make env` again")
    settings = cache / "settings.xml"
    settings.write_text(_SETTINGS.format(cache=cache))
    command = [find_java(), f"-Divy.default.ivy.user.dir={cache}", "-cp", str(jar)]
    command += ["org.apache.ivy.Main", "-settings", str(settings)]
    command += ["-ivy", str(module), "-retrieve", retrieve]
    log = cache / "fetch.log"
    try:
        with log.open("w") as out:
            done = subprocess.run(
                command, stdout=out, stderr=subprocess.STDOUT, timeout=_FETCH_TIMEOUT_S, check=False
            )
    except subprocess.TimeoutExpired:
        raise FetchFailedError("Maven Central is too slow: run again to go on") from None
    if done.returncode != 0 or "UNRESOLVED DEPENDENCIES" in log.read_text(errors="replace"):
        raise FetchFailedError(
            f"Maven Central cannot be reached: check the network and run again (details: {log})"
        )
