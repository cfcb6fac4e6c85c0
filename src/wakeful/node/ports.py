"""Ports of Pods that share the host's network, because nothing else is possible here.

Where the agent may not make network namespaces (it is not root), every Pod has the address
127.0.0.1, and two instances of one program would want the same port. So each container that says
which port it serves on gets one of its own:

* a container with ``PORT`` in its environment gets a free port, and ``PORT`` says which;
* a container with a ``containerPort`` and no ``PORT`` keeps that number while nobody else has it,
  else it gets a free one and is told by ``PORT``.

The Pod's annotation ``node.wakeful.dev/ports`` says which port stands for which; probes,
port-forward and endpoints follow it. What does not work this way: programs that neither read
``PORT`` nor are alone with their port, further ports of a container, sidecars that reach the main
container by its declared port, and connections between Pods by a declared port instead of through
a Service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from wakeful.apis.core.pod_types import Container, Pod
from wakeful.loopback import choose_port, is_free


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port that a container declares; ``told`` when it reads the number from ``PORT``."""

    number: int
    told: bool


def wanted_port(container: Container) -> WantedPort | None:
    """The port a container says it serves on; None when it does not say."""
    texts = [v.value for v in container.env if v.name == "PORT" and v.value.isdigit()]
    if texts:
        return WantedPort(int(texts[-1]), told=True)
    if container.ports:
        return WantedPort(container.ports[0].container_port, told=False)
    return None


def wanted_ports(pod: Pod) -> list[WantedPort]:
    """The ports that need a number of their own, each once."""
    found = [wanted_port(container) for container in pod.spec.containers]
    return list({port.number: port for port in found if port is not None}.values())


def render_ports(ports: Mapping[int, int]) -> str:
    """Write the annotation."""
    return orjson.dumps({str(k): v for k, v in sorted(ports.items())}).decode()


class PortTable:
    """Which ports of this host the Pods of this node have."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, int]] = {}

    def of(self, uid: str) -> Mapping[int, int]:
        """Declared → actual port of one Pod; empty when its ports are its own."""
        return self._of.get(uid, {})

    def restore(self, uid: str, ports: Mapping[int, int]) -> None:
        """Take over what a former agent assigned."""
        if ports:
            self._of[uid] = dict(ports)

    def assign(self, uid: str, wanted: Iterable[WantedPort]) -> Mapping[int, int]:
        """Give the Pod its ports; those it has already stay."""
        mine = self._of.setdefault(uid, {})
        taken = {p for ports in self._of.values() for p in ports.values()}
        for port in wanted:
            if port.number not in mine:
                keep = not port.told and port.number not in taken
                keep = keep and is_free(port.number, option=None)
                mine[port.number] = port.number if keep else choose_port(taken=taken)
                taken.add(mine[port.number])
        return mine

    def release(self, uid: str) -> None:
        """Forget a Pod."""
        self._of.pop(uid, None)
