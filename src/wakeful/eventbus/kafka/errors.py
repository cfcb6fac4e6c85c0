"""What can go wrong with a Kafka cluster, in words for the status of an object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wakeful.apimachinery.errors import WakefulError


class KafkaUnavailableError(WakefulError):
    """The cluster cannot be reached, refused us, or did not answer in time."""


class TopicMissingError(WakefulError):
    """The cluster has no topic of that name."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic!r} does not exist")
        self.topic = topic


@contextmanager
def translated(servers: str) -> Iterator[None]:
    """Name the cluster in errors of the client library.

    Raises:
        KafkaUnavailableError: For any error of the library, of the network, of TLS, and timeouts.
    """
    from aiokafka.errors import KafkaError

    try:
        yield
    except (KafkaError, OSError, TimeoutError, KeyError) as err:
        # KeyError: what the library makes of a SCRAM server that refuses a password.
        raise KafkaUnavailableError(f"{servers}: {describe(err)}") from err


def describe(err: BaseException) -> str:
    """The text of an error, or its name when it has none."""
    if isinstance(err, TimeoutError):
        return "no answer in time"
    if isinstance(err, KeyError):
        return "authentication was refused"
    return str(err) or type(err).__name__
