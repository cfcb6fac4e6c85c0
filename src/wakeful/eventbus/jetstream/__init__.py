"""The event bus on NATS JetStream, embedded or the user's own."""

from wakeful.eventbus.jetstream.bus import JetStreamBus
from wakeful.eventbus.jetstream.connection import ApiError
from wakeful.eventbus.natsserver import NatsServer

__all__ = ["ApiError", "JetStreamBus", "NatsServer"]
