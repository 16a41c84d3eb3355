"""Rotation of the token key: whoever has a token keeps it, and the retired key makes none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.custody.rotate_token import begin, missing_links
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.seals import read_vault_records
from fraudstream_platform.errors import UserError
from fraudstream_platform.evaluate.bronze import Topic
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import TABLES, VAULT, create_tables
from fraudstream_platform.protection.keys import key_file, sealer_of, tokeniser_of
from fraudstream_platform.protection.tokens import Tokeniser, TokenLinks, version_of
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.stream import stream

pytestmark = pytest.mark.unit

OLD, NEW = b"the first token key", b"the second token key"
START_MS = 1_763_940_000_000
TWIN = Tokeniser(OLD, 1)


@dataclass
class Source:
    """A source of transactions, as it was last started."""

    topic: list[tuple[str, str]]
    tokeniser: Tokeniser = field(default_factory=lambda: Tokeniser(OLD, 1))
    read: int = 0

    def restart(self, has_old_key: bool) -> None:
        links = TokenLinks()
        previous = Tokeniser(OLD, 1, links=links) if has_old_key else None
        self.tokeniser = Tokeniser(NEW, 2, links=links, previous=previous)
        self.read = 0

    def token(self, kind: str, value: str) -> str:
        for new, kept in self.topic[self.read :]:
            self.tokeniser.links.learn(new, kept)
        token = self.tokeniser.token_normalised(kind, value)
        self.topic.extend(self.tokeniser.links.take_made())
        self.read = len(self.topic)
        return token


@dataclass
class Rotation:
    """Two sources, the topic of links, and the vault, through the steps of a rotation in order."""

    topic: list[tuple[str, str]] = field(default_factory=list)
    vault: dict[str, tuple[str, str]] = field(default_factory=dict)
    steps: int = 0

    def __post_init__(self) -> None:
        self.sources = [Source(self.topic), Source(self.topic)]

    def go_on(self) -> None:
        """Begin; start one source, start the other; retire; start one, start the other."""
        if self.steps in (0, 3):
            self._link_vault()
        elif self.steps < 3:
            self.sources[self.steps - 1].restart(has_old_key=True)
        elif self.steps < 6:
            self.sources[self.steps - 4].restart(has_old_key=False)
        self.steps += 1

    def token(self, source: int, kind: str, value: str) -> str:
        token = self.sources[source].token(kind, value)
        self.vault[token] = (kind, value)
        return token

    def _link_vault(self) -> None:
        links = TokenLinks()
        for new, kept in self.topic:
            links.learn(new, kept)
        newest = Tokeniser(NEW, 2, links=links)
        found = [newest.linked(token, *original) for token, original in self.vault.items()]
        self.topic.extend(one for one in found if one is not None)


steps_and_sightings = st.lists(
    st.one_of(st.just(None), st.tuples(st.integers(0, 1), st.integers(0, 8))), max_size=60
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(steps_and_sightings)
def test_a_person_keeps_the_token_whenever_the_key_changes(
    script: list[tuple[int, int] | None],
) -> None:
    """A stranger to every counter: what a person's second token would make of them.

    `None` is the next step of the rotation, a pair a source that meets a person.
    """
    rotation, seen = Rotation(), dict[int, str]()
    for one in script:
        if one is None:
            rotation.go_on()
            continue
        source, person = one
        token = rotation.token(source, "customer", f"C{person}")
        assert seen.setdefault(person, token) == token
        if rotation.steps <= 4:
            assert token == TWIN.token_normalised("customer", f"C{person}")


def test_the_retired_key_makes_no_token() -> None:
    """A key that is only called retired: new people must not depend on it."""
    rotation = Rotation()
    before = rotation.token(0, "card", "1")
    for _ in range(6):
        rotation.go_on()
    assert rotation.token(1, "card", "1") == before
    assert version_of(rotation.token(1, "card", "2")) == 2
    assert rotation.token(0, "card", "2") == rotation.token(1, "card", "2")


def test_who_is_first_met_without_the_old_key_is_the_same_where_it_is_still_held() -> None:
    """Sources are started anew one by one after a retirement, too: two tokens for a new person."""
    rotation = Rotation()
    for _ in range(5):
        rotation.go_on()
    first = rotation.token(0, "customer", "1")
    assert version_of(first) == 2
    assert rotation.token(1, "customer", "1") == first


def test_a_third_key_keeps_the_tokens_of_the_first_two() -> None:
    """Links that lead to a link: each key's links must name the token that stays."""
    links = TokenLinks()
    first = Tokeniser(OLD, 1).token_normalised("card", "1")
    second = Tokeniser(NEW, 2, links=links)
    links.learn(*(second.linked(first, "card", "1") or ("", "")))
    born_second = second.token_normalised("card", "2")
    third = Tokeniser(b"the third token key", 3, links=links)
    for token, value in ((first, "1"), (born_second, "2")):
        link = third.linked(token, "card", value)
        assert link is not None
        links.learn(*link)
        assert third.token_normalised("card", value) == token
        assert third.linked(token, "card", value) is None


