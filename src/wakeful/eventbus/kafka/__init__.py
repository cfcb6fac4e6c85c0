"""Kafka as others run it: how to connect, topics and offsets.

The client library is imported only once something uses Kafka; platforms without it never load it.
"""

from wakeful.eventbus.kafka.admin import AioKafkaAdmin, InitialOffset, KafkaAdmin
from wakeful.eventbus.kafka.connection import SASL, TLS, KafkaConnection, Mechanism
from wakeful.eventbus.kafka.errors import KafkaUnavailableError, TopicMissingError

__all__ = [
    "SASL",
    "TLS",
    "AioKafkaAdmin",
    "InitialOffset",
    "KafkaAdmin",
    "KafkaConnection",
    "KafkaUnavailableError",
    "Mechanism",
    "TopicMissingError",
]
