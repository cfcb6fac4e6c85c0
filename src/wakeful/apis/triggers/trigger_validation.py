"""What is wrong with triggers, bindings, templates and listeners."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    missing_one_of,
    multiple_one_of,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.triggers.binding_types import (
    BindingParam,
    ClusterTriggerBinding,
    TriggerBinding,
)
from wakeful.apis.triggers.listener_types import EventListener, EventListenerTrigger
from wakeful.apis.triggers.register import LONGEST_LISTENER_NAME
from wakeful.apis.triggers.template_types import TriggerTemplate, TriggerTemplateSpec
from wakeful.apis.triggers.trigger_types import (
    Trigger,
    TriggerBindingRef,
    TriggerInterceptor,
    TriggerTemplateRef,
)

TEMPLATE_PARAM = re.compile(r"\$\(tt\.params\.([_a-zA-Z][_a-zA-Z0-9.-]*)\)")
_BINDING_KINDS = ("TriggerBinding", "ClusterTriggerBinding")
_INTERCEPTOR_KINDS = ("ClusterInterceptor", "NamespacedInterceptor", "Interceptor")


def validate_trigger(
    trigger: Trigger, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a Trigger."""
    spec = trigger.spec
    errors = _validate_template_ref(spec.template)
    errors += _validate_bindings(spec.bindings)
    errors += _validate_interceptors(spec.interceptors)
    return under("spec", errors)


def validate_listener(
    listener: EventListener, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of an EventListener."""
    if context.subresource == "status":
        return []
    errors: FieldErrors = []
    name = listener.metadata.name
    if len(name) > LONGEST_LISTENER_NAME:
        text = f"eventListener name '{name}' must be no more than 60 characters long"
        errors.append(invalid_value(text, "metadata.name"))
    for index, trigger in enumerate(listener.spec.triggers):
        errors += under_index("spec.triggers", index, _validate_listener_trigger(trigger))
    for index, group in enumerate(listener.spec.trigger_groups):
        where = f"spec.triggerGroups[{index}]"
        if not group.name:
            errors.append(missing_field(f"{where}.name"))
        errors += under(where, _validate_interceptors(group.interceptors))
        selector = group.trigger_selector
        if not selector.namespace_selector.match_names and selector.label_selector is None:
            paths = ("triggerSelector.labelSelector", "triggerSelector.namespaceSelector")
            errors.append(missing_one_of(*(f"{where}.{path}" for path in paths)))
    return errors


def _validate_listener_trigger(trigger: EventListenerTrigger) -> FieldErrors:
    errors: FieldErrors = []
    if trigger.template is None and not trigger.trigger_ref:
        errors.append(missing_one_of("template", "triggerRef"))
    if trigger.template is not None:
        errors += _validate_template_ref(trigger.template)
    errors += _validate_bindings(trigger.bindings)
    errors += _validate_interceptors(trigger.interceptors)
    return errors


def _validate_template_ref(template: TriggerTemplateRef) -> FieldErrors:
    if template.spec is not None and template.ref:
        return [multiple_one_of("template.ref", "template.spec")]
    if template.spec is not None:
        return under("template.spec", validate_template_spec(template.spec))
    if not template.ref:
        return [missing_one_of("template.ref", "template.spec")]
    return []


def _validate_bindings(bindings: Sequence[TriggerBindingRef]) -> FieldErrors:
    errors: FieldErrors = []
    for index, binding in enumerate(bindings):
        where = f"bindings[{index}]"
        if binding.ref:
            if binding.kind and binding.kind not in _BINDING_KINDS:
                errors.append(invalid_value("invalid kind", f"{where}.kind"))
        elif not binding.name:
            errors.append(missing_one_of(f"{where}.name", f"{where}.ref"))
        elif binding.value is None:
            errors.append(missing_field(f"{where}.value"))
    return errors


def _validate_interceptors(interceptors: Sequence[TriggerInterceptor]) -> FieldErrors:
    errors: FieldErrors = []
    for index, interceptor in enumerate(interceptors):
        where = f"interceptors[{index}]"
        webhook, ref = interceptor.webhook, interceptor.ref
        if webhook is None and not ref.name:
            errors.append(missing_field(where))
        elif webhook is not None and ref.name:
            errors.append(multiple_one_of(f"{where}.ref", f"{where}.webhook"))
        elif webhook is not None and not webhook.url and webhook.object_ref is None:
            errors.append(missing_one_of(f"{where}.webhook.objectRef", f"{where}.webhook.url"))
        elif ref.kind and ref.kind not in _INTERCEPTOR_KINDS:
            errors.append(invalid_value(ref.kind, f"{where}.ref.kind"))
    return errors


def validate_binding(
    binding: TriggerBinding | ClusterTriggerBinding, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a binding."""
    return under("spec", _validate_params(binding.spec.params))


def _validate_params(params: Sequence[BindingParam]) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, param in enumerate(params):
        where = f"params[{index}]"
        if not param.name:
            errors.append(missing_field(f"{where}.name"))
        elif param.name in seen:
            errors.append(multiple_one_of(f"{where}.name"))
        seen.add(param.name)
        if not param.value:
            errors.append(missing_field(f"{where}.value"))
        if re.search(r"\$\([^()]*\$\(", param.value):
            errors.append(invalid_value(param.value, f"{where}.value"))
    return errors


def validate_template(
    template: TriggerTemplate, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a TriggerTemplate."""
    return under("spec", validate_template_spec(template.spec))


def validate_template_spec(spec: TriggerTemplateSpec) -> FieldErrors:
    """Faults of parameters and objects."""
    errors: FieldErrors = []
    declared = {param.name for param in spec.params}
    for index, param in enumerate(spec.params):
        if not param.name:
            errors.append(missing_field(f"params[{index}].name"))
    if not spec.resource_templates:
        errors.append(missing_field("resourcetemplates"))
    for index, resource in enumerate(spec.resource_templates):
        where = f"resourcetemplates[{index}]"
        missing = [f"{where}.{key}" for key in ("apiVersion", "kind") if not resource.get(key)]
        if missing:
            errors.append(missing_field(*missing))
        text = orjson.dumps(resource).decode()
        used = dict.fromkeys(TEMPLATE_PARAM.findall(text))
        errors += [_undeclared(name, where) for name in used if name not in declared]
    return errors


def _undeclared(name: str, where: str) -> FieldError:
    return invalid_value(f"undeclared param '$(tt.params.{name})'", where)
