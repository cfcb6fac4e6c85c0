"""The gate: where requests wait inside Envoy until an instance may have them.

Knative calls it the activator. ``machine`` decides, ``service`` speaks ext_proc with Envoy.
"""

from wakeful.gateway.gate.machine import GateCounts, Phase, RevisionGate
from wakeful.gateway.gate.service import Gate

__all__ = ["Gate", "GateCounts", "Phase", "RevisionGate"]
