"""Cluster IPs of plain Services lead to this host, where the gateway's Envoy listens for them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from ipaddress import AddressValueError, IPv4Address

import structlog

from wakeful.aio import Lifetime
from wakeful.apis.core import Service
from wakeful.apis.core.service_addresses import has_cluster_address
from wakeful.client import Change
from wakeful.controller import Manager
from wakeful.node.runtime.network.errors import NetworkError
from wakeful.node.runtime.network.netlink import Netlink

log = structlog.get_logger("wakeful.node")

_THERE_ALREADY, _GONE_ALREADY = errno.EEXIST, errno.ESRCH


class ServiceAddresses:
    """Keeps a route of the kind ``local`` for each address, on the instances' bridge.

    Single addresses and not their whole range, so that nothing else of this host is led astray.
    They vanish with the bridge. ``inside`` is the bridge's own address; None: there is no bridge.
    """

    name = "service-addresses"

    def __init__(self, manager: Manager, inside: str | None) -> None:
        self._inside = inside
        self._pending: dict[IPv4Address, bool] = {}
        self._wake = asyncio.Event()
        if inside is not None:
            manager.informer(Service).add_handler(self._on_service)

    async def run(self, life: Lifetime) -> None:
        """Follow Services until told to drain."""
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow(), name="service-addresses")
            life.started.set()
            await life.draining.wait()
            following.cancel()

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            pending, self._pending = self._pending, {}
            await asyncio.to_thread(self._apply, pending)

    def _on_service(self, change: Change[Service]) -> None:
        old, new = _address(change.old), _address(change.new)
        if old == new:
            return
        if old is not None:
            self._pending[old] = False
        if new is not None:
            self._pending[new] = True
        self._wake.set()

    def _apply(self, pending: dict[IPv4Address, bool]) -> None:
        with Netlink() as netlink:
            bridge = next(
                (index for index, it in netlink.networks() if str(it.ip) == self._inside), None
            )
            if bridge is None:
                log.warning("no bridge for addresses of services", address=self._inside)
                return
            for address, wanted in pending.items():
                try:
                    if wanted:
                        netlink.add_local(address, bridge)
                    else:
                        netlink.delete_local(address, bridge)
                except NetworkError as error:
                    if error.errno not in (_THERE_ALREADY, _GONE_ALREADY):
                        log.warning("address of a service", address=str(address), error=str(error))


def _address(service: Service | None) -> IPv4Address | None:
    if service is None or not has_cluster_address(service):
        return None
    with contextlib.suppress(AddressValueError):
        return IPv4Address(service.spec.cluster_ip)
    return None
