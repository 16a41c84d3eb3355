"""Which partition of a topic a key goes to: the rule of Kafka's Java clients.

Source: `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner.partitionForKey`; librdkafka
calls it `murmur2_random`.
"""

from __future__ import annotations

_SEED = 0x9747B28C
_FACTOR = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 of `data` under Kafka's seed."""
    mixed = (_SEED ^ len(data)) & _WORD
    whole = len(data) // 4 * 4
    for place in range(0, whole, 4):
        word = int.from_bytes(data[place : place + 4], "little") * _FACTOR & _WORD
        word = (word ^ word >> 24) * _FACTOR & _WORD
        mixed = mixed * _FACTOR & _WORD ^ word
    if whole < len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _FACTOR & _WORD
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _WORD
    return mixed ^ mixed >> 15


def partition_of(key: str, partitions: int) -> int:
    """The partition of a record with this key, in a topic of so many partitions."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
