"""Delivering to a URL: names of the cluster, kept connections, retries. Used by all that send.

Light on purpose: no API types, no client, so that the event process stays small.
"""

from wakeful.eventing.delivery.connection import Response, UnreachableError
from wakeful.eventing.delivery.names import NameTable, NoEndpointsError, Resolver
from wakeful.eventing.delivery.policy import (
    BackoffPolicy,
    Outcome,
    RetryPolicy,
    is_retried,
    is_success,
    next_retry,
)
from wakeful.eventing.delivery.sender import Sender, open_sender, parse_destination

__all__ = [
    "BackoffPolicy",
    "NameTable",
    "NoEndpointsError",
    "Outcome",
    "Resolver",
    "Response",
    "RetryPolicy",
    "Sender",
    "UnreachableError",
    "is_retried",
    "is_success",
    "next_retry",
    "open_sender",
    "parse_destination",
]
