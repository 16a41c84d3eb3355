"""The links of a token rotation on their compacted topic: which token an identity keeps.

Key: the token that the newest key gives. Value: the token that stays. Both are tokens: nothing of an
original is in a link. A source learns them at start and tells those that it makes.
"""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from fraudstream_platform.connection import kafka_connection
from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.keys import keys_of, tokeniser_of
from fraudstream_platform.protection.tokens import Tokeniser, TokenLinks
from fraudstream_platform.settings import Settings

_PARTITION = 0
_ANSWER_S = 10.0
_AT_ONCE = 10_000


class LinkReader:
    """Learns links into `links`, from the topic's beginning on; raises UserError."""

    def __init__(self, settings: Settings, links: TokenLinks) -> None:
        self._topic = settings.token_links_topic
        self._links = links
        self._consumer = Consumer(
            {
                **kafka_connection(settings),
                "group.id": "fraudstream.token-links",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "log_level": 2,
            }
        )
        start = self._bounds()[0]
        self._position = start
        self._consumer.assign([TopicPartition(self._topic, _PARTITION, start)])

    def read_to_end(self) -> None:
        """Learn every link that is there now."""
        end = self._bounds()[1]
        while self._position < end:
            if not self.poll(_ANSWER_S):
                raise UserError(f"{self._topic}: the broker does not answer")

    def poll(self, timeout: float = 0.0) -> bool:
        """Learn what has come; False where nothing did within `timeout` seconds."""
        messages = self._consumer.consume(1, timeout) if timeout else []
        messages += self._consumer.consume(_AT_ONCE, 0.0)
        for message in messages:
            error, offset = message.error(), message.offset()
            if error is None:
                self._learn(message.key(), message.value())
                self._position = (offset or 0) + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._position = max(self._position, offset or 0)
            elif not error.retriable():
                raise UserError(f"{self._topic}: {error.str()}")
        return bool(messages)

    def close(self) -> None:
        """Release the client."""
        self._consumer.close()

    def _learn(self, key: bytes | None, value: bytes | None) -> None:
        if key and value:
            self._links.learn(key.decode(), value.decode())

    def _bounds(self) -> tuple[int, int]:
        place = TopicPartition(self._topic, _PARTITION)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S, cached=False)
        except Exception as error:  # noqa: BLE001 - KafkaException, or a RuntimeError of the binding
            raise UserError(f"{self._topic} cannot be read: {error}") from None
        return low, high


def tell_links(settings: Settings, producer: Producer, links: Iterable[tuple[str, str]]) -> int:
    """Queue links for the topic; how many."""
    count = 0
    for new, kept in links:
        producer.produce(
            settings.token_links_topic, kept.encode(), new.encode(), partition=_PARTITION
        )
        producer.poll(0)
        count += 1
    return count


def settled_tokeniser(settings: Settings) -> Tokeniser:
    """The tokeniser of a source that learns all links now and no later ones; raises UserError."""
    tokeniser, reader = source_tokeniser(settings)
    if reader is not None:
        reader.close()
    return tokeniser


def source_tokeniser(settings: Settings) -> tuple[Tokeniser, LinkReader | None]:
    """The tokeniser of a source with all links learnt; the reader goes on learning while polled.

    Before the first rotation there is nothing to learn: no reader, no request. Raises UserError.
    """
    if keys_of(settings).token_keys()[0].version == 1:
        return tokeniser_of(settings), None
    links = TokenLinks()
    reader = LinkReader(settings, links)
    reader.read_to_end()
    return tokeniser_of(settings, links), reader
