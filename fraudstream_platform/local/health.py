"""Health probes: each answers within two seconds and never raises."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

TIMEOUT_S = 2.0
HOST = "127.0.0.1"


def tcp_open(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    try:
        with socket.create_connection((HOST, port), timeout=TIMEOUT_S):
            return True
    except OSError:
        return False


def port_free(port: int) -> bool:
    """Whether a server could bind the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def http_ok(port: int, path: str) -> bool:
    """Whether GET on the loopback port answers 200."""
    try:
        with urllib.request.urlopen(  # nosec B310
            f"http://{HOST}:{port}{path}", timeout=TIMEOUT_S
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def kafka_ok(port: int) -> bool:
    """Whether the broker answers a metadata request."""
    if not tcp_open(port):
        return False
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=TIMEOUT_S).brokers)
    except KafkaException:
        return False
