"""The words of ``messaging.knative.dev``."""

from __future__ import annotations

GROUP = "messaging.knative.dev"
WEBHOOK = "validation.webhook.eventing.knative.dev"
"""Denials are worded as this webhook's."""

SYSTEM_NAMESPACE = "knative-eventing"
CONTROLLER_ACCOUNT = f"system:serviceaccount:{SYSTEM_NAMESPACE}:eventing-controller"
CONTROLLERS = frozenset(("system:wakeful-controllers", CONTROLLER_ACCOUNT))
"""Who may change the subscribers of a channel."""

SUBSCRIBABLE = f"{GROUP}/subscribable"
"""Annotation: version of the subscribable shape; always ``v1``."""
HISTORY = f"{GROUP}/history"
"""Annotation: ``enabled`` has every event list the channels it passed, as in 2019."""
SCOPE = "eventing.knative.dev/scope"
"""Annotation: ``cluster`` or ``namespace``, whose dispatcher serves the channel."""
SUBSCRIBABLE_LABEL = "messaging.knative.dev/subscribable"
"""Label of the CRDs of channels."""
ROLE_LABEL = f"{GROUP}/role"
"""Label of the Services of channels."""
