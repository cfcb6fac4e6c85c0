"""Ports of pods that share the network of their host.

There every pod has the host's address, so each declared port may stand for another number. The
node agent says which, in an annotation; whoever leads traffic to a pod follows it.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from wakeful.apis.core.pod_types import Pod

PORTS_ANNOTATION = "node.wakeful.dev/ports"
"""On a pod: a JSON object from declared to actual port."""


def actual_ports(pod: Pod) -> Mapping[int, int]:
    """Declared to actual port; empty when the pod's ports are its own, or cannot be read."""
    text = pod.metadata.annotations.get(PORTS_ANNOTATION)
    if not text:
        return {}
    try:
        return {int(declared): int(actual) for declared, actual in orjson.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        return {}
