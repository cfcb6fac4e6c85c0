"""Faults of EventPolicies: nobody checks who sends, so none is accepted.

A policy that were stored and not enforced would make people feel safe who are not.
"""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldError, FieldErrors
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features
from wakeful.apis.duck.features import AUTHENTICATION_OIDC
from wakeful.apis.eventing.eventpolicy_types import EventPolicy


def validate_eventpolicy(
    new: EventPolicy, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Say why the policy cannot be kept."""
    if context.subresource == "status":
        return []
    if not load_features(context.config).is_enabled(AUTHENTICATION_OIDC):
        return [FieldError("oidc-authentication feature not enabled")]
    return [
        FieldError("senders of events are not authenticated here, so no policy can be enforced")
    ]
