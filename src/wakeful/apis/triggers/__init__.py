"""``triggers.tekton.dev``: listeners for webhooks, and what a request turns into.

Models, defaults, validation, conversion; how a request becomes objects is decided in
``wakeful.pipelines.triggers`` and done in ``wakeful.reconciler.triggers``.
"""

from wakeful.apis.triggers.binding_types import (
    BindingParam,
    ClusterTriggerBinding,
    TriggerBinding,
    TriggerBindingSpec,
)
from wakeful.apis.triggers.interceptor_types import ClusterInterceptor, Interceptor
from wakeful.apis.triggers.listener_types import (
    LISTENER_CONDITIONS,
    EventListener,
    EventListenerSpec,
    EventListenerStatus,
    EventListenerTrigger,
    TriggerGroup,
)
from wakeful.apis.triggers.resources import RESOURCES
from wakeful.apis.triggers.template_types import (
    TemplateParam,
    TriggerTemplate,
    TriggerTemplateSpec,
)
from wakeful.apis.triggers.trigger_types import (
    InterceptorRef,
    Trigger,
    TriggerBindingRef,
    TriggerInterceptor,
    TriggerSpec,
    TriggerTemplateRef,
    WebhookInterceptor,
)

__all__ = [
    "LISTENER_CONDITIONS",
    "RESOURCES",
    "BindingParam",
    "ClusterInterceptor",
    "ClusterTriggerBinding",
    "EventListener",
    "EventListenerSpec",
    "EventListenerStatus",
    "EventListenerTrigger",
    "Interceptor",
    "InterceptorRef",
    "TemplateParam",
    "Trigger",
    "TriggerBinding",
    "TriggerBindingRef",
    "TriggerBindingSpec",
    "TriggerGroup",
    "TriggerInterceptor",
    "TriggerSpec",
    "TriggerTemplate",
    "TriggerTemplateRef",
    "TriggerTemplateSpec",
    "WebhookInterceptor",
]
