"""The one choice of Ingresses that the gateway and its reconciler have to share."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apis.core import ConfigMap
from wakeful.apis.networking import Ingress
from wakeful.apis.networking.ingress_class import is_served
from wakeful.apis.serving.config import CONFIG_NETWORK, parse_network
from wakeful.controller import Manager
from wakeful.controller.configmaps import ConfigStore


class ServedIngresses:
    """Picks what this platform serves, as ``config-network`` is at the moment."""

    def __init__(self, manager: Manager) -> None:
        self._network = ConfigStore(manager.informer(ConfigMap), CONFIG_NETWORK, parse_network)

    def __call__(self, ingress: Ingress) -> bool:
        """Whether it is ours."""
        return is_served(ingress, self._network.current().ingress_class)

    def on_change(self, listener: Callable[[object], None]) -> None:
        """Call ``listener`` when the choice may be another one."""
        self._network.on_change(listener)
