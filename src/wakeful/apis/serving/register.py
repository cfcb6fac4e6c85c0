"""The keys of Knative Serving: labels, annotations, names of conditions' owners."""

from __future__ import annotations

from enum import StrEnum

from wakeful.apis.autoscaling.annotations import AnnotationKey

GROUP = "serving.knative.dev"
NETWORKING_GROUP = "networking.knative.dev"
NETWORKING_INTERNAL_GROUP = "networking.internal.knative.dev"
WEBHOOK = "validation.webhook.serving.knative.dev"
"""Denials are worded as this webhook's."""

SYSTEM_NAMESPACE = "knative-serving"
CLUSTER_DOMAIN = "cluster.local"
LOCAL_DOMAIN = f"svc.{CLUSTER_DOMAIN}"

# --- labels ---------------------------------------------------------------------------------------

SERVICE = f"{GROUP}/service"
SERVICE_UID = f"{GROUP}/serviceUID"
CONFIGURATION = f"{GROUP}/configuration"
CONFIGURATION_UID = f"{GROUP}/configurationUID"
CONFIGURATION_GENERATION = f"{GROUP}/configurationGeneration"
REVISION = f"{GROUP}/revision"
REVISION_UID = f"{GROUP}/revisionUID"
ROUTE = f"{GROUP}/route"
ROUTE_NAMESPACE = f"{GROUP}/routeNamespace"
ROUTING_STATE = f"{GROUP}/routingState"
DEPLOYMENT_HASH = f"{GROUP}/deployment-hash"
APP = "app"

VISIBILITY = f"{NETWORKING_GROUP}/visibility"
LEGACY_VISIBILITY = f"{GROUP}/visibility"
CLUSTER_LOCAL = "cluster-local"

# --- annotations ----------------------------------------------------------------------------------

CREATOR = f"{GROUP}/creator"
LAST_MODIFIER = f"{GROUP}/lastModifier"
ROUTES = f"{GROUP}/routes"
ROUTING_STATE_MODIFIED = f"{GROUP}/routingStateModified"
LAST_PINNED = f"{GROUP}/lastPinned"
NO_GC = f"{GROUP}/no-gc"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
ROLLOUT = f"{NETWORKING_INTERNAL_GROUP}/rollout"
TAG_TO_HOST = f"{NETWORKING_INTERNAL_GROUP}/tag-to-host"

ROLLOUT_DURATION = AnnotationKey.of("rollout-duration", "rolloutDuration", group=GROUP)
PROGRESS_DEADLINE = AnnotationKey.of("progress-deadline", group=GROUP)
QUEUE_RESOURCE_PERCENTAGE = AnnotationKey.of(
    "resource-percentage", "resourcePercentage", group=f"queue.sidecar.{GROUP}"
)
QUEUE_RESOURCES = tuple(
    f"queue.sidecar.{GROUP}/{resource}-resource-{bound}"
    for resource in ("cpu", "memory", "ephemeral-storage")
    for bound in ("request", "limit")
)
INGRESS_CLASS = AnnotationKey.of("ingress.class", "ingress-class", group=NETWORKING_GROUP)
CERTIFICATE_CLASS = AnnotationKey.of(
    "certificate.class", "certificate-class", group=NETWORKING_GROUP
)
DISABLE_EXTERNAL_TLS = AnnotationKey.of(
    "disableAutoTLS", "disable-auto-tls", "disable-external-domain-tls", group=NETWORKING_GROUP
)
HTTP_PROTOCOL = AnnotationKey.of("httpOption", "http-protocol", group=NETWORKING_GROUP)

# --- what runs ------------------------------------------------------------------------------------

DEFAULT_USER_PORT = 8080
USER_PORT_NAME = "user-port"
"""Name the serving port has on pods, whatever it was called in the Revision."""


class RoutingState(StrEnum):
    """What routes have to do with a Revision."""

    PENDING = "pending"
    """Nobody looked yet; treated as active by garbage collection."""
    ACTIVE = "active"
    RESERVE = "reserve"
    """No route refers to it; it may be scaled down and collected."""
