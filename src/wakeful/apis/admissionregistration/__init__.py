"""The admissionregistration group: webhooks, stored and shown, never called."""

from wakeful.apis.admissionregistration.webhook_types import (
    RESOURCES,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)

__all__ = ["RESOURCES", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]
