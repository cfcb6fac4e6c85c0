"""The words of ``flows.knative.dev``."""

from __future__ import annotations

GROUP = "flows.knative.dev"
WEBHOOK = "validation.webhook.eventing.knative.dev"
"""Denials are worded as this webhook's."""

LEGACY_GROUP, LEGACY_VERSION = "messaging.knative.dev", "v1alpha1"
"""Where both kinds lived in 2019; they are served there too, out of the same store."""