def _alerts(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    detector, topic = Detector(quality_threshold=0.0, loops_back=True), Topic()
    keys = ["one partition"] * len(records)
    found = []
    for start in range(0, len(records), 1_000):
        part = [dict(record) for record in records[start : start + 1_000]]
        bronze = topic.append(part, keys[start : start + 1_000])
        alerts = detector.step(bronze, "2026-01-01T00").alerts
        found += alerts.select("transaction_id", "alert_id", "score").rows()
    return found


def test_no_alert_is_missed_against_a_twin_that_never_rotates() -> None:
    """The same transactions, with the key rotated on the way: the same alerts, to the score."""
    batches = list(stream(5, 100, 60, tokeniser=TWIN, start_ms=START_MS, fraud_rate=0.05))
    originals = {one.token: one for batch in batches for one in batch.identities}
    twin = [record for batch in batches for record in batch.records()]
    rotation, rotated = Rotation(), []
    for place, record in enumerate(twin):
        if place % (len(twin) // 8) == len(twin) // 9:
            rotation.go_on()
        changed = {
            name: _again(rotation, place % 2, originals[record[name]])
            for name in IDENTITY_KINDS
            if record[name] is not None
        }
        rotated.append(record | changed)
    assert rotation.steps >= 6
    versions = {version_of(record["card"]) for record in rotated if record["card"]}
    assert versions == {1, 2}  # people who came later, and those who stayed
    alerts = _alerts(twin)
    assert len(alerts) > 20
    assert _alerts(rotated) == alerts


def _again(rotation: Rotation, source: int, one: Identity) -> str:
    return rotation.token(source, one.kind, one.value)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty lake with a key file."""
    found = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        key_file=str(tmp_path / "keys.json"),
        key_encryption_key=SecretStr(Fernet.generate_key().decode()),
    )
    create_tables(found)
    key_file(found).create()
    return found


def test_the_vault_s_tokens_are_linked_from_what_is_sealed(settings: Settings) -> None:
    """A token that nobody links is a person who comes back as somebody else."""
    value = "person@mail.example"
    token = tokeniser_of(settings).token("email", value)
    seal = sealer_of(settings).seal(token, "email", value)
    rows = pl.concat([TABLES[VAULT].to_frame(), read_vault_records([seal])], how="diagonal")
    batch = Batch({0: 0}, {0: 1}, [write_file(settings, VAULT, "email", rows)], origin=True)
    TableAppender(settings, VAULT, "test").commit([batch])
    file, links = key_file(settings), TokenLinks()
    file.add("token")
    (found,) = missing_links(settings, links)
    links.learn(*found[0])
    assert [key.version for key in file.retire("token")] == [1]
    assert tokeniser_of(settings, links).token("email", value) == token
    assert list(missing_links(settings, links)) == [[]]


def test_a_second_rotation_waits_for_the_first_one_s_end(settings: Settings) -> None:
    """Three keys at once: sources of three ages, of which two agree."""
    key_file(settings).add("token")
    with pytest.raises(UserError, match="--retire"):
        begin(settings, lambda _: None)
    assert [key.version for key in key_file(settings).keys("token")] == [2, 1]


def test_a_key_from_a_variable_is_not_rotated_by_halves(tmp_path: Path) -> None:
    """CUSTOMER_ID_SALT has no place for a second key: nothing must be linked to one."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    with pytest.raises(UserError, match="KEY_FILE"):
        begin(settings, lambda _: None)


def test_a_retired_key_is_in_no_file(settings: Settings) -> None:
    """What is dropped must not come back with the file."""
    file = key_file(settings)
    old, vault = file.keys("token")[0], file.keys("vault")
    file.add("token")
    file.retire("token")
    assert [key.version for key in file.keys("token")] == [2]
    assert old.secret() not in {key.secret() for key in file.keys("token")}
    assert [key.id for key in file.keys("vault")] == [key.id for key in vault]
