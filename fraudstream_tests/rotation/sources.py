"""Two sources of one simulated stream, each of which can be started anew while it goes on.

The stream is generated with stand-in tokens, which are the twin's. A source knows the originals behind
them and makes tokens with the keys that KEY_FILE holds when it is started; it remembers nothing of the
source that it follows. Tills and web shops share customers, cards and devices.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import polars as pl
from confluent_kafka import KafkaError, Message

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.protection.keys import bulk_sealer_of
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import schema_id
from fraudstream_platform.simulator.record import FastEncoder, Transaction, Values
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_platform.token_links import source_tokeniser, tell_links

STAND_IN = Tokeniser(b"the twin's own token key", 1)
GARBAGE = b"\xff never a record, and sealed as a dead letter"
_ONE_IN = 500
"""So many records for one that nobody can decode."""
_TICK_S = 0.025
_CONNECT_MS = 2_000
_TURN_S = 120
"""After so long (and somewhat more) customers come again; until then there are new ones."""
_FRAUD_RATE = 0.03
_FLUSH_S = 60.0
_SOURCE = 3
_IN_ACCOUNT, _IN_IDENTITY = 3, 7
"""Identity fields at the beginning of a transaction's account and identity runs."""


class Source:
    """A source as it was last started."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokeniser, self._links = source_tokeniser(settings)
        self._sealer = bulk_sealer_of(settings)
        number = schema_id(registry_client(settings), settings.transactions_topic, "transaction")
        self._encoder = FastEncoder(number)
        # The partitioner of the Java clients, as every source.
        options: dict[str, str | int | bool] = {"linger.ms": 2, "partitioner": "murmur2_random"}
        self._producer = plain_producer(settings, **options)
        self._tokens: dict[str, str] = {}
        self.undelivered = 0

    def send(self, originals: dict[str, Identity], sent: Sequence[Transaction]) -> dict[str, str]:
        """Send transactions, seals and links before them; tokens that are new to this source."""
        if self._links is not None:
            self._links.poll()
        new = {
            stand_in: self._token(originals[stand_in])
            for one in sent
            for stand_in in identities_of(one)
            if stand_in is not None and stand_in not in self._tokens
        }
        self._tokens |= new
        sealed = [originals[stand_in]._replace(token=token) for stand_in, token in new.items()]
        for key, value in self._sealer.vault_records(sealed):
            self._produce(self._settings.vault_topic, key, value)
        tell_links(self._settings, self._producer, self._tokeniser.links.take_made())
        for one in sent:
            renamed = self._renamed(one)
            self._produce(
                self._settings.transactions_topic,
                renamed.key.encode(),
                self._encoder.encode(renamed),
            )
        self._producer.poll(0)
        return new

    def send_garbage(self, key: str) -> None:
        """Send a record that nobody can decode."""
        self._produce(self._settings.transactions_topic, self._tokens[key].encode(), GARBAGE)

    def close(self) -> None:
        """Deliver what is on its way and end."""
        self.undelivered += self._producer.flush(_FLUSH_S)
        if self._links is not None:
            self._links.close()

    def _token(self, original: Identity) -> str:
        return self._tokeniser.token_normalised(original.kind, original.value)

    def _renamed(self, one: Transaction) -> Transaction:
        account, identity = one.account, one.identity
        return one._replace(
            account=(*self._of(account[:_IN_ACCOUNT]), *account[_IN_ACCOUNT:]),
            identity=(*self._of(identity[:_IN_IDENTITY]), *identity[_IN_IDENTITY:]),
        )

    def _of(self, stand_ins: Values) -> Values:
        return tuple(None if one is None else self._tokens[one] for one in stand_ins)

    def _produce(self, topic: str, key: bytes, value: bytes) -> None:
        self._producer.produce(topic, value, key, on_delivery=self._delivered)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self.undelivered += error is not None


def identities_of(one: Transaction) -> Values:
    """The transaction's tokens, in the order of IDENTITY_KINDS."""
    return (*one.account[:_IN_ACCOUNT], *one.identity[:_IN_IDENTITY])


