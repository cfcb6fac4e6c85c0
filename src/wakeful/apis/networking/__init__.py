"""Knative's internal networking: what Routes ask of the gateway, and what revisions are behind.

Not for the gateway itself, nor for Kubernetes' own Ingress (``kubenetworking``).
"""

from wakeful.apimachinery.scheme import READINESS, Column, Resource
from wakeful.apis.networking.certificate_types import (
    CERTIFICATE_CONDITIONS,
    Certificate,
    CertificateSpec,
    CertificateStatus,
    HTTP01Challenge,
    validate_certificate,
)
from wakeful.apis.networking.clusterdomainclaim_types import (
    ClusterDomainClaim,
    ClusterDomainClaimSpec,
    validate_clusterdomainclaim,
)
from wakeful.apis.networking.ingress_lifecycle import (
    INGRESS_CONDITIONS,
    LOAD_BALANCER_READY,
    NETWORK_CONFIGURED,
    IngressStatus,
    LoadBalancerIngressStatus,
    LoadBalancerStatus,
)
from wakeful.apis.networking.ingress_types import (
    HeaderMatch,
    HTTPIngressPath,
    HTTPIngressRuleValue,
    HTTPOption,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressTLS,
    IngressVisibility,
)
from wakeful.apis.networking.ingress_validation import set_ingress_defaults, validate_ingress
from wakeful.apis.networking.register import (
    GROUP,
    INGRESS_CLASS,
    OUR_INGRESS_CLASS,
    SERVERLESS_SERVICE,
    SERVICE_TYPE,
    WEBHOOK,
)
from wakeful.apis.networking.serverlessservice_lifecycle import (
    ACTIVATOR_ENDPOINTS_POPULATED,
    ENDPOINTS_POPULATED,
    SERVERLESS_SERVICE_CONDITIONS,
    ServerlessServiceStatus,
)
from wakeful.apis.networking.serverlessservice_types import (
    NetworkProtocol,
    ServerlessService,
    ServerlessServiceMode,
    ServerlessServiceSpec,
    ServiceType,
)
from wakeful.apis.networking.serverlessservice_validation import validate_serverlessservice

_CATEGORIES = ("knative-internal", "networking")

RESOURCES = (
    Resource(
        Ingress,
        "ingresses",
        singular="ingress",
        short_names=("kingress", "king"),
        categories=_CATEGORIES,
        has_status=True,
        columns=READINESS,
        set_defaults=set_ingress_defaults,
        validate=validate_ingress,
        webhook=WEBHOOK,
    ),
    Resource(
        ServerlessService,
        "serverlessservices",
        singular="serverlessservice",
        short_names=("sks",),
        categories=_CATEGORIES,
        has_status=True,
        columns=(
            Column("Mode", ".spec.mode"),
            Column("Activators", ".spec.numActivators", type="integer"),
            Column("ServiceName", ".status.serviceName"),
            Column("PrivateServiceName", ".status.privateServiceName"),
            *READINESS,
        ),
        validate=validate_serverlessservice,
        webhook=WEBHOOK,
    ),
    Resource(
        Certificate,
        "certificates",
        singular="certificate",
        short_names=("kcert",),
        categories=_CATEGORIES,
        has_status=True,
        columns=READINESS,
        validate=validate_certificate,
        webhook=WEBHOOK,
    ),
    Resource(
        ClusterDomainClaim,
        "clusterdomainclaims",
        singular="clusterdomainclaim",
        short_names=("cdc",),
        categories=_CATEGORIES,
        namespaced=False,
        validate=validate_clusterdomainclaim,
        webhook=WEBHOOK,
    ),
)

__all__ = [
    "ACTIVATOR_ENDPOINTS_POPULATED",
    "CERTIFICATE_CONDITIONS",
    "ENDPOINTS_POPULATED",
    "GROUP",
    "INGRESS_CLASS",
    "INGRESS_CONDITIONS",
    "LOAD_BALANCER_READY",
    "NETWORK_CONFIGURED",
    "OUR_INGRESS_CLASS",
    "RESOURCES",
    "SERVERLESS_SERVICE",
    "SERVERLESS_SERVICE_CONDITIONS",
    "SERVICE_TYPE",
    "WEBHOOK",
    "Certificate",
    "CertificateSpec",
    "CertificateStatus",
    "ClusterDomainClaim",
    "ClusterDomainClaimSpec",
    "HTTP01Challenge",
    "HTTPIngressPath",
    "HTTPIngressRuleValue",
    "HTTPOption",
    "HeaderMatch",
    "Ingress",
    "IngressBackendSplit",
    "IngressRule",
    "IngressSpec",
    "IngressStatus",
    "IngressTLS",
    "IngressVisibility",
    "LoadBalancerIngressStatus",
    "LoadBalancerStatus",
    "NetworkProtocol",
    "ServerlessService",
    "ServerlessServiceMode",
    "ServerlessServiceSpec",
    "ServerlessServiceStatus",
    "ServiceType",
    "set_ingress_defaults",
    "validate_certificate",
    "validate_clusterdomainclaim",
    "validate_ingress",
    "validate_serverlessservice",
]
