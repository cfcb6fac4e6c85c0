"""Hops and dead letters as objects of the API. Pure."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson

from wakeful.apimachinery.meta import format_micro_time, format_time
from wakeful.cloudevents import Event, from_json, to_json
from wakeful.eventing.frame import pack, unpack
from wakeful.eventing.history import DeadLetter, Hop

GROUP, VERSION = "events.wakeful.dev", "v1alpha1"

Wire = dict[str, Any]


def namespace_of(owner: str) -> str:
    """The namespace of ``kind/namespace/name``."""
    return owner.split("/")[1]


def event_to_wire(event: Event) -> Wire:
    """An event in CloudEvents' JSON format."""
    found: Wire = orjson.loads(to_json(event))
    return found


def event_from_wire(data: Any) -> Event:
    """Read an event in the JSON format.

    Raises:
        CloudEventError: It is none; the text names the fault.
    """
    # Not orjson, which has no integers beyond 64 bits; half characters stay the escapes they were.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return from_json(text.encode(errors="backslashreplace"))


def letter_to_wire(letter: DeadLetter) -> Wire:
    """A DeadLetter object; ``spec.event`` is what a replay sends."""
    event, _ = unpack(letter.message)
    status: Wire = {
        "owner": letter.owner,
        "url": letter.url,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "failedAt": format_micro_time(_moment(letter.at)),
    }
    if letter.status is not None:
        status["code"] = letter.status
    if letter.response:
        status["response"] = _readable(letter.response)
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "DeadLetter",
        "metadata": {
            "name": str(letter.number),
            "namespace": namespace_of(letter.owner),
            "uid": _uid("deadletter", letter.number, letter.at),
            "resourceVersion": version_of(letter),
            "creationTimestamp": format_time(_moment(letter.at)),
        },
        "spec": {"event": event_to_wire(event)},
        "status": status,
    }


def version_of(letter: DeadLetter) -> str:
    """Changes when the event does, or when it was tried again."""
    return str(zlib.crc32(letter.message, letter.attempts) + 1)


def with_event(letter: DeadLetter, event: Event) -> DeadLetter:
    """The letter with another event in it; what travelled along stays."""
    _, forwarded = unpack(letter.message)
    return replace(
        letter,
        event_id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject or "",
        message=pack(event, forwarded),
    )


def hop_to_wire(hop: Hop) -> Wire:
    """A Hop object."""
    status: Wire = {
        "step": str(hop.kind),
        "owner": hop.owner,
        "at": format_micro_time(_moment(hop.at)),
        "event": {"id": hop.event_id, "source": hop.source, "type": hop.type},
    }
    optional: Wire = {
        "url": hop.url or None,
        "code": hop.status,
        "attempt": hop.attempt or None,
        "milliseconds": round(hop.duration_ms, 3) or None,
        "note": hop.note or None,
        "sequence": hop.sequence or None,
    }
    status |= {name: value for name, value in optional.items() if value is not None}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Hop",
        "metadata": {
            "name": str(hop.number),
            "namespace": namespace_of(hop.owner),
            "uid": _uid("hop", hop.number, hop.at),
            "creationTimestamp": format_time(_moment(hop.at)),
        },
        "status": status,
    }


def list_of(kind: str, items: list[Wire], metadata: Mapping[str, str] | None = None) -> Wire:
    """A list object."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": f"{kind}List",
        "metadata": dict(metadata or {}),
        "items": items,
    }


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _uid(kind: str, number: int, at: float) -> str:
    return str(uuid5(NAMESPACE_OID, f"{kind}/{number}/{at!r}"))


def _readable(data: bytes) -> str:
    """Text as it is, anything else as base64."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(data).decode()}"
    return text
