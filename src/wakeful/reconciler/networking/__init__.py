"""Keeps Ingresses and ServerlessServices in line with what the gateway serves.

The gateway itself watches the same objects; what it has in force is asked of whoever plays
:class:`~wakeful.apis.networking.gateway_role.IngressServing`.
"""

from wakeful.reconciler.networking.certificate.controller import add_certificate_controller
from wakeful.reconciler.networking.ingress.controller import add_ingress_controller
from wakeful.reconciler.networking.ingress.reconciler import GatewayDomains
from wakeful.reconciler.networking.serverlessservice.controller import (
    add_serverlessservice_controller,
)

__all__ = [
    "GatewayDomains",
    "add_certificate_controller",
    "add_ingress_controller",
    "add_serverlessservice_controller",
]
