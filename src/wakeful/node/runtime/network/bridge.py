"""A bridge on the host and a network namespace for each pod, some of them prepared ahead."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from wakeful.node.runtime.network import egress
from wakeful.node.runtime.network.claims import (
    BridgeNames,
    one_at_a_time,
    remove_dead_bridges,
    try_lock,
)
from wakeful.node.runtime.network.errors import NetworkError
from wakeful.node.runtime.network.lease import Lease
from wakeful.node.runtime.network.netlink import Netlink
from wakeful.procd import linux
from wakeful.procd.client import ProcdClient

T = TypeVar("T")

DEFAULT_RANGE = ipaddress.IPv4Network("198.19.0.0/16")
"""From the range for benchmarks (RFC 2544): never routed, and not what offices and VPNs use."""
_SLICE_PREFIX = 21
_PREFIX = "netns/"
_CLAIM = "claim/network"
_QUIET_SECONDS = 0.3
"""How long the pool waits before it refills: the pod that took from it is starting right now, and
a thread beside it costs it milliseconds."""


def pod_mac(address: ipaddress.IPv4Address) -> bytes:
    """Return the hardware address that always goes with an address.

    Neighbours remember it: with another one, they would not find a new pod at an old address for
    some nine seconds.
    """
    return b"\x02\x58" + address.packed


def choose_range(
    wanted: ipaddress.IPv4Network, taken: list[ipaddress.IPv4Network]
) -> ipaddress.IPv4Network:
    """Return the first slice of ``wanted`` that overlaps no network of this host.

    A slice has room for two thousand pods; a range that is no larger is taken whole.

    Raises:
        NetworkError: No slice is free.
    """
    prefix = max(_SLICE_PREFIX, wanted.prefixlen)
    for piece in wanted.subnets(new_prefix=prefix):
        if not any(piece.overlaps(net) for net in taken):
            return piece
    clash = next(net for net in taken if net.overlaps(wanted))
    raise NetworkError(f"pod network {str(wanted)!r} overlaps {str(clash)!r} of this host")


class BridgeNetwork:
    """``PodNetwork`` with real isolation; needs root.

    Namespaces are held by procd as descriptors: they have no names in the file system, outlive
    this process, and vanish with procd, cables included.
    """

    def __init__(
        self,
        procd: ProcdClient,
        *,
        key: str,
        network: ipaddress.IPv4Network = DEFAULT_RANGE,
        pool_size: int = 8,
        masquerade: bool = True,
    ) -> None:
        self._procd, self._names = procd, BridgeNames(key)
        self._wanted, self._pool_size, self._masquerade = network, pool_size, masquerade
        self._network: ipaddress.IPv4Network | None = None
        self._bridge = 0
        self._used: set[int] = set()
        self._next = 0
        self._ready: deque[Lease] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="wakeful-network")
        self._refilling: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._egress = False
        self.notes: tuple[str, ...] = ()

    @property
    def cidr(self) -> str | None:
        """Range of the pods' addresses."""
        return str(self._network) if self._network else None

    @property
    def gateway(self) -> str | None:
        """The bridge's own address."""
        return str(self._network[1]) if self._network else None

    @property
    def egress(self) -> bool:
        """Whether addresses are translated on the way out."""
        return self._egress

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def probe(self) -> None:
        """Raise ``NetworkError`` or ``OSError`` when the kernel does not let us do this."""
        await self._claim()
        await self._run(self._set_up_bridge)
        _, netns = await self._run(self._make)
        os.close(netns)

    async def start(self, adopted: list[Lease]) -> None:
        """Set up the bridge and the pool; raises ``NetworkError`` when the kernel refuses."""
        await self._claim()
        await self._run(self._set_up_bridge)
        held = [name for name in await self._procd.held() if name.startswith(_PREFIX)]
        wanted = {lease.netns for lease in adopted}
        self._used = {lease.slot for lease in adopted}
        for name in held:
            if name not in wanted:
                await self._procd.release(name)
        await self._run(self._remove_strays)
        self._next = max(self._used, default=-1) + 1
        if self._masquerade:
            problem = await egress.enable(self._names.bridge, str(self._network))
            self._egress = not problem
            if problem:
                self.notes = (f"pods reach this host and each other only: {problem}",)
        else:
            self.notes = ("pods reach this host and each other only: egress is switched off",)
        await self._add(self._pool_size)

    async def _claim(self) -> None:
        """Let procd hold a lock, so that others can tell a bridge in use from one left behind."""
        if _CLAIM in await self._procd.held():
            return
        lock = try_lock(self._names.claim, create=True)
        if lock is None:
            raise NetworkError(f"bridge {self._names.bridge!r} belongs to somebody who is alive")
        try:
            await self._procd.hold(_CLAIM, lock)
        finally:
            os.close(lock)

    def _set_up_bridge(self) -> None:
        with one_at_a_time(), Netlink() as netlink:
            remove_dead_bridges(netlink, but=self._names.bridge)
            links = {link.name: link.index for link in netlink.links()}
            networks = netlink.networks()
            existing = links.get(self._names.bridge)
            if existing is not None:
                kept = [iface for index, iface in networks if index == existing]
                if kept and kept[0].network.subnet_of(self._wanted):
                    self._bridge, self._network = existing, kept[0].network
                    netlink.set_up(existing)
                    return
                netlink.delete(existing)
                networks = [(i, iface) for i, iface in networks if i != existing]
            self._network = choose_range(self._wanted, [iface.network for _, iface in networks])
            self._bridge = netlink.add_bridge(self._names.bridge, self._names.mac)
            address = ipaddress.IPv4Interface((self._network[1], self._network.prefixlen))
            netlink.add_address(self._bridge, address)
            netlink.set_up(self._bridge)

    def _remove_strays(self) -> None:
        keep = {self._names.bridge, *(self._names.veth(slot) for slot in self._used)}
        with Netlink() as netlink:
            for link in netlink.links():
                if link.name.startswith(f"wk{self._names.key}") and link.name not in keep:
                    with contextlib.suppress(NetworkError):  # its namespace may die just now
                        netlink.delete(link.index)

    async def _add(self, count: int) -> None:
        for _ in range(count):
            lease, netns = await self._run(self._make)
            try:
                await self._procd.hold(lease.netns, netns)
            finally:
                os.close(netns)
            self._ready.append(lease)

    def _make(self) -> tuple[Lease, int]:
        """Make a namespace with an address; runs in the network thread."""
        assert self._network is not None
        slot = self._free_slot()
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        netns = -1
        try:
            with Netlink() as outside:
                linux.unshare(linux.CLONE_NEWNET)
                try:
                    netns = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                    outside.add_veth(
                        self._names.veth(slot),
                        "eth0",
                        netns,
                        self._bridge,
                        peer_mac=pod_mac(self._network[slot + 2]),
                    )
                    with Netlink() as inside:
                        self._configure(inside, slot)
                finally:
                    linux.setns(home, linux.CLONE_NEWNET)
        except BaseException:
            self._used.discard(slot)
            if netns >= 0:
                os.close(netns)
            raise
        finally:
            os.close(home)
        return Lease(str(self._network[slot + 2]), f"{_PREFIX}{slot}", slot), netns

    def _configure(self, inside: Netlink, slot: int) -> None:
        assert self._network is not None
        inside.set_up(inside.index("lo"))
        cable = inside.index("eth0")
        inside.add_address(
            cable, ipaddress.IPv4Interface((self._network[slot + 2], self._network.prefixlen))
        )
        inside.set_up(cable)
        inside.add_default_route(self._network[1], cable)
        # Nobody inside has capabilities over the namespace, and port 80 is nothing special there.
        for name, value in (("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 65535")):
            with (
                contextlib.suppress(OSError),
                open(  # noqa: PTH123
                    f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii"
                ) as file,
            ):
                file.write(value)

    def _free_slot(self) -> int:
        assert self._network is not None
        places = self._network.num_addresses - 3
        for _ in range(places):
            slot = self._next % places
            self._next += 1
            if slot not in self._used and not self._has_cable(slot):
                self._used.add(slot)
                return slot
        raise NetworkError(f"pod network {str(self._network)!r} has no free address")

    def _has_cable(self, slot: int) -> bool:
        """Whether a pod of a former process, or one that is vanishing, has this place."""
        return Path("/sys/class/net", self._names.veth(slot)).exists()

    async def acquire(self) -> Lease:
        """Return a prepared lease, and have another one prepared."""
        while not self._ready:
            await self._add(1)
        lease = self._ready.popleft()
        if self._refilling is None or self._refilling.done():
            self._refilling = asyncio.create_task(self._refill(), name="runtime:network-pool")
        return lease

    async def _refill(self) -> None:
        log = structlog.get_logger("wakeful.node.runtime")
        try:
            if self._ready:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_QUIET_SECONDS):
                        await self._ending.wait()
            while len(self._ready) < self._pool_size and not self._ending.is_set():
                await self._add(1)
        except Exception:
            # Not fatal: the next acquire tries again, and tells its caller.
            log.exception("network pool not filled")

    async def release(self, lease: Lease) -> None:
        """Let the namespace die; its address is used again last."""
        await self._procd.release(lease.netns)
        self._used.discard(lease.slot)

    async def open_socket(self, lease: Lease) -> socket.socket:
        """Return a socket that belongs to the pod's namespace."""
        netns = await self._procd.take(lease.netns)

        def make() -> socket.socket:
            home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                linux.setns(netns, linux.CLONE_NEWNET)
                try:
                    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                finally:
                    linux.setns(home, linux.CLONE_NEWNET)
            finally:
                os.close(home)
            sock.setblocking(False)
            return sock

        try:
            return await self._run(make)
        finally:
            os.close(netns)

    async def aclose(self) -> None:
        """Stop preparing; the pool stays with procd until the next ``start``."""
        await self._end_refilling()
        self._thread.shutdown(wait=False)

    async def _end_refilling(self) -> None:
        self._ending.set()
        if self._refilling is not None:
            await asyncio.wait([self._refilling])

    async def destroy(self) -> None:
        """Remove the pool, the bridge and the translation."""
        await self._end_refilling()
        with contextlib.suppress(Exception):
            for name in await self._procd.held():
                if name.startswith(_PREFIX):
                    await self._procd.release(name)
        await egress.disable(self._names.bridge)
        self._used.clear()

        def remove() -> None:
            self._remove_strays()
            with Netlink() as netlink, contextlib.suppress(NetworkError):
                netlink.delete(netlink.index(self._names.bridge))

        await self._run(remove)
        self._names.claim.unlink(missing_ok=True)
        with contextlib.suppress(Exception):
            await self._procd.release(_CLAIM)
