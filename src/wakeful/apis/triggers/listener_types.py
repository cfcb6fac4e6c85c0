"""EventListener: an address, and the triggers that look at what arrives there."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus, ConditionSet
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import Addressable
from wakeful.apis.triggers.register import GROUP
from wakeful.apis.triggers.trigger_types import (
    TriggerBindingRef,
    TriggerInterceptor,
    TriggerTemplateRef,
)

SERVICE, DEPLOYMENT, AVAILABLE, PROGRESSING = "Service", "Deployment", "Available", "Progressing"

LISTENER_CONDITIONS = ConditionSet.living(SERVICE, DEPLOYMENT, AVAILABLE, PROGRESSING)


class NamespaceSelector(APIModel):
    """Which namespaces' Triggers are served; ``*`` is every one."""

    match_names: list[str] = Field(default_factory=list)


class TriggerSelector(APIModel):
    """Which Triggers a group is about."""

    namespace_selector: NamespaceSelector = Field(default_factory=NamespaceSelector)
    label_selector: LabelSelector | None = None


class EventListenerTrigger(APIModel):
    """A trigger in place, or a reference to one."""

    name: str = ""
    trigger_ref: str = ""
    bindings: list[TriggerBindingRef] = Field(default_factory=list)
    template: TriggerTemplateRef | None = None
    interceptors: list[TriggerInterceptor] = Field(default_factory=list)
    service_account_name: str = ""


class TriggerGroup(APIModel):
    """Interceptors that many Triggers have in common."""

    name: str = ""
    interceptors: list[TriggerInterceptor] = Field(default_factory=list)
    trigger_selector: TriggerSelector = Field(default_factory=TriggerSelector)


class EventListenerSpec(APIModel):
    """Whose rights are used and what is done with requests."""

    service_account_name: str = ""
    triggers: list[EventListenerTrigger] = Field(default_factory=list)
    trigger_groups: list[TriggerGroup] = Field(default_factory=list)
    namespace_selector: NamespaceSelector = Field(default_factory=NamespaceSelector)
    label_selector: LabelSelector | None = None
    resources: dict[str, Any] = Field(default_factory=dict)
    """How the listener's own Deployment looks, where there is one."""
    cloud_event_uri: str = Field(default="", alias="cloudEventURI")
    service_type: str = ""
    pod_template: dict[str, Any] | None = None
    replicas: int | None = None


class EventListenerStatus(ConditionedStatus):
    """Where it listens."""

    address: Addressable | None = None
    """Within the cluster."""
    url: str = ""
    """From outside, through the gateway."""
    configuration: dict[str, Any] = Field(default_factory=dict)
    """``generatedName`` is the name of the Service."""

    def mark_listening(self) -> None:
        """Requests are answered."""
        manager = LISTENER_CONDITIONS.manage(self)
        manager.mark_true(SERVICE)
        for condition in (DEPLOYMENT, AVAILABLE, PROGRESSING):  # the platform itself listens
            manager.mark_true(condition)

    def mark_no_address(self, reason: str, message: str) -> None:
        """Its name is taken, or the gateway does not serve it yet."""
        LISTENER_CONDITIONS.manage(self).mark_false(SERVICE, reason, message)

    def mark_address_pending(self, message: str) -> None:
        """The gateway has not taken it up yet."""
        LISTENER_CONDITIONS.manage(self).mark_unknown(SERVICE, "Pending", message)


class EventListener(KResource[EventListenerSpec, EventListenerStatus]):
    """Receives webhooks."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "EventListener")

    spec: EventListenerSpec = Field(default_factory=EventListenerSpec)
    status: EventListenerStatus = Field(default_factory=EventListenerStatus)
