"""Facts of the broker and its topics."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from fraudstream_platform.doctor.judge_kafka import TopicFacts
from fraudstream_platform.drain.kafka import admin
from fraudstream_platform.drain.topics import wanted_topics
from fraudstream_platform.settings import Settings

TIMEOUT_S = 5.0


def ask_brokers(settings: Settings) -> int:
    """How many brokers answer; raises KafkaException where none does."""
    return len(admin(settings).list_topics(timeout=TIMEOUT_S).brokers)


def wanted_facts(settings: Settings) -> list[TopicFacts]:
    """Topics as set-up makes them."""
    return [_wish(topic) for topic in wanted_topics(settings)]


def ask_topics(settings: Settings, names: list[str]) -> dict[str, TopicFacts]:
    """Those of `names` that exist, with all of their settings; raises KafkaException."""
    client = admin(settings)
    known = client.list_topics(timeout=TIMEOUT_S).topics
    there = [name for name in names if name in known]
    configs = _configs(client, there)
    return {name: TopicFacts(name, len(known[name].partitions), configs[name]) for name in there}


def _configs(client: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = client.describe_configs(resources, request_timeout=TIMEOUT_S)
    return {
        resource.name: {key: entry.value for key, entry in answer.result(TIMEOUT_S).items()}
        for resource, answer in answers.items()
    }


def _wish(topic: NewTopic) -> TopicFacts:
    config: dict[str, str] = dict(topic.config or {})
    return TopicFacts(str(topic.topic), int(topic.num_partitions), config)
