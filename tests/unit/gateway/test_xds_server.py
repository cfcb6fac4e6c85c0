"""Pushes and what they wait for, without a socket."""

from __future__ import annotations

import asyncio

from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import any_pb2

from wakeful.gateway.xds import Changes, ResourceType, make_resource
from wakeful.gateway.xds.server import AdsServer, _Client

ENDPOINTS = ResourceType.ENDPOINTS


def endpoints(body: str) -> Changes:
    return Changes({ENDPOINTS: {"a": make_resource(any_pb2.Any(value=body.encode()))}})


class Envoy:
    """A client that reads and acknowledges when it is told to."""

    def __init__(self, server: AdsServer) -> None:
        self._server, self._client = server, _Client(server.store)
        server._clients.add(self._client)
        self._send(resource_names_subscribe=["a"])

    def _send(self, **fields: object) -> None:
        request = discovery_pb2.DeltaDiscoveryRequest(
            type_url=ENDPOINTS.value,
            **fields,
        )
        for event in self._client.stream.on_request(request):
            self._server._note(self._client, event)

    def read(self) -> str | None:
        """The nonce of the next message, if there is one."""
        response = self._client.stream.next_response()
        return response.nonce if response is not None else None

    def acknowledge(self, nonce: str | None) -> None:
        self._send(response_nonce=nonce)


async def test_change_that_is_undone_before_it_was_sent_ends_the_wait_for_it() -> None:
    """An instance goes and is back before Envoy heard of it: nothing is to be acknowledged."""
    server = AdsServer()
    server.store.apply(endpoints("here"))
    envoy = Envoy(server)
    envoy.acknowledge(envoy.read())

    gone = asyncio.create_task(server.push(endpoints("gone"), timeout=5))
    await asyncio.sleep(0)
    await server.push(endpoints("here"), timeout=5)
    await gone

    assert envoy.read() is None


async def test_change_that_is_undone_waits_for_what_was_sent_before() -> None:
    server = AdsServer()
    server.store.apply(endpoints("here"))
    envoy = Envoy(server)
    sent = envoy.read()

    pushes = []
    for body in ("gone", "here"):
        pushes.append(asyncio.create_task(server.push(endpoints(body), timeout=5)))
        await asyncio.sleep(0)
    assert not any(push.done() for push in pushes)
    assert envoy.read() is None
    envoy.acknowledge(sent)

    await asyncio.gather(*pushes)
