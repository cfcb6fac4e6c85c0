"""Pools of addresses and ports to give away. Pure, apart from remembering what was given."""

from __future__ import annotations

import ipaddress
import random
from itertools import chain

from wakeful.apimachinery.errors import ServiceUnavailableError


class AddressPool:
    """IPv4 addresses of one network.

    What is given back is not noticed; once a quarter of the network was given, the pool
    :attr:`is_stale` and wants to be filled from the truth again.
    """

    def __init__(self, network: str) -> None:
        self._network = ipaddress.IPv4Network(network)
        self._taken: set[int] = set()
        self._given = 0

    def clear(self) -> None:
        """Forget everything that was taken."""
        self._taken.clear()
        self._given = 0

    def take(self, address: str) -> None:
        """Note an address as taken; what is none of this network's is ignored."""
        if self.contains(address):
            self._taken.add(int(ipaddress.IPv4Address(address)))

    def contains(self, address: str) -> bool:
        """Whether the address belongs to this network."""
        try:
            return ipaddress.IPv4Address(address) in self._network
        except ValueError:
            return False

    def fault(self, address: str) -> str:
        """What keeps the address from being given; empty if nothing does."""
        if not self.contains(address):
            return (
                f"provided IP is not in the valid range. The range of valid IPs is {self._network}"
            )
        if int(ipaddress.IPv4Address(address)) in self._taken:
            return "provided IP is already allocated"
        return ""

    @property
    def is_stale(self) -> bool:
        """Whether much was given since the pool was filled."""
        return self._given > self._network.num_addresses // 4

    def allocate(self) -> str:
        """Give a free address.

        Raises:
            ServiceUnavailableError: There is none.
        """
        low, high = int(self._network[2]), int(self._network[-2])
        start = random.randint(low, high)  # noqa: S311 - spread, not secrecy
        for number in chain(range(start, high + 1), range(low, start)):
            if number not in self._taken:
                self._taken.add(number)
                self._given += 1
                return str(ipaddress.IPv4Address(number))
        raise ServiceUnavailableError(
            f"failed to allocate a serviceIP: range {self._network} is full"
        )


class PortPool:
    """Ports of one range."""

    def __init__(self, ports: range) -> None:
        self._ports = ports
        self._taken: set[int] = set()

    def clear(self) -> None:
        """Forget everything that was taken."""
        self._taken.clear()

    def take(self, port: int) -> None:
        """Note a port as taken."""
        if port in self._ports:
            self._taken.add(port)

    def contains(self, port: int) -> bool:
        """Whether the port belongs to this range."""
        return port in self._ports

    def fault(self, port: int) -> str:
        """What keeps the port from being given; empty if nothing does."""
        if port not in self._ports:
            return (
                "provided port is not in the valid range. The range of valid ports is"
                f" {self._ports.start}-{self._ports.stop - 1}"
            )
        return "provided port is already allocated" if port in self._taken else ""

    def allocate(self) -> int:
        """Give a free port.

        Raises:
            ServiceUnavailableError: There is none.
        """
        free = [port for port in self._ports if port not in self._taken]
        if not free:
            raise ServiceUnavailableError("failed to allocate a nodePort: range is full")
        chosen = random.choice(free)  # noqa: S311 - spread, not secrecy
        self._taken.add(chosen)
        return chosen
