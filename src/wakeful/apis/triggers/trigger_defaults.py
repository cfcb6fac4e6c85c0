"""What triggers leave out."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.triggers.listener_types import EventListener
from wakeful.apis.triggers.trigger_types import Trigger, TriggerBindingRef, TriggerInterceptor


def set_trigger_defaults(trigger: Trigger, old: Object | None, context: AdmissionContext) -> None:
    """Fill in kinds."""
    _set(trigger.spec.bindings, trigger.spec.interceptors)


def set_listener_defaults(
    listener: EventListener, old: Object | None, context: AdmissionContext
) -> None:
    """Fill in kinds."""
    for trigger in listener.spec.triggers:
        _set(trigger.bindings, trigger.interceptors)
    for group in listener.spec.trigger_groups:
        _set((), group.interceptors)


def _set(bindings: Iterable[TriggerBindingRef], interceptors: Iterable[TriggerInterceptor]) -> None:
    for binding in bindings:
        if binding.ref and not binding.kind:
            binding.kind = "TriggerBinding"
    for interceptor in interceptors:
        if interceptor.ref.name and not interceptor.ref.kind:
            interceptor.ref.kind = "ClusterInterceptor"
