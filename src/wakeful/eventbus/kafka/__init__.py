"""Kafka as others run it: how to connect, topics and offsets.

The client library is imported only once something uses Kafka; platforms without it never load it.
"""

from wakeful.eventbus.kafka.admin import AioKafkaAdmin, InitialOffset, KafkaAdmin
from wakeful.eventbus.kafka.connection import SASL, TLS, KafkaConnection, Mechanism
from wakeful.eventbus.kafka.errors import KafkaUnavailableError, TopicMissingError
from wakeful.eventbus.kafka.records import NewRecord, Record, from_record, to_record
from wakeful.eventbus.kafka.secrets import (
    SecretUnusableError,
    connection_of,
    connection_of_secret,
    secrets_of,
)

__all__ = [
    "SASL",
    "TLS",
    "AioKafkaAdmin",
    "InitialOffset",
    "KafkaAdmin",
    "KafkaConnection",
    "KafkaUnavailableError",
    "Mechanism",
    "NewRecord",
    "Record",
    "SecretUnusableError",
    "TopicMissingError",
    "connection_of",
    "connection_of_secret",
    "from_record",
    "secrets_of",
    "to_record",
]
