"""Which groups have been told of: one compacted record a group, read back before anything is told.

1. `init_transactions` of the one producer `fraudstream.network` fences every earlier refresh, and
   ends what it left open.
2. The topic is read to its end: groups told of and still seen within `REMEMBERED_DAYS`.
3. One transaction holds the alerts of new groups and the records that remember them. So an alert
   is on the topic if and only if its group is remembered, whoever dies when.
"""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import KafkaException

from fraudstream_platform.drain.kafka import reader, records_to_end, sole_producer
from fraudstream_platform.network.news import Told, told_from
from fraudstream_platform.settings import Settings

PRODUCER = "fraudstream.network"
_PATIENCE_SECONDS = 30.0


class TellingFailedError(RuntimeError):
    """The transaction did not end as it should; the next refresh finds out, and tells the rest."""


class Memory:
    """The one writer of the network topic, and of the network patterns' alerts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        try:
            self._producer = sole_producer(
                settings, PRODUCER, settings.network_topic, [0], _PATIENCE_SECONDS
            )
        except KafkaException as error:
            raise TellingFailedError(f"{PRODUCER}: {error.args[0].str()}") from None

    def told(self) -> list[Told]:
        """The newest record of every group."""
        consumer = reader(self._settings, PRODUCER)
        try:
            read = records_to_end(consumer, self._settings.network_topic, 0)
            told = [told_from(message.value() or b"{}") for message in read]
        except KafkaException as error:
            raise TellingFailedError(
                f"{self._settings.network_topic}: {error.args[0].str()}"
            ) from None
        finally:
            consumer.close()
        return list({one.key: one for one in told}.values())

    def tell(self, alerts: Sequence[tuple[bytes, bytes]], records: Sequence[Told]) -> None:
        """Alerts (key, value) and records in one transaction.

        Raises TellingFailedError where that fails: whether they were told, the next one reads back.
        """
        if not records:
            return
        producer, settings = self._producer, self._settings
        try:
            producer.begin_transaction()
            for key, value in alerts:
                producer.produce(settings.fraud_alerts_topic, value=value, key=key)
            for record in records:
                producer.produce(
                    settings.network_topic, value=record.to_bytes(), key=record.key.encode()
                )
            producer.commit_transaction(_PATIENCE_SECONDS)
        except KafkaException as error:
            raise TellingFailedError(f"{PRODUCER}: {error.args[0].str()}") from None
