"""Defaults of a HostRoute, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Hashable

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
from wakeful.apis.duck import KReference
from wakeful.apis.routing.hostroute_types import (
    HostRoute,
    HostRouteRule,
    HostRouteSpec,
    HostRouteTarget,
    PathType,
)
from wakeful.apis.serving import register
from wakeful.apis.serving.domainmapping_validation import domain_fault

_WHOLE = 100
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEXT = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_PATH = re.compile(r"/[^\s?#]*")


def set_hostroute_defaults(route: HostRoute, old: Object | None, context: AdmissionContext) -> None:
    """Every path, by prefix; a single target takes everything, in the route's own namespace."""
    del old
    if context.subresource == "status":
        return
    for rule in route.spec.rules:
        rule.path = rule.path or "/"
        rule.path_type = rule.path_type or PathType.PREFIX.value
        if len(rule.to) == 1 and rule.to[0].percent == 0:
            rule.to[0].percent = _WHOLE
        for target in rule.to:
            if target.ref is not None and not target.ref.namespace:
                target.ref.namespace = route.metadata.namespace


def validate_hostroute(
    route: HostRoute, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    del old
    if context.subresource == "status":
        return []
    return under("spec", _validate_spec(route.spec, route.metadata.namespace))


def _validate_spec(spec: HostRouteSpec, namespace: str) -> FieldErrors:
    errors: FieldErrors = []
    if not spec.hosts:
        errors.append(missing_field("hosts"))
    for index, host in enumerate(spec.hosts):
        if message := _host_fault(host, spec.hosts[:index]):
            errors.append(FieldError(message, (f"hosts[{index}]",)))
    if not spec.rules:
        errors.append(missing_field("rules"))
    seen: set[Hashable] = set()
    for index, rule in enumerate(spec.rules):
        errors += under_index("rules", index, _validate_rule(rule, namespace))
        matches = (rule.path, rule.path_type, frozenset(_lower(rule.headers).items()))
        if matches in seen:
            message = "an earlier rule has the same path and headers"
            errors.append(FieldError(message, (f"rules[{index}]",)))
        seen.add(matches)
    if spec.tls is not None and not spec.tls.secret_name:
        errors.append(missing_field("tls.secretName"))
    return errors


def _host_fault(host: str, before: list[str]) -> str:
    if fault := domain_fault(host):
        return f'invalid host "{host}": {fault}'
    if host.endswith(f".{register.CLUSTER_DOMAIN}"):
        return (
            f'invalid host "{host}": must not be a subdomain of cluster local domain'
            f' "{register.CLUSTER_DOMAIN}"'
        )
    return f'duplicate host "{host}"' if host in before else ""


def _validate_rule(rule: HostRouteRule, namespace: str) -> FieldErrors:
    errors: FieldErrors = []
    for name, path in (("path", rule.path), ("rewritePath", rule.rewrite_path)):
        if path and not _PATH.fullmatch(path):
            errors.append(invalid_value(path, name))
    if rule.path_type not in ("", *PathType):
        errors.append(invalid_value(rule.path_type, "pathType"))
    for name, value in rule.headers.items():
        if not _HEADER.fullmatch(name) or not _TEXT.fullmatch(value):
            errors.append(FieldError(f'invalid key name "{name}"', ("headers",)))
    if len(_lower(rule.headers)) < len(rule.headers):
        errors.append(FieldError("a header is named twice", ("headers",)))
    if not rule.to:
        return [*errors, missing_field("to")]
    for index, target in enumerate(rule.to):
        errors += under_index("to", index, _validate_target(target, namespace))
    total = sum(target.percent for target in rule.to)
    if total != _WHOLE and not (len(rule.to) == 1 and total == 0):
        message = f"traffic split percentage must total to 100, but was {total}"
        errors.append(FieldError(message, ("to",)))
    return errors


def _validate_target(target: HostRouteTarget, namespace: str) -> FieldErrors:
    errors: FieldErrors = []
    if target.service and target.ref is not None:
        errors.append(FieldError("expected exactly one, got both", ("ref", "service")))
    if not target.service and target.ref is None:
        errors.append(FieldError("expected exactly one, got neither", ("ref", "service")))
    if target.ref is not None:
        errors += under("ref", _validate_reference(target.ref, namespace))
    if not 0 <= target.percent <= _WHOLE:
        errors.append(FieldError(f"expected 0 <= {target.percent} <= {_WHOLE}", ("percent",)))
    return errors


def _validate_reference(ref: KReference, namespace: str) -> FieldErrors:
    wanted = (("name", ref.name), ("apiVersion", ref.api_version), ("kind", ref.kind))
    errors = [missing_field(path) for path, value in wanted if not value]
    if ref.namespace and namespace and ref.namespace != namespace:
        details = f'parent namespace: "{namespace}" does not match ref: "{ref.namespace}"'
        errors.append(FieldError("mismatched namespaces", ("namespace",), details))
    return errors


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
