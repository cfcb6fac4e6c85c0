"""How the kinds of Tekton Triggers are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import Column, Resource, ServedVersion
from wakeful.apis.triggers import register
from wakeful.apis.triggers.binding_types import ClusterTriggerBinding, TriggerBinding
from wakeful.apis.triggers.interceptor_types import ClusterInterceptor, Interceptor
from wakeful.apis.triggers.listener_types import EventListener
from wakeful.apis.triggers.template_types import TriggerTemplate
from wakeful.apis.triggers.trigger_conversion import listener_to_hub, trigger_to_hub
from wakeful.apis.triggers.trigger_defaults import set_listener_defaults, set_trigger_defaults
from wakeful.apis.triggers.trigger_types import Trigger
from wakeful.apis.triggers.trigger_validation import (
    validate_binding,
    validate_listener,
    validate_template,
    validate_trigger,
)

_CATEGORIES = ("tekton", "tekton-triggers")
_ALPHA = (ServedVersion("v1alpha1"),)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        EventListener,
        plural="eventlisteners",
        singular="eventlistener",
        short_names=("el",),
        categories=_CATEGORIES,
        has_status=True,
        columns=(
            Column("Address", ".status.address.url"),
            Column("Available", '.status.conditions[?(@.type=="Available")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Available")].reason'),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Ready")].reason'),
            Column("URL", ".status.url", wide=True),
        ),
        served_versions=_ALPHA,
        set_defaults=set_listener_defaults,
        validate=validate_listener,
        webhook=register.WEBHOOK,
        normalize=listener_to_hub,
        labels={"duck.knative.dev/addressable": "true"},
    ),
    Resource(
        Trigger,
        plural="triggers",
        singular="trigger",
        short_names=("tri",),
        categories=_CATEGORIES,
        has_status=True,
        served_versions=_ALPHA,
        set_defaults=set_trigger_defaults,
        validate=validate_trigger,
        webhook=register.WEBHOOK,
        normalize=trigger_to_hub,
    ),
    Resource(
        TriggerBinding,
        plural="triggerbindings",
        singular="triggerbinding",
        short_names=("tb",),
        categories=_CATEGORIES,
        served_versions=_ALPHA,
        validate=validate_binding,
        webhook=register.WEBHOOK,
    ),
    Resource(
        ClusterTriggerBinding,
        plural="clustertriggerbindings",
        singular="clustertriggerbinding",
        short_names=("ctb",),
        categories=_CATEGORIES,
        namespaced=False,
        served_versions=_ALPHA,
        validate=validate_binding,
        webhook=register.WEBHOOK,
    ),
    Resource(
        TriggerTemplate,
        plural="triggertemplates",
        singular="triggertemplate",
        short_names=("tt",),
        categories=_CATEGORIES,
        served_versions=_ALPHA,
        validate=validate_template,
        webhook=register.WEBHOOK,
    ),
    Resource(
        ClusterInterceptor,
        plural="clusterinterceptors",
        singular="clusterinterceptor",
        short_names=("ci",),
        categories=_CATEGORIES,
        namespaced=False,
        has_status=True,
        webhook=register.WEBHOOK,
    ),
    Resource(
        Interceptor,
        plural="interceptors",
        singular="interceptor",
        short_names=("ni",),
        categories=_CATEGORIES,
        has_status=True,
        webhook=register.WEBHOOK,
    ),
)
