"""Defaults of a Trigger."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import set_delivery_defaults, set_destination_defaults
from wakeful.apis.eventing import register
from wakeful.apis.eventing.trigger_types import Trigger, TriggerFilter


def set_trigger_defaults(trigger: Trigger, old: Object | None, context: AdmissionContext) -> None:
    """Let everything pass unless told otherwise; label the Trigger with its Broker."""
    del old
    if context.subresource == "status":
        return
    spec, meta = trigger.spec, trigger.metadata
    if spec.filter is None:
        spec.filter = TriggerFilter()
    set_destination_defaults(spec.subscriber, meta.namespace)
    set_delivery_defaults(spec.delivery, meta.namespace)
    if broker := trigger.broker_key.name:
        meta.labels[register.BROKER_LABEL] = broker
