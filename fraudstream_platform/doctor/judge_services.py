"""The embedded services: do they run, are they well, are their ports theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fraudstream_platform.doctor.verdict import Check, fail, ok, warn

_UP = "`fraudstream up` starts it"


@dataclass(frozen=True)
class ServiceFacts:
    """One embedded service as its supervisor last wrote, and as its process is now."""

    name: str
    alive: bool
    health: str
    """starting, up, deaf or down."""
    restarts: int
    taken_ports: Sequence[int] = ()
    """Ports of a service that does not run, which something else listens on."""


@dataclass(frozen=True)
class StackFacts:
    """The supervisor and its services."""

    supervised: bool
    services: Sequence[ServiceFacts]
    logs: str
    """Folder of the services' logs."""


def judge_services(facts: StackFacts) -> list[Check]:
    """A line for the supervisor, one for each service that is not well, one for the others."""
    taken = [_taken(one, port) for one in facts.services for port in one.taken_ports]
    running = [one for one in facts.services if one.alive]
    if not facts.supervised and not running:
        return [fail("services", "none runs", f"{_UP}, all in order"), *taken]
    found = [*taken, *(check for one in facts.services if (check := _judge(one, facts.logs)))]
    if not facts.supervised:
        found.append(
            warn(
                "services",
                "the supervisor is gone: what dies is not started again",
                "`fraudstream down`, then `fraudstream up`",
            )
        )
    well = sum(one.alive and one.health == "up" for one in facts.services)
    return found or [ok("services", f"{well} of {len(facts.services)} up, none was restarted")]


def _taken(one: ServiceFacts, port: int) -> Check:
    return fail(
        f"port {port}",
        f"{one.name} does not run, and something else listens on its port",
        "end that process, or set PORT_BASE to another range",
    )


def _judge(one: ServiceFacts, logs: str) -> Check | None:
    name, log = f"service {one.name}", f"{logs}/{one.name}.log"
    if not one.alive:
        return fail(name, "does not run", f"read {log}; {_UP}")
    if one.health == "deaf":
        return fail(
            name,
            "runs but does not answer",
            f"wait: it is restarted when it stays so; else read {log}",
        )
    if one.health != "up":
        return warn(name, f"is {one.health}", f"wait until it is up; if it stays so, read {log}")
    if one.restarts:
        return warn(name, f"was started again {one.restarts} times", f"read why in {log}")
    return None
