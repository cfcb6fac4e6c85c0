"""Connects ``events.wakeful.dev`` with what the event process left, and with the objects."""

from __future__ import annotations

from contextlib import AsyncExitStack

from wakeful.aio import SystemClock
from wakeful.apimachinery.errors import BadRequestError, NotFoundError
from wakeful.apiserver.registry.core import APIServer
from wakeful.cmd.eventfiles import eventing_paths
from wakeful.cmd.eventsapi import EventsAPI
from wakeful.config import DataDir
from wakeful.eventbus import EventBus
from wakeful.eventing.delivery import Sender
from wakeful.eventing.history import HistoryStore
from wakeful.eventing.plan.model import Plan, load_plan
from wakeful.eventing.repair import Replayer, Tap
from wakeful.eventing.worker.files import load_bus


def make_events_api(
    layout: DataDir, server: APIServer, sender: Sender, stack: AsyncExitStack
) -> EventsAPI:
    """Build the group; ``stack`` closes what it holds."""
    paths = eventing_paths(layout)
    store = HistoryStore.open(paths.history)
    stack.callback(store.close)

    def plan() -> Plan:
        try:
            return load_plan(paths.plan.read_bytes())
        except (FileNotFoundError, ValueError):
            return Plan()  # nothing was carried yet

    def bus() -> EventBus:
        # Not before somebody taps a broker: the client library is large for the idle platform.
        from wakeful.eventbus.jetstream.bus import JetStreamBus

        return JetStreamBus(load_bus(paths))

    return EventsAPI(
        store,
        Replayer(store, sender, plan, SystemClock()),
        Tap(bus, plan),
        sender,
        StoredAddresses(server),
    )


class StoredAddresses:
    """Finds the addresses of objects of this server."""

    def __init__(self, server: APIServer) -> None:
        self._server = server

    def address_of(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        """See :class:`~wakeful.cmd.eventsapi.AddressBook`."""
        group, _, version = api_version.rpartition("/")
        served = self._server.resources.find_kind(group, kind)
        if served is None or not served.resource.namespaced:
            raise BadRequestError(f"spec.to: there is no kind {kind} in {api_version}")
        found = self._server.objects.get(group, served.plural, name, namespace)
        if found is None:
            raise NotFoundError.of(served.plural, group, name)
        if (group, version, kind) == ("", "v1", "Service"):
            return f"http://{name}.{namespace}.svc.cluster.local"
        address = (found.get("status") or {}).get("address") or {}
        if not address.get("url"):
            raise BadRequestError(f"{kind} {namespace}/{name} has no address (yet)")
        return str(address["url"])
