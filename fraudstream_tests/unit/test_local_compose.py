"""docker-compose.yml: pinned, healthy, secret-free, and in step with the embedded services."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from fraudstream_platform.drain.topics import wanted_topics
from fraudstream_platform.local.spark_container import PORT
from fraudstream_platform.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.unit

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRETS = ("POSTGRES_PASSWORD", "CUSTOMER_ID_SALT", "VAULT_KEY")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_full_version(name: str) -> None:
    """Guards: a `latest` that turns into another major version overnight."""
    assert re.search(r":\d+\.\d+(\.\d+)?$", SERVICES[name]["image"])


@pytest.mark.parametrize("name", [one for one in SERVICES if one != "setup"])
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    """Guards: `--wait` returning while something is still coming up, or never will."""
    assert SERVICES[name]["healthcheck"]["test"]


def test_secrets_have_no_default() -> None:
    """Guards: a production start with an empty or an example secret."""
    text = (PROJECT_ROOT / "docker-compose.yml").read_text()
    for secret in SECRETS:
        uses = re.findall(r"\$\{" + secret + r"([^}]*)\}", text)
        assert uses and all(use.startswith(":?") for use in uses)


def test_every_setting_it_passes_exists() -> None:
    """Guards: a variable that is misspelt, and silently ignored."""
    passed = {name.lower() for name in SERVICES["code-location"]["environment"]}
    dagsters = ("dagster_pg_", "fraudstream_code_", "fraudstream_marts_")
    ours = {name for name in passed if not name.startswith(dagsters)}
    assert ours <= set(Settings.model_fields)


def test_spark_is_where_the_others_look_for_it() -> None:
    """Guards: runs that wait for ever on a port where nothing listens."""
    remote = SERVICES["code-location"]["environment"]["SPARK_REMOTE_URL"]
    assert remote == f"sc://spark-connect:{PORT}"


def test_one_broker_may_go_and_nothing_acknowledged_is_lost() -> None:
    """Guards: a production set whose copies are one, or whose acknowledgement means one copy."""
    brokers = [one for name, one in SERVICES.items() if name.startswith("kafka")]
    copies = int(SERVICES["setup"]["environment"]["TOPIC_REPLICATION"].split(":-")[1].rstrip("}"))
    assert len(brokers) == copies == 3
    for broker in (one["environment"] for one in brokers):
        for name, value in broker.items():
            if name.endswith("REPLICATION_FACTOR"):
                assert int(value) == copies, name
            if name.endswith(("MIN_ISR", "MIN_INSYNC_REPLICAS")):
                assert int(value) == copies - 1, name
    made = wanted_topics(Settings(_env_file=None, topic_replication=copies))
    asked = {(topic.config or {}).get("min.insync.replicas") for topic in made}
    assert asked == {str(copies - 1)}
    assert {topic.replication_factor for topic in made} == {copies}


def test_the_image_and_the_development_environment_pin_the_same_versions() -> None:
    """Guards: tests that pass on other versions than the ones that run."""

    def pins(name: str) -> dict[str, str]:
        text = (PROJECT_ROOT / name).read_text()
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))

    development, image = pins("requirements.txt"), pins("deploy/requirements.txt")
    differing = {name for name, version in image.items() if development.get(name) != version}
    assert differing == {"dagster-postgres", "psycopg2-binary"}
