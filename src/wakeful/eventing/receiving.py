"""What the receivers of events have in common: reading a request, and refusing it."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from wakeful.apimachinery.errors import WakefulError
from wakeful.cloudevents import CloudEventError, Event, from_http

LARGEST_EVENT_BYTES = 1024 * 1024
"""What Kafka's brokers take unless they are told otherwise, and the most a Secret has room for."""


class RefusedError(WakefulError):
    """An event is not taken; ``status`` tells its sender whose fault that is."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status

    def answer(self) -> web.Response:
        """What the sender is told."""
        return refuse(self.status, str(self))


def refuse(status: HTTPStatus, why: str, **headers: str) -> web.Response:
    """An answer that says why not."""
    return web.json_response({"error": why}, status=status, headers=headers)


async def read_event(request: web.Request) -> Event:
    """The event of a request.

    Raises:
        RefusedError: It is none, or one of more than ``LARGEST_EVENT_BYTES``.
    """
    try:
        return from_http(request.headers.items(), await request.read())
    except web.HTTPRequestEntityTooLarge:
        text = f"an event has at most {LARGEST_EVENT_BYTES} bytes"
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text) from None
    except CloudEventError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