class Feed:
    """Sends the stream at its intended times through both sources, until it is told to end."""

    def __init__(self, settings: Settings, seed: int, tps: float) -> None:
        self._settings = settings
        self._config = StreamConfig(
            seed, tps, count=10**7, start_ms=int(time.time() * 1000) + _CONNECT_MS,
            fraud_rate=_FRAUD_RATE, customers=int(tps * _TURN_S), batch_slots=max(1, int(tps * _TICK_S)),
        )  # fmt: skip
        self._sources = [Source(settings), Source(settings)]
        self._lock = threading.Lock()
        self._originals: dict[str, Identity] = {}
        self._rows: list[Values] = []
        self._newcomers: list[str] | None = None
        self.given: dict[str, str] = {}
        """The token of everybody, by stand-in."""
        self.strangers: list[str] = []
        """Who was given a second token."""
        self.garbage = 0
        self.seconds = 0.0
        """From the intended first transaction to the last one's sending."""
        self._fault: BaseException | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed")
        self._thread.start()

    def has_sent(self, records: float) -> bool:
        """Whether that many were sent; raises what ended the feed."""
        if self._fault is not None:
            raise self._fault
        return len(self._rows) >= records

    @property
    def sent(self) -> int:
        """Transactions so far."""
        return len(self._rows)

    def restart(self, which: int) -> None:
        """Start a source (0: tills, 1: web shops) anew, with the keys that KEY_FILE holds now."""
        successor = Source(self._settings)
        with self._lock:
            self._close(which)
            self._sources[which] = successor

    def note_newcomers(self) -> None:
        """From now on, remember who is met for the first time."""
        self._newcomers = []

    def newcomers(self) -> dict[str, str]:
        """Their tokens, by stand-in."""
        met = self._newcomers or []
        return {one: self.given[one] for one in met if one in self.given}

    def originals(self) -> dict[str, Identity]:
        """Whose each token is."""
        return {token: self._originals[stand_in] for stand_in, token in self.given.items()}

    def stop(self) -> None:
        """Send no more; raises what ended the feed, or where a record was not delivered."""
        self._ended.set()
        self._thread.join()
        for which in range(len(self._sources)):
            self._close(which)
        if self._fault is not None:
            raise self._fault

    def rows(self) -> pl.DataFrame:
        """What was sent, as the twin sees it: transaction_id and the identity fields."""
        schema = dict.fromkeys(("transaction_id", *IDENTITY_KINDS), pl.String)
        return pl.DataFrame(self._rows, schema=schema, orient="row")

    def _close(self, which: int) -> None:
        source = self._sources[which]
        source.close()
        assert not source.undelivered, f"{source.undelivered} records were not delivered"

    def _run(self) -> None:
        try:
            for batch in Stream(self._config, STAND_IN).batches():
                self._ended.wait(max(0.0, batch.due_ms / 1000 - time.time()))
                if self._ended.is_set():
                    return
                self._originals |= {one.token: one for one in batch.identities}
                if self._newcomers is not None:
                    # Two people may share an address or a network: that one is known then.
                    met = (one.token for one in batch.identities)
                    self._newcomers += [one for one in met if one not in self.given]
                self._send(batch.transactions)
                self.seconds = time.time() - self._config.start_ms / 1000
        except BaseException as fault:  # noqa: BLE001 - told to the trial's own thread
            self._fault = fault

    def _send(self, transactions: Sequence[Transaction]) -> None:
        by_source: tuple[list[Transaction], list[Transaction]] = ([], [])
        for one in transactions:
            by_source[one.kind[_SOURCE] != "POS"].append(one)
        with self._lock:
            for source, sent in zip(self._sources, by_source, strict=True):
                for stand_in, token in source.send(self._originals, sent).items():
                    if self.given.setdefault(stand_in, token) != token:
                        self.strangers.append(stand_in)
            if len(self._rows) // _ONE_IN >= self.garbage and by_source[0]:
                self._sources[0].send_garbage(by_source[0][0].key)
                self.garbage += 1
        self._rows += [(one.transaction_id, *identities_of(one)) for one in transactions]
