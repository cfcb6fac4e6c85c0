"""How much each part of the platform logs, changed while it runs.

Parts are named as Knative's components, which ``config-logging`` speaks of; each stands for the
loggers of what does the same here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

_GATEWAY = ("wakeful.gateway",)
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "controller": (
        "wakeful.controller",
        "wakeful.reconciler",
        "wakeful.client",
        "wakeful.triggers",
    ),
    "autoscaler": ("wakeful.autoscaler",),
    "activator": ("wakeful.gateway.gate", "wakeful.gateway.load"),
    "queueproxy": ("wakeful.node",),
    "webhook": ("wakeful.apiserver", "wakeful.apis"),
    "net-istio-controller": _GATEWAY,
    "net-contour-controller": _GATEWAY,
    "net-kourier-controller": _GATEWAY,
    "net-gateway-api-controller": _GATEWAY,
}
"""Loggers by component; those below a logger go with it, unless they are another component's."""


def set_levels(level: int, components: Mapping[str, int] | None = None) -> None:
    """Have every logger write from ``level`` on, and those of ``components`` from their own.

    Where several components are the same here, the one that is to write most decides.
    """
    root = logging.getLogger()
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # At its debug level it shows whole requests, those that prove a password too.
    logging.getLogger("aiokafka").setLevel(max(level, logging.INFO))
    wanted: dict[str, int] = {}
    for component, loggers in COMPONENTS.items():
        own = (components or {}).get(component)
        for name in loggers:
            if own is not None:
                wanted[name] = min(own, wanted.get(name, own))
    for name in {name for loggers in COMPONENTS.values() for name in loggers}:
        logging.getLogger(name).setLevel(wanted.get(name, level))
