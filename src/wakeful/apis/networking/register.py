"""The keys of Knative networking: group, labels, annotations."""

from __future__ import annotations

GROUP = "networking.internal.knative.dev"
VERSION = "v1alpha1"
PUBLIC_GROUP = "networking.knative.dev"
WEBHOOK = "validation.webhook.serving.knative.dev"
"""Denials are worded as this webhook's."""

SERVERLESS_SERVICE = f"{GROUP}/serverlessservice"
"""Label: the ServerlessService a Kubernetes Service belongs to."""
SERVICE_TYPE = f"{GROUP}/serviceType"
"""Label: which of the two Services of a ServerlessService it is."""
INGRESS_CLASS = f"{PUBLIC_GROUP}/ingress.class"
INGRESS_CLASS_KEYS = (f"{PUBLIC_GROUP}/ingress-class", INGRESS_CLASS)
"""The annotation under either spelling; the first one set counts."""
OUR_INGRESS_CLASS = "envoy.ingress.networking.knative.dev"
"""The class that this platform's gateway serves."""
