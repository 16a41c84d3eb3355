"""What a person meets when something is missing or in the way."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraudstream_platform import cli
from fraudstream_platform.errors import UserError
from fraudstream_platform.local import control, jars, java, state
from fraudstream_platform.local.health import port_free
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.settings import Settings, get_settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("command not found", None),
    ],
)
def test_the_java_version_is_read_from_every_known_form(text: str, major: int | None) -> None:
    """Guards: Java 8 taken for Java 1 or 18, then failing deep inside Kafka."""
    assert java.parse_major(text) == major


def test_an_old_java_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guards: a class file version error as the first thing a new user sees."""
    fake = tmp_path / "bin" / "java"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    fake.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(java.JavaMissingError, match=r"is Java 11: install openjdk-17"):
        java.find_java()


def test_no_java_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards: a traceback where a sentence would do."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(java.JavaMissingError, match="no java on PATH"):
        java.find_java()


def test_a_taken_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    """Guards: two checkouts clashing with a stack trace from inside Kafka."""
    settings = settings_on_free_ports(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.port_base + 6))
        taken.listen()
        with pytest.raises(UserError, match=rf"Port {settings.port_base + 6} .*PORT_BASE"):
            Stack(settings, services=("docs",)).start()


def test_a_broken_fetch_leaves_no_folder_that_looks_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guards: half a class path that is taken for Kafka at the next start."""

    def interrupted(cache: Path, module: Path, retrieve: str) -> None:
        Path(retrieve).parent.joinpath("half.jar").write_bytes(b"half")
        raise jars.FetchFailedError("no network")

    monkeypatch.setattr(jars, "_ivy", interrupted)
    with pytest.raises(jars.FetchFailedError):
        jars.kafka_jars(tmp_path)
    assert not jars.all_there(tmp_path)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("kafka")] == []

    def delivers(cache: Path, module: Path, retrieve: str) -> None:
        name = f"kafka_2.13-{jars.KAFKA_VERSION}.jar"
        Path(retrieve).parent.joinpath(name).write_bytes(b"whole")

    monkeypatch.setattr(jars, "_ivy", delivers)
    assert [p.name for p in jars.kafka_jars(tmp_path).iterdir()] == [
        f"kafka_2.13-{jars.KAFKA_VERSION}.jar"
    ]


def test_reset_refuses_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    """Guards: DATA_DIR=$HOME followed by `fraudstream reset`."""
    (tmp_path / "thesis.tex").write_text("years of work")
    settings = Settings(data_dir=tmp_path)
    state.claim_data_dir(settings)
    with pytest.raises(UserError, match="was not made by"):
        control.reset(settings)
    assert (tmp_path / "thesis.tex").exists()


def test_the_stack_restarts_what_dies_and_counts_it(tmp_path: Path) -> None:
    """Guards: a service that dies at night and stays dead."""
    settings = settings_on_free_ports(tmp_path / "data")
    with Stack(settings, services=("docs",)) as stack:
        first = stack.kill("docs")
        while not stack.tend():
            pass
        assert stack.pid("docs") != first
        assert stack.restarts("docs") == 1
        assert [one.restarts for one in state.read_services(settings)] == [1]
    assert state.read_services(settings) == []
    assert port_free(settings.port_base + 6)


def test_up_and_down_leave_nothing_behind(tmp_path: Path) -> None:
    """Guards: processes that survive `down`, even when the supervisor itself was killed."""
    settings = settings_on_free_ports(tmp_path / "data")
    try:
        assert control.up(settings, services=("docs",))
        assert not control.up(settings, services=("docs",)), "the second up starts nothing"
        supervisor = control.running(settings)
        process = supervisor.identity.process() if supervisor else None
        assert process is not None
        process.kill()
        process.wait(5)
        assert not port_free(settings.port_base + 6), "the service outlives its supervisor"
    finally:
        assert control.down(settings) == 1
    assert port_free(settings.port_base + 6)
    control.reset(settings)
    assert not (tmp_path / "data").exists()


def test_a_bad_setting_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards: a pydantic traceback in front of somebody who mistyped a port."""
    monkeypatch.setenv("PORT_BASE", "7")
    monkeypatch.setattr("sys.argv", ["fraudstream", "status"])
    get_settings.cache_clear()
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        get_settings.cache_clear()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "PORT_BASE" in message


def test_every_command_is_listed_without_importing_its_code() -> None:
    """Guards: `fraudstream --help` that takes seconds, or fails when one part is broken."""
    shown = CliRunner().invoke(cli.app, ["--help"])
    assert shown.exit_code == 0
    for name in ("up", "down", "status", "reset", "setup", *cli.DELEGATED):
        assert name in shown.output
