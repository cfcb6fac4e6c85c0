"""One delta-xDS stream as a state machine: requests and changes in, responses out, no I/O.

Names that differ from what the client has are marked dirty; ``next_response`` turns them into one
message of one type, in the order additions must arrive. A slow client therefore gets fewer, larger
messages instead of a queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from envoy.service.discovery.v3 import discovery_pb2

from wakeful.gateway.xds.resources import Changes, ResourceStore, ResourceType

_WILDCARD = "*"
_WILDCARD_TYPES = frozenset({ResourceType.CLUSTER, ResourceType.LISTENER, ResourceType.SCOPE})
_CUT = "...(truncated)"
"""Ends messages that were longer than Envoy sends."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The client has these names in the versions sent up to ``nonce``."""

    kind: ResourceType
    names: frozenset[str]
    nonce: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The client keeps what it had: the response ``nonce`` was not acceptable."""

    kind: ResourceType
    names: frozenset[str]
    nonce: int
    message: str


@dataclass(slots=True)
class _Subscription:
    """What one client wants and has of one type."""

    wildcard: bool = False
    greeted: bool = True
    """False until a client that wants everything was told that there may be nothing."""
    names: set[str] = field(default_factory=set)
    sent: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Version and nonce last sent, by name; an empty version says it was removed."""
    acked: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Version and reason of what the client would not take, by name."""
    dirty: set[str] = field(default_factory=set)
    pending: dict[int, frozenset[str]] = field(default_factory=dict)
    unanswered: bool = False
    """A first request waits for an answer, if only to learn that there is nothing: Envoy would
    otherwise wait 15 s for it before it goes on."""

    def wants(self, name: str) -> bool:
        return self.wildcard or name in self.names


class DeltaStream:
    """The server's side of one client's stream."""

    def __init__(self, store: ResourceStore) -> None:
        self._store = store
        self._subscriptions: dict[ResourceType, _Subscription] = {}
        self._nonce = 0

    def on_request(self, request: discovery_pb2.DeltaDiscoveryRequest) -> list[Confirmed | Refused]:
        """Take in an acknowledgement, a refusal, a change of subscription, or all at once."""
        try:
            kind = ResourceType(request.type_url)
        except ValueError:
            return []
        events: list[Confirmed | Refused] = []
        subscription = self._subscriptions.get(kind)
        first = subscription is None
        if subscription is None:
            subscription = self._subscriptions[kind] = _Subscription(
                unanswered=kind in _WILDCARD_TYPES
            )
        if request.response_nonce:
            event = self._settle(kind, subscription, request)
            if event is not None:
                events.append(event)
        known = dict(request.initial_resource_versions) if first else {}
        wanted = set(request.resource_names_subscribe)
        if first and not wanted and kind in _WILDCARD_TYPES:
            wanted = {_WILDCARD}
        unwanted = set(request.resource_names_unsubscribe)
        self._unsubscribe(subscription, unwanted)
        if unwanted:
            # Nobody is going to acknowledge these; a push must not wait for it.
            events.append(Confirmed(kind, frozenset(unwanted), self._nonce + 1))
        if wanted:
            current = self._subscribe(kind, subscription, wanted, known)
            if current:
                # Counts for a push that waits for a first message, which is never going to come.
                events.append(Confirmed(kind, frozenset(current), self._nonce + 1))
        return events

    def mark(self, changes: Changes) -> None:
        """Note what changed in the store and concerns this client."""
        for kind, names in (*changes.put.items(), *changes.remove.items()):
            subscription = self._subscriptions.get(kind)
            if subscription is None:
                continue
            subscription.dirty.update(name for name in names if subscription.wants(name))

    def next_response(self) -> discovery_pb2.DeltaDiscoveryResponse | None:
        """Return the next message to send, or None when the client has everything."""
        for kind in ResourceType:
            subscription = self._subscriptions.get(kind)
            while subscription is not None and (subscription.dirty or subscription.unanswered):
                response = self._respond(kind, subscription)
                if response is not None:
                    return response
        return None

    def refusal(self, kind: ResourceType, name: str) -> str | None:
        """Why the client refused the current version of a resource; None when it did not."""
        subscription = self._subscriptions.get(kind)
        resource = self._store.get(kind, name)
        if subscription is None or resource is None:
            return None
        version, message = subscription.refused.get(name, ("", ""))
        return message if version == resource.version else None

    def resend(self, kind: ResourceType, names: Iterable[str]) -> None:
        """Have names sent again that were part of a refused message."""
        subscription = self._subscriptions.get(kind)
        if subscription is not None:
            subscription.dirty.update(name for name in names if subscription.wants(name))

    def outstanding(self, kind: ResourceType, name: str) -> int | None:
        """The nonce whose acknowledgement will prove that the client has the current version.

        None when it has it already. For what was not sent yet it is the first nonce to come.
        """
        resource = self._store.get(kind, name)
        want = resource.version if resource is not None else ""
        subscription = self._subscriptions.get(kind)
        if subscription is None:
            return self._nonce + 1
        if name in subscription.sent:
            version, nonce = subscription.sent[name]
            if version == want:
                return None if subscription.acked.get(name) == want else nonce
        elif resource is None:
            return None
        return self._nonce + 1

    def _settle(
        self,
        kind: ResourceType,
        subscription: _Subscription,
        request: discovery_pb2.DeltaDiscoveryRequest,
    ) -> Confirmed | Refused | None:
        nonce = int(request.response_nonce, 16) if _is_nonce(request.response_nonce) else 0
        names = subscription.pending.pop(nonce, None)
        if names is None:
            return None
        if request.HasField("error_detail"):
            reason = _last_words(request.error_detail.message)
            for name in names:
                # Unknown from here on: whatever comes next must be sent.
                version, _ = subscription.sent.pop(name, ("", 0))
                subscription.acked.pop(name, None)
                subscription.refused[name] = (version, reason)
            return Refused(kind, names, nonce, reason)
        for name in names:
            version, sent_nonce = subscription.sent.get(name, ("", 0))
            if sent_nonce == nonce:
                subscription.acked[name] = version
        return Confirmed(kind, names, nonce)

    def _unsubscribe(self, subscription: _Subscription, names: set[str]) -> None:
        if _WILDCARD in names:
            subscription.wildcard = False
        for name in names:
            subscription.names.discard(name)
            if not subscription.wildcard:
                subscription.dirty.discard(name)
                subscription.sent.pop(name, None)
                subscription.acked.pop(name, None)

    def _subscribe(
        self,
        kind: ResourceType,
        subscription: _Subscription,
        wanted: set[str],
        known: Mapping[str, str],
    ) -> list[str]:
        """Mark what the client lacks; return what it has in the current version already."""
        names: set[str] = wanted - {_WILDCARD}
        subscription.names |= names
        if _WILDCARD in wanted:
            subscription.wildcard = True
            subscription.greeted = False
            names |= set(self._store.names(kind))
        names |= {name for name in known if subscription.wants(name)}
        current = []
        for name in names:
            resource = self._store.get(kind, name)
            if resource is not None and known.get(name) == resource.version:
                subscription.sent[name] = (resource.version, self._nonce)
                subscription.acked[name] = resource.version
                current.append(name)
            else:
                subscription.sent.pop(name, None)
                subscription.acked.pop(name, None)
                subscription.dirty.add(name)
        return current

    def _respond(
        self, kind: ResourceType, subscription: _Subscription
    ) -> discovery_pb2.DeltaDiscoveryResponse | None:
        response = discovery_pb2.DeltaDiscoveryResponse(type_url=kind.value)
        changed: list[str] = []
        names = sorted(subscription.dirty)
        for name in names:
            resource = self._store.get(kind, name)
            version = resource.version if resource is not None else ""
            sent = subscription.sent.get(name)
            if sent is not None and sent[0] == version:
                continue
            if resource is None:
                response.removed_resources.append(name)
            else:
                response.resources.add(name=name, version=version, resource=resource.body)
            changed.append(name)
        subscription.dirty.difference_update(names)
        if not changed and not subscription.unanswered:
            return None
        subscription.unanswered = False
        self._nonce += 1
        response.nonce = f"{self._nonce:x}"
        self._record(subscription, changed, kind)
        return response

    def _record(
        self, subscription: _Subscription, names: Iterable[str], kind: ResourceType
    ) -> None:
        for name in names:
            resource = self._store.get(kind, name)
            subscription.sent[name] = (resource.version if resource else "", self._nonce)
            subscription.acked.pop(name, None)
        subscription.pending[self._nonce] = frozenset(names)


def _last_words(message: str) -> str:
    """The fault itself: Envoy prints the whole resource before it, and 4 KiB of both at most."""
    _, is_told, fault = message.rpartition("\n: ")
    if not message.endswith(_CUT):
        return fault
    return f"{fault if is_told else 'no room for the reason'}; envoy.log has all of it"


def _is_nonce(text: str) -> bool:
    return bool(text) and all(character in "0123456789abcdef" for character in text)
