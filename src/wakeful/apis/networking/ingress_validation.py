"""Defaults and rules of Ingresses, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.networking.ingress_types import (
    HTTPIngressPath,
    HTTPOption,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressTLS,
    IngressVisibility,
)

_WHOLE = 100


def set_ingress_defaults(ingress: Ingress, old: Object | None, context: AdmissionContext) -> None:
    """Rules are public, a single split takes everything."""
    del old, context
    for rule in ingress.spec.rules:
        rule.visibility = rule.visibility or IngressVisibility.EXTERNAL_IP.value
        for path in rule.http.paths if rule.http is not None else ():
            if len(path.splits) == 1 and path.splits[0].percent == 0:
                path.splits[0].percent = _WHOLE


def validate_ingress(
    ingress: Ingress, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of an Ingress."""
    del old, context
    return under("spec", _validate_spec(ingress.spec, ingress.metadata.namespace))


def _validate_spec(spec: IngressSpec, namespace: str) -> FieldErrors:
    if spec == IngressSpec():
        return [missing_field("")]
    errors: FieldErrors = [] if spec.rules else [missing_field("rules")]
    for index, rule in enumerate(spec.rules):
        errors += under_index("rules", index, _validate_rule(rule, namespace))
    for index, tls in enumerate(spec.tls):
        errors += under_index("tls", index, _validate_tls(tls))
    if spec.http_option not in ("", *HTTPOption):
        errors.append(invalid_value(spec.http_option, "httpOption"))
    return errors


def _validate_rule(rule: IngressRule, namespace: str) -> FieldErrors:
    if rule == IngressRule():
        return [missing_field("")]
    if rule.http is None:
        return [missing_field("http")]
    if not rule.http.paths:
        return [missing_field("http.paths")]
    errors: FieldErrors = []
    for index, path in enumerate(rule.http.paths):
        errors += under("http", under_index("paths", index, _validate_path(path, namespace)))
    return errors


def _validate_path(path: HTTPIngressPath, namespace: str) -> FieldErrors:
    if path == HTTPIngressPath():
        return [missing_field("")]
    if not path.splits:
        return [missing_field("splits")]
    for index, split in enumerate(path.splits):
        if errors := _validate_split(split, namespace):
            return under_index("splits", index, errors)
    total = sum(split.percent for split in path.splits)
    alone_and_unset = len(path.splits) == 1 and total == 0
    if total == _WHOLE or alone_and_unset:
        return []
    message = f"traffic split percentage must total to 100, but was {total}"
    return [FieldError(message, ("splits",))]


def _validate_split(split: IngressBackendSplit, namespace: str) -> FieldErrors:
    if split == IngressBackendSplit():
        return [missing_field("")]
    errors: FieldErrors = []
    if not 0 <= split.percent <= _WHOLE:
        errors.append(invalid_value(split.percent, "percent"))
    if not split.service_namespace and not split.service_name and split.service_port is None:
        return [*errors, missing_field("")]
    if not split.service_namespace:
        errors.append(missing_field("serviceNamespace"))
    elif split.service_namespace != namespace:
        errors.append(
            FieldError("service namespace must match ingress namespace", ("serviceNamespace",))
        )
    if not split.service_name:
        errors.append(missing_field("serviceName"))
    if not split.service_port:
        errors.append(missing_field("servicePort"))
    return errors


def _validate_tls(tls: IngressTLS) -> FieldErrors:
    if tls == IngressTLS():
        return [missing_field("")]
    wanted = {"secretName": tls.secret_name, "secretNamespace": tls.secret_namespace}
    return [missing_field(path) for path, value in wanted.items() if not value]
