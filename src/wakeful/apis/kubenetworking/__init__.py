"""Kubernetes' networking group: ingresses and network policies, stored and shown."""

from wakeful.apis.kubenetworking.ingress_types import (
    RESOURCES,
    Ingress,
    IngressClass,
    NetworkPolicy,
)

__all__ = ["RESOURCES", "Ingress", "IngressClass", "NetworkPolicy"]
