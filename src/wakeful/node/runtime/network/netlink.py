"""Just enough rtnetlink to wire a pod, without a library.

A maintained one exists (pyroute2), but importing it costs this process 25 MB and a third of a
second, which is a tenth of what the whole idle platform may weigh; the few messages below do not.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from wakeful.node.runtime.network.errors import NetworkError

_NEWLINK, _DELLINK, _GETLINK = 16, 17, 18
_NEWADDR, _GETADDR = 20, 22
_NEWROUTE, _DELROUTE = 24, 25
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST, _ACK, _DUMP, _EXCL, _CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 10, 18, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 254, 3, 0, 1
_RT_TABLE_LOCAL, _RT_SCOPE_HOST, _RTN_LOCAL = 255, 254, 2
_LINK = struct.Struct("=BxHiII")
_ADDR = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=BBBBBBBBI")
_HEADER = struct.Struct("=IHHII")
_NESTED = 0x8000


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface."""

    index: int
    name: str


def _attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def _name(text: str) -> bytes:
    return _attribute(_IFLA_IFNAME, text.encode() + b"\0")


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3 :]


class Netlink:
    """A socket in the network namespace of the thread that opened it. Blocking."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._sock.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _request(self, kind: int, flags: int, body: bytes, what: str) -> list[bytes]:
        self._sequence += 1
        header = _HEADER.pack(16 + len(body), kind, flags | _REQUEST, self._sequence, 0)
        self._sock.send(header + body)
        answers: list[bytes] = []
        while True:
            data = self._sock.recv(1 << 17)
            while len(data) >= 16:
                length, got, _, sequence, _ = _HEADER.unpack_from(data)
                payload, data = data[16:length], data[(length + 3) & ~3 :]
                if sequence != self._sequence:
                    continue
                if got == _NLMSG_ERROR:
                    code = -struct.unpack_from("=i", payload)[0]
                    if code:
                        raise NetworkError(f"{what}: {os.strerror(code)}", errno=code)
                    return answers
                if got == _NLMSG_DONE:
                    return answers
                answers.append(payload)

    def links(self) -> list[Link]:
        """Return all interfaces."""
        found = []
        body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        for payload in self._request(_GETLINK, _DUMP, body, "list interfaces"):
            index = _LINK.unpack_from(payload)[2]
            for kind, value in _attributes(payload[_LINK.size :]):
                if kind == _IFLA_IFNAME:
                    found.append(Link(index, value.rstrip(b"\0").decode()))
        return found

    def networks(self) -> list[tuple[int, ipaddress.IPv4Interface]]:
        """Return the IPv4 addresses of this namespace with their interfaces' indices."""
        found = []
        body = _ADDR.pack(socket.AF_INET, 0, 0, 0, 0)
        for payload in self._request(_GETADDR, _DUMP, body, "list addresses"):
            _, prefix, _, _, index = _ADDR.unpack_from(payload)
            for kind, value in _attributes(payload[_ADDR.size :]):
                if kind == _IFA_LOCAL:
                    address = ipaddress.IPv4Address(value)
                    found.append((index, ipaddress.IPv4Interface((address, prefix))))
        return found

    def index(self, name: str) -> int:
        """Return an interface's number."""
        try:
            return socket.if_nametoindex(name)
        except OSError:
            raise NetworkError(f"interface {name!r} does not exist", errno=errno.ENODEV) from None

    def add_bridge(self, name: str, mac: bytes) -> int:
        """Make a bridge and return its number.

        Without a fixed ``mac`` it would take that of a port, and change it as ports come and go.
        """
        info = _attribute(_IFLA_LINKINFO | _NESTED, _attribute(_IFLA_INFO_KIND, b"bridge"))
        body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _name(name) + info
        body += _attribute(_IFLA_ADDRESS, mac)
        self._request(_NEWLINK, _ACK | _CREATE | _EXCL, body, f"bridge {name!r}")
        return self.index(name)

    def add_veth(
        self, name: str, peer: str, peer_netns: int, master: int, *, peer_mac: bytes
    ) -> None:
        """Make a cable: ``name`` here, up and plugged into ``master``; ``peer`` in a namespace."""
        other = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + _name(peer)
        other += _attribute(_IFLA_ADDRESS, peer_mac)
        other += _attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_netns))
        data = _attribute(_IFLA_INFO_DATA | _NESTED, _attribute(_VETH_INFO_PEER | _NESTED, other))
        info = _attribute(_IFLA_LINKINFO | _NESTED, _attribute(_IFLA_INFO_KIND, b"veth\0") + data)
        body = _LINK.pack(socket.AF_UNSPEC, 0, 0, _IFF_UP, _IFF_UP) + _name(name)
        body += _attribute(_IFLA_MASTER, struct.pack("=I", master)) + info
        self._request(_NEWLINK, _ACK | _CREATE | _EXCL, body, f"veth {name!r}")

    def set_up(self, index: int) -> None:
        """Switch an interface on."""
        body = _LINK.pack(socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
        self._request(_NEWLINK, _ACK, body, f"interface {index}")

    def delete(self, index: int) -> None:
        """Remove an interface."""
        body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)
        self._request(_DELLINK, _ACK, body, f"interface {index}")

    def add_address(self, index: int, address: ipaddress.IPv4Interface) -> None:
        """Give an interface an address."""
        body = _ADDR.pack(socket.AF_INET, address.network.prefixlen, 0, 0, index)
        body += _attribute(_IFA_LOCAL, address.ip.packed) + _attribute(
            _IFA_ADDRESS, address.ip.packed
        )
        self._request(_NEWADDR, _ACK | _CREATE | _EXCL, body, f"address {address}")

    def add_default_route(self, gateway: ipaddress.IPv4Address, index: int) -> None:
        """Send everything else to ``gateway``."""
        body = _ROUTE.pack(
            socket.AF_INET,
            0,
            0,
            0,
            _RT_TABLE_MAIN,
            _RTPROT_BOOT,
            _RT_SCOPE_UNIVERSE,
            _RTN_UNICAST,
            0,
        )
        body += _attribute(_RTA_GATEWAY, gateway.packed)
        body += _attribute(_RTA_OIF, struct.pack("=i", index))
        self._request(_NEWROUTE, _ACK | _CREATE | _EXCL, body, f"route via {gateway}")

    def add_local(self, address: ipaddress.IPv4Address, index: int) -> None:
        """Take what comes for ``address`` as meant for this host; goes with the interface."""
        body = _local_route(address, index)
        self._request(_NEWROUTE, _ACK | _CREATE | _EXCL, body, f"local {address}")

    def delete_local(self, address: ipaddress.IPv4Address, index: int) -> None:
        """Undo :meth:`add_local`."""
        self._request(_DELROUTE, _ACK, _local_route(address, index), f"local {address}")


def _local_route(address: ipaddress.IPv4Address, index: int) -> bytes:
    head = (socket.AF_INET, 32, 0, 0, _RT_TABLE_LOCAL, _RTPROT_BOOT, _RT_SCOPE_HOST, _RTN_LOCAL, 0)
    return (
        _ROUTE.pack(*head)
        + _attribute(_RTA_DST, address.packed)
        + _attribute(_RTA_OIF, struct.pack("=i", index))
    )
