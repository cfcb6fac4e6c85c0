"""Kafka as others run it: how to connect, topics and offsets.

The client library is imported only once something uses Kafka; platforms without it never load it.
"""

from wakeful.eventbus.kafka.admin import AioKafkaAdmin, InitialOffset, KafkaAdmin
from wakeful.eventbus.kafka.connection import SASL, TLS, KafkaConnection, Mechanism
from wakeful.eventbus.kafka.errors import KafkaUnavailableError, TopicMissingError
from wakeful.eventbus.kafka.records import NewRecord, Record, from_record, to_record

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
    "TopicMissingError",
    "from_record",
    "to_record",
]
