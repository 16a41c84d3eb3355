"""The real broker and the real registry with TLS; the broker asks for SCRAM and goes by rights."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from fraudstream_platform.connection import registry_client
from fraudstream_platform.drain.kafka import admin
from fraudstream_platform.drain.rights import Right, rights_of
from fraudstream_platform.local import kafka
from fraudstream_platform.local.environment import base_environment
from fraudstream_platform.local.health import HOST
from fraudstream_platform.local.registry import registry_service
from fraudstream_platform.settings import Settings
from fraudstream_tests.waiting import until

_ADMIN = "admin"
_START_S, _END_S = 240.0, 20.0
"""Deadlines for a machine that does other things too; on an idle one both take seconds."""
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass
class Secured:
    """Settings of each user of the running services, who exist with their rights."""

    admin: Settings
    passwords: dict[str, str]

    def settings_of(self, user: str) -> Settings:
        """What a process of this user is given."""
        password = SecretStr(self.passwords[user])
        return self.admin.model_copy(update={"kafka_username": user, "kafka_password": password})


@contextmanager
def secured_services(settings: Settings, users: dict[str, str | None]) -> Iterator[Secured]:
    """Kafka and registry on the ports of `settings`; `users` are names with their role, or none."""
    home = settings.data_dir / "secured"
    home.mkdir(parents=True)
    authority = _certificates(home)
    passwords = {user: secrets.token_urlsafe(24) for user in (_ADMIN, *users)}
    registry = settings.port_base + 1
    secured = Secured(
        settings.model_copy(
            update={
                "kafka_security_protocol": "SASL_SSL",
                "kafka_ca_file": str(authority),
                "kafka_username": _ADMIN,
                "kafka_password": SecretStr(passwords[_ADMIN]),
                "schema_registry_url": f"https://{HOST}:{registry}/apis/ccompat/v7",
                "schema_registry_ca_file": str(authority),
            }
        ),
        passwords,
    )
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_start_kafka(settings, home, passwords[_ADMIN]))
        started.append(_start_registry(settings, home))
        client = admin(secured.admin)
        until(lambda: _answers(client), _START_S, "the secured broker answers")
        until(lambda: _registry_answers(secured.admin), _START_S, "the secured registry answers")
        _make_users(client, passwords)
        _give_rights(client, settings, users)
        yield secured
    finally:
        for process in started:
            process.terminate()
        for process in started:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until it has ended; a machine that is too busy for that must not keep it."""
    try:
        process.wait(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(client: AdminClient) -> bool:
    try:
        return bool(client.list_topics(timeout=2).brokers)
    except Exception:  # noqa: BLE001 - KafkaException while it starts
        return False


def _registry_answers(settings: Settings) -> bool:
    try:
        registry_client(settings, timeout=2, max_retries=0).get_subjects()
    except Exception:  # noqa: BLE001 - any transport error of the client
        return False
    return True


def _make_users(client: AdminClient, passwords: dict[str, str]) -> None:
    wanted: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(
            user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password.encode()
        )
        for user, password in passwords.items()
        if user != _ADMIN
    ]
    for future in client.alter_user_scram_credentials(wanted).values():
        future.result(timeout=20)


def _give_rights(client: AdminClient, settings: Settings, users: dict[str, str | None]) -> None:
    wanted = [
        _binding(right, user)
        for user, role in users.items()
        for right in rights_of(settings)
        if right.role == role
    ]
    for future in client.create_acls(wanted).values():
        future.result(timeout=20)


def _binding(right: Right, user: str) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL
    return AclBinding(
        ResourceType[right.resource], right.name, pattern, f"User:{user}", "*",
        AclOperation[right.operation], AclPermissionType.ALLOW,
    )  # fmt: skip


def _start_kafka(settings: Settings, home: Path, password: str) -> subprocess.Popen[bytes]:
    broker, folder = settings.port_base + 2, settings.data_dir / "kafka"
    folder.mkdir(parents=True)
    plain = kafka._PROPERTIES.format(
        host=HOST, broker=broker, controller=broker + 1, logs=folder / "logs"
    )
    login = f'{_SCRAM} required username="{_ADMIN}" password="{password}";'
    properties = folder / "server.properties"
    properties.write_text(
        plain.replace("PLAINTEXT://", "SASL_SSL://").replace("=PLAINTEXT", "=SASL_SSL")
        + f"""\
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}
ssl.keystore.type=PEM
ssl.keystore.location={home / "server-both.pem"}
ssl.truststore.type=PEM
ssl.truststore.location={home / "authority.pem"}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
# Nobody is anonymous but the controller, whose listener stands on the loopback alone.
super.users=User:{_ADMIN};User:ANONYMOUS
"""
    )
    (folder / "log4j2.xml").write_text(kafka._LOG4J.format())
    command = kafka._java(settings, folder)
    scram = f"SCRAM-SHA-512=[name={_ADMIN},password={password}]"
    subprocess.run(
        [
            *command, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format",
            "-c", str(properties), f"--cluster-id={'A' * 22}", "--add-scram", scram,
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    return _spawn(settings, "kafka", [*command, *kafka._JVM, "kafka.Kafka", str(properties)], {})


def _start_registry(settings: Settings, home: Path) -> subprocess.Popen[bytes]:
    service = registry_service(settings)
    service.prepare()
    extra = {
        "QUARKUS_HTTP_SSL_PORT": str(service.port),
        "QUARKUS_HTTP_PORT": "0",
        "QUARKUS_HTTP_INSECURE_REQUESTS": "disabled",
        "QUARKUS_HTTP_SSL_CERTIFICATE_FILES": str(home / "server.pem"),
        "QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES": str(home / "server.key"),
    }
    return _spawn(settings, "registry", service.command(), {**service.environment, **extra})


def _spawn(
    settings: Settings, name: str, command: list[str], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=base_environment(settings) | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _certificates(home: Path) -> Path:
    """An authority and a certificate of it for the loopback address; the authority's file."""
    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    itself = x509.BasicConstraints(ca=True, path_length=None)
    root = _signed(name, name, authority, authority, itself)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    leaf = _signed(own, name, server, authority, address)
    key = server.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = serialization.Encoding.PEM
    (home / "server.key").write_bytes(key)
    (home / "server.pem").write_bytes(leaf.public_bytes(pem))
    (home / "server-both.pem").write_bytes(key + leaf.public_bytes(pem))
    (home / "authority.pem").write_bytes(root.public_bytes(pem))
    return home / "authority.pem"


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signing: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(extension, critical=True)
        .sign(signing, hashes.SHA256())
    )
