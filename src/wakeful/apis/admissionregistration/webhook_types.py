"""Webhook configurations. Nothing calls these webhooks: native admission takes their place."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, required
from wakeful.apimachinery.meta import GroupVersionKind, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.cells import Wire

GROUP = "admissionregistration.k8s.io"


class MutatingWebhookConfiguration(Object):
    """Webhooks that may change objects."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "MutatingWebhookConfiguration")

    webhooks: list[dict[str, Any]] = Field(default_factory=list)


class ValidatingWebhookConfiguration(Object):
    """Webhooks that may refuse objects."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "ValidatingWebhookConfiguration")

    webhooks: list[dict[str, Any]] = Field(default_factory=list)


Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration


def set_configuration_defaults(
    new: Configuration, old: Object | None, context: AdmissionContext
) -> None:
    """A webhook that cannot be reached refuses; every object is meant."""
    for webhook in new.webhooks:
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("namespaceSelector", {})
        webhook.setdefault("objectSelector", {})
        webhook.setdefault("timeoutSeconds", 10)
        if isinstance(new, MutatingWebhookConfiguration):
            webhook.setdefault("reinvocationPolicy", "Never")


def validate_configuration(
    new: Configuration, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every webhook has a name, side effects and a place."""
    errors: FieldErrors = []
    for index, webhook in enumerate(new.webhooks):
        errors += [
            required(f"webhooks[{index}].{member}")
            for member in ("name", "clientConfig", "sideEffects", "admissionReviewVersions")
            if not webhook.get(member)
        ]
    return errors


def _webhooks(obj: Wire, now: datetime) -> int:
    return len(obj.get("webhooks") or ())


_COLUMNS = (Column("Webhooks", _webhooks, type="integer"), AGE)

RESOURCES: tuple[Resource, ...] = tuple(
    Resource(
        model,
        plural,
        namespaced=False,
        categories=("api-extensions",),
        columns=_COLUMNS,
        set_defaults=set_configuration_defaults,
        validate=validate_configuration,
        custom=False,
    )
    for model, plural in (
        (MutatingWebhookConfiguration, "mutatingwebhookconfigurations"),
        (ValidatingWebhookConfiguration, "validatingwebhookconfigurations"),
    )
)
