"""Planted people, whose cards, e-mail addresses and phones must not be found in any byte afterwards.

Canaries come from a source as it should be: tokens in the transactions, originals sealed to the
vault's topic. Parrots are sent in the clear (`ALLOW_CLEAR_PII`), some of them in fields and bytes that
are not for it. One transaction in three is spoiled, by each kind of bad record in turn.
"""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer

from fraudstream_platform.protection.keys import bulk_sealer_of, tokeniser_of
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.population import luhn_complete
from fraudstream_platform.simulator.record import FastEncoder, Transaction
from fraudstream_platform.simulator.spoiled import Spoiler

_BAD_RATE = 0.33
_STRAY_EVERY = 10


class Planter:
    """One planted person for each transaction that is sent."""

    def __init__(
        self, settings: Settings, encoder: FastEncoder, producer: Producer, *, clear: bool
    ) -> None:
        self._settings = settings
        self._encoder = encoder
        self._producer = producer
        self._clear = clear
        self._tokeniser = tokeniser_of(settings)
        self._sealer = bulk_sealer_of(settings)
        self._spoiler = Spoiler(int(clear), _BAD_RATE, encoder)
        self.planted: list[Identity] = []
        self.sent = 0

    @property
    def bad(self) -> dict[str, int]:
        """How many transactions were spoiled, by kind."""
        return dict(self._spoiler.counts)

    @property
    def originals(self) -> list[str]:
        """What must not be found."""
        return [one.value for one in self.planted]

    def send(self, transactions: Iterable[Transaction]) -> None:
        """Send each with a card, an e-mail address and a phone that nobody else has."""
        for one in transactions:
            people = self._people(self.sent)
            if not self._clear:
                for token, sealed in self._sealer.vault_records(people):
                    self._produce(self._settings.vault_topic, sealed, token)
            key, value = self._message(one, people)
            self._produce(self._settings.transactions_topic, value, key)
            self.planted += people
            self.sent += 1

    def _message(
        self, one: Transaction, people: list[Identity]
    ) -> tuple[bytes | str | None, bytes]:
        said = [person.value if self._clear else person.token for person in people]
        if self._clear and self.sent % _STRAY_EVERY == 0:
            return one.key, f"not a record, and of {' '.join(said)}".encode()
        card, email, phone = said
        if self._clear and self.sent % _STRAY_EVERY == 1:
            one = one._replace(merchant=(f"shop of {email}, {phone}", *one.merchant[1:]))
        planted = one._replace(
            account=(one.account[0], card, *one.account[2:]),
            identity=(email, phone, *one.identity[2:]),
        )
        message = self._spoiler.message(planted, may_spoil=True)
        return message.key, message.value

    def _produce(self, topic: str, value: bytes, key: bytes | str | None) -> None:
        self._producer.produce(topic, value, key)
        self._producer.poll(0)

    def _people(self, number: int) -> list[Identity]:
        bird, mobile, bin8 = (
            ("parrot", "78", "47160148") if self._clear else ("canary", "79", "45390148")
        )
        originals = {
            "card": luhn_complete(f"{bin8}{number * 9_973:07d}"),
            "email": f"{bird}.bird.{number}@example.org",
            "phone": f"+44{mobile}{number * 99_991:08d}",
        }
        return [
            Identity(self._tokeniser.token_normalised(kind, value), kind, value)
            for kind, value in originals.items()
        ]
