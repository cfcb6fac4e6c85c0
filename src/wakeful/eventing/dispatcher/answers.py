"""What a subscriber's answer means, and what a dead letter sink is told. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from http import HTTPStatus

from wakeful.cloudevents import (
    AttributeValue,
    CloudEventError,
    Event,
    Mode,
    content_mode,
    from_http,
    to_http,
)
from wakeful.eventing.delivery.connection import Response
from wakeful.eventing.delivery.policy import Outcome, is_success
from wakeful.eventing.frame import ForwardedHeaders
from wakeful.eventing.ingress.rules import TTL, restamped

_MOST_ERROR_DATA = 1024

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed: where, how, and what was answered."""

    url: str
    outcome: Outcome
    body: bytes = b""

    @property
    def code(self) -> int:
        """The status dead letter sinks are told; nobody there counts as 500."""
        return self.outcome.status or HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def data(self) -> bytes:
        """What was answered, or why nothing was."""
        return self.body or (
            f"dispatch error: {self.outcome.reason}".encode() if self.outcome.reason else b""
        )

    @property
    def reason(self) -> str:
        """For people."""
        if self.outcome.reason:
            return self.outcome.reason
        return f"{self.url} answered {self.outcome.status}"


class BadReplyError(Exception):
    """A subscriber took the event but its answer makes no sense."""


def read_reply(response: Response, *, must_be_event: bool) -> Event | None:
    """The event in a subscriber's answer, if there is one. 202 never carries one.

    Raises:
        BadReplyError: The answer says it is an event and is none; or, with ``must_be_event``, it
            has a body that is something else.
    """
    if response.status == HTTPStatus.ACCEPTED or not is_success(response.status):
        return None
    if not response.body and not any(name.startswith("ce-") for name, _ in response.headers):
        return None
    mode = content_mode(response.headers)
    if mode is None:
        if response.body and must_be_event:
            raise BadReplyError("the subscriber's answer has a body that is no event")
        return None
    if mode is Mode.BATCH:
        raise BadReplyError("the subscriber answered with a batch of events")
    try:
        return from_http(response.headers, response.body)
    except CloudEventError as error:
        raise BadReplyError(f"the subscriber's answer is no valid event: {error}") from error


def take_ttl(event: Event) -> AttributeValue | None:
    """Take the TTL off an event that is the caller's alone: its subscriber does not see it."""
    return event.extensions.pop(TTL, None) if isinstance(event.extensions, dict) else None


def with_ttl(reply: Event, ttl: AttributeValue | None) -> Event:
    """A reply with the TTL of the event it answers, so that a circle of events ends."""
    extensions = {name: value for name, value in reply.extensions.items() if name != TTL}
    if ttl is not None:
        extensions[TTL] = ttl
    return restamped(reply, extensions)


def dead_letter(event: Event, failure: Failure) -> Event:
    """The event for a dead letter sink: the original, and what happened."""
    text = base64.b64encode(failure.data).decode()[:_MOST_ERROR_DATA]
    return event.with_extensions(
        {
            "knativeerrordest": failure.url,
            "knativeerrorcode": failure.code,
            "knativeerrordata": text or None,
        }
    )


def encode(
    event: Event, forwarded: ForwardedHeaders, namespace: str, *, structured: bool
) -> tuple[Pairs, bytes]:
    """Headers and body of a request that delivers an event."""
    headers, body = to_http(event, Mode.STRUCTURED if structured else Mode.BINARY)
    pairs = list(headers.items())
    pairs += forwarded
    pairs.append(("prefer", "reply"))
    if namespace:
        pairs.append(("kn-namespace", namespace))
    return pairs, body
