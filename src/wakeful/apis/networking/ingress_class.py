"""Which Ingresses are for this platform's gateway, by the class they ask for."""

from __future__ import annotations

from wakeful.apis.networking.ingress_types import Ingress

_FAMILY = ".ingress.networking.knative.dev"
"""Ends the class of every gateway that Knative's own projects make."""


def is_served(ingress: Ingress, configured: str) -> bool:
    """Whether one gateway, alone on its platform, serves this Ingress.

    It stands in for each of Knative's gateways, so that manifests keep their annotation, and for
    the one that ``config-network`` names (``configured``). Any other class is somebody else's;
    so is an Ingress without one, which no gateway of Knative's takes.
    """
    asked = ingress.class_name
    return bool(asked) and (asked == configured or asked.endswith(_FAMILY))
