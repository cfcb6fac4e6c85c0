"""``events.wakeful.dev``: the ways of events, dead letters and their replay, sending and tailing.

=================================  ===========================================================
``deadletters``                    get, list, update, patch, delete, deletecollection
``deadletters/replay``             create: one more attempt; the answer says what came of it
``hops``                           get, list; ``fieldSelector=event.id=ID`` for one event's way
``sendings``                       create: send ``spec.event`` to the object in ``spec.to``
``tails/NAME``                     get ``tails/NAME/events?kind=Broker``: a JSON event a line
=================================  ===========================================================

Access is decided as for any resource, namespace by namespace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Protocol

import orjson
from aiohttp import web

from wakeful.apimachinery.errors import (
    BadRequestError,
    ConflictError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
    ServiceUnavailableError,
)
from wakeful.apimachinery.fields import invalid, required, to_causes
from wakeful.apimachinery.patch import apply_patch
from wakeful.apimachinery.request import APIRequest, PatchType, Verb
from wakeful.apimachinery.scheme import AGE, Column
from wakeful.apiserver.http.aggregated import READ, AggregatedResource
from wakeful.cloudevents import CloudEventError, Event, Mode, to_http
from wakeful.eventbus import BusError
from wakeful.eventing.delivery import Sender, UnreachableError
from wakeful.eventing.history import DeadLetter, HistoryStore, Hop
from wakeful.eventing.repair.replay import Replayer
from wakeful.eventing.repair.tap import NotCarriedError, Tap
from wakeful.eventing.repair.wire import (
    GROUP,
    VERSION,
    event_from_wire,
    event_to_wire,
    hop_to_wire,
    letter_to_wire,
    list_of,
    namespace_of,
    version_of,
    with_event,
)

_MOST_LISTED = 1000
_SEND_SECONDS = 50.0
"""Less than clients wait for an answer of the API."""
_MOST_REPLY_BYTES = 64 * 1024

DEAD_LETTERS = AggregatedResource(
    "deadletters",
    "DeadLetter",
    namespaced=True,
    verbs=(*READ, Verb.UPDATE, Verb.PATCH, Verb.DELETE, Verb.DELETE_COLLECTION),
    short_names=("dl",),
    columns=(
        Column("For", ".status.owner"),
        Column("Type", ".spec.event.type"),
        Column("Event", ".spec.event.id"),
        Column("Code", ".status.code", type="integer"),
        Column("Attempts", ".status.attempts", type="integer"),
        AGE,
        Column("Reason", ".status.reason", wide=True),
        Column("Source", ".spec.event.source", wide=True),
    ),
    subresources={"replay": (Verb.CREATE,)},
)
HOPS = AggregatedResource(
    "hops",
    "Hop",
    namespaced=True,
    columns=(
        Column("Step", ".status.step"),
        Column("Where", ".status.owner"),
        Column("Event", ".status.event.id"),
        Column("Code", ".status.code", type="integer"),
        Column("Milliseconds", ".status.milliseconds", type="number"),
        AGE,
        Column("URL", ".status.url", wide=True),
        Column("Note", ".status.note", wide=True),
    ),
)
SENDINGS = AggregatedResource("sendings", "Sending", namespaced=True, verbs=(Verb.CREATE,))
TAILS = AggregatedResource(
    "tails",
    "Tail",
    namespaced=True,
    verbs=(),
    subresources={"events": (Verb.GET,)},
    streams=frozenset({"events"}),
)


class AddressBook(Protocol):
    """Knows where objects take events."""

    def address_of(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        """The URL of an addressable object.

        Raises:
            NotFoundError: There is no such object, or no such kind.
            BadRequestError: It has no address.
        """
        ...


class EventsAPI:
    """Answers for the group."""

    group, version = GROUP, VERSION
    resources = (DEAD_LETTERS, HOPS, SENDINGS, TAILS)

    def __init__(
        self,
        store: HistoryStore,
        replayer: Replayer,
        tap: Tap,
        sender: Sender,
        addresses: AddressBook,
    ) -> None:
        self._store, self._replayer, self._tap = store, replayer, tap
        self._sender, self._addresses = sender, addresses

    async def answer(self, request: APIRequest) -> dict[str, Any]:
        """See :class:`~wakeful.apiserver.http.aggregated.AggregatedAPI`."""
        match request.resource:
            case "deadletters":
                return await self._answer_letters(request)
            case "hops":
                return self._answer_hops(request)
            case "sendings":
                return await self._send(request)
            case _:
                raise NotFoundError.of(request.resource, GROUP, request.name)

    # --- dead letters -------------------------------------------------------------------------

    async def _answer_letters(self, request: APIRequest) -> dict[str, Any]:
        match request.verb:
            case Verb.LIST:
                return self._list_letters(request)
            case Verb.GET:
                return letter_to_wire(self._letter(request))
            case Verb.UPDATE:
                return self._replace(request, request.body)
            case Verb.PATCH:
                return self._patch(request)
            case Verb.DELETE:
                letter = self._letter(request)
                self._store.remove_dead_letter(letter.number)
                return _success(request.name)
            case Verb.DELETE_COLLECTION:
                for letter in self._selected(request):
                    self._store.remove_dead_letter(letter.number)
                return _success("")
            case _:
                return await self._replay(request)

    def _list_letters(self, request: APIRequest) -> dict[str, Any]:
        letters = self._selected(request)
        metadata = {"resourceVersion": str(max((x.number for x in letters), default=0))}
        limit = _limit(request.params)
        if len(letters) > limit:
            letters = letters[:limit]
            metadata["continue"] = str(letters[-1].number)
        return list_of("DeadLetter", [letter_to_wire(x) for x in letters], metadata)

    def _selected(self, request: APIRequest) -> Sequence[DeadLetter]:
        fields = _fields(request.params, ("status.owner", "event.id", "event.type", "event.source"))
        after = _number(request.params.get("continue") or "0", "continue")
        found = self._store.dead_letters(
            owner=fields.get("status.owner"),
            namespace=request.namespace or None,
            after=after,
            limit=_limit(request.params) + 1,
        )
        return [
            letter
            for letter in found
            if fields.get("event.id", letter.event_id) == letter.event_id
            and fields.get("event.type", letter.type) == letter.type
            and fields.get("event.source", letter.source) == letter.source
        ]

    def _letter(self, request: APIRequest) -> DeadLetter:
        letter = self._store.dead_letter(int(request.name)) if _is_number(request.name) else None
        if letter is None or namespace_of(letter.owner) != request.namespace:
            raise NotFoundError.of(request.resource, GROUP, request.name)
        return letter

    def _patch(self, request: APIRequest) -> dict[str, Any]:
        if request.patch_type is None or request.patch_type is PatchType.APPLY:
            raise MethodNotAllowedError("dead letters are made by deliveries, not applied")
        current = letter_to_wire(self._letter(request))
        return self._replace(request, apply_patch(request.patch_type, request.body, current))

    def _replace(self, request: APIRequest, body: Any) -> dict[str, Any]:
        letter = self._letter(request)
        if not isinstance(body, dict):
            raise BadRequestError("the body of the request is not an object")
        metadata = body.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if version not in (None, "", version_of(letter)):
            raise ConflictError.of(request.resource, GROUP, request.name)
        event = _read_event(body, "DeadLetter", request.name)
        mended = with_event(letter, event)
        self._store.replace_dead_letter(mended)
        return letter_to_wire(mended)

    async def _replay(self, request: APIRequest) -> dict[str, Any]:
        letter = self._letter(request)
        done = await self._replayer.replay(letter)
        answer = letter_to_wire(done.letter or letter)
        answer["status"]["replay"] = {
            "delivered": done.delivered,
            "url": done.url,
            **({"reason": done.reason} if done.reason else {}),
            **({"code": done.code} if done.code is not None else {}),
        }
        return answer

    # --- hops ---------------------------------------------------------------------------------

    def _answer_hops(self, request: APIRequest) -> dict[str, Any]:
        if request.verb is Verb.GET:
            hop = self._store.hop(int(request.name)) if _is_number(request.name) else None
            if hop is None or namespace_of(hop.owner) != request.namespace:
                raise NotFoundError.of(request.resource, GROUP, request.name)
            return hop_to_wire(hop)
        return list_of("Hop", [hop_to_wire(hop) for hop in self._hops(request)])

    def _hops(self, request: APIRequest) -> Sequence[Hop]:
        fields = _fields(request.params, ("event.id", "event.source", "status.owner"))
        namespace, limit = request.namespace or None, _limit(request.params)
        if "event.id" not in fields:
            recent = self._store.recent_hops(limit, fields.get("status.owner"), namespace=namespace)
            return list(reversed(recent))
        found = self._store.hops_of(
            fields["event.id"], fields.get("event.source"), namespace=namespace
        )
        owner = fields.get("status.owner")
        return [hop for hop in found if owner in (None, hop.owner)][:limit]

    # --- sending ------------------------------------------------------------------------------

    async def _send(self, request: APIRequest) -> dict[str, Any]:
        body = request.body if isinstance(request.body, dict) else {}
        event = _read_event(body, "Sending", "")
        spec: dict[str, Any] = body["spec"]
        ref: dict[str, Any] = spec["to"] if isinstance(spec.get("to"), dict) else {}
        missing = [name for name in ("apiVersion", "kind", "name") if not ref.get(name)]
        if missing:
            causes = to_causes([required(f"spec.to.{name}") for name in missing])
            raise InvalidError.of("Sending", GROUP, "", causes)
        mode = spec.get("mode") or "binary"
        if mode not in ("binary", "structured"):
            causes = to_causes([invalid("spec.mode", mode, "must be binary or structured")])
            raise InvalidError.of("Sending", GROUP, "", causes)
        url = self._addresses.address_of(
            str(ref["apiVersion"]), str(ref["kind"]), request.namespace, str(ref["name"])
        )
        headers, data = to_http(event, Mode.STRUCTURED if mode == "structured" else Mode.BINARY)
        try:
            response = await self._sender.post(
                url, headers.items(), data, timeout_seconds=_SEND_SECONDS
            )
        except UnreachableError as error:
            raise ServiceUnavailableError(f"{url}: {error}") from error
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Sending",
            "metadata": {"namespace": request.namespace},
            "spec": {"to": ref, "mode": mode, "event": event_to_wire(event)},
            "status": {
                "url": url,
                "code": response.status,
                "body": response.body[:_MOST_REPLY_BYTES].decode(errors="replace"),
            },
        }

    # --- tailing ------------------------------------------------------------------------------

    async def stream(self, http: web.Request, request: APIRequest) -> web.StreamResponse:
        """Send what passes through a Broker or channel, an event a line, until the client goes."""
        kind = request.params.get("kind") or "Broker"
        owner = f"{kind.lower()}/{request.namespace}/{request.name}"
        try:
            self._tap.check(owner)
        except NotCarriedError as error:
            raise NotFoundError(str(error)) from error
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        ready = asyncio.Event()
        try:
            async with aclosing(self._tap.events(owner, ready)) as events:
                # The first line is empty: whoever sends after it is sure to be seen.
                opening = asyncio.create_task(_open(http, response, ready))
                try:
                    async for event in events:
                        await opening
                        await response.write(orjson.dumps(event_to_wire(event)) + b"\n")
                finally:
                    opening.cancel()
        except BusError as error:
            if not response.prepared:
                raise ServiceUnavailableError(str(error)) from error
        except ConnectionError:
            return response
        return response


async def _open(http: web.Request, response: web.StreamResponse, ready: asyncio.Event) -> None:
    await ready.wait()
    await response.prepare(http)
    await response.write(b"\n")


def _read_event(body: Mapping[str, Any], kind: str, name: str) -> Event:
    spec = body.get("spec")
    data = spec.get("event") if isinstance(spec, dict) else None
    if not isinstance(data, dict):
        raise InvalidError.of(kind, GROUP, name, to_causes([required("spec.event")]))
    try:
        return event_from_wire(data)
    except CloudEventError as error:
        path = f"spec.event.{error.attribute}" if error.attribute else "spec.event"
        causes = to_causes([invalid(path, data.get(error.attribute), error.reason)])
        raise InvalidError.of(kind, GROUP, name, causes) from error


def _fields(params: Mapping[str, str], known: Sequence[str]) -> dict[str, str]:
    """Read ``fieldSelector``; only equality, and ``metadata.name`` is not needed here.

    Raises:
        BadRequestError: A field that cannot be selected by.
    """
    found: dict[str, str] = {}
    for part in (params.get("fieldSelector") or "").split(","):
        if not part:
            continue
        name, _, value = part.replace("==", "=").partition("=")
        if name not in known:
            raise BadRequestError(f"field label not supported: {name}")
        found[name] = value
    return found


def _limit(params: Mapping[str, str]) -> int:
    given = _number(params.get("limit") or "0", "limit")
    return min(given or _MOST_LISTED, _MOST_LISTED)


def _number(text: str, what: str) -> int:
    if not _is_number(text):
        raise BadRequestError(f"{what} {text!r} is not a number")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _success(name: str) -> dict[str, Any]:
    details = {"group": GROUP, "kind": "deadletters", **({"name": name} if name else {})}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
        "code": int(HTTPStatus.OK),
    }
