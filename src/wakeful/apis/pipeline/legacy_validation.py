"""Rules for PipelineResources and Conditions, of versions before v1."""

from __future__ import annotations

from urllib.parse import urlsplit

from wakeful.apimachinery.fields import FieldError, FieldErrors, invalid_value, missing_field
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import validate_metadata
from wakeful.apis.pipeline.legacy_types import (
    Condition,
    PipelineResource,
    PipelineResourceSpec,
    PipelineTaskLegacy,
)
from wakeful.apis.pipeline.pipeline_types import PipelineSpec

_TYPES = ("git", "storage", "image", "cluster", "pullRequest", "cloudEvent")
_STORAGE_TYPES = ("gcs", "build-gcs")
_TRUE = ("1", "t", "T", "TRUE", "true", "True")


def validate_pipeline_resource(
    resource: PipelineResource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A resource has the properties its type needs."""
    del old
    if context.subresource:
        return []
    return validate_metadata(resource) + resource_spec_faults(resource.spec)


def resource_spec_faults(spec: PipelineResourceSpec) -> FieldErrors:
    """The same for one written out in a run."""
    if spec == PipelineResourceSpec():
        return [missing_field("spec")]
    names = {p.name.lower() for p in spec.params}
    secret = {s.field_name.lower() for s in spec.secrets}
    if spec.type == "cluster":
        return _cluster_faults(spec, names, secret)
    if spec.type == "storage":
        if "type" not in names:
            return [missing_field("spec.params.type")]
        if spec.param("type") not in _STORAGE_TYPES:
            return [invalid_value(spec.param("type"), "spec.params.type")]
        if not spec.param("location"):
            return [missing_field("spec.params.location")]
    if spec.type not in _TYPES:
        return [invalid_value("spec.type", spec.type)]
    return []


def _cluster_faults(spec: PipelineResourceSpec, names: set[str], secret: set[str]) -> FieldErrors:
    url = spec.param("url")
    if url and not _is_url(url):
        return [invalid_value(url, "URL")]
    if "name" not in names:
        return [missing_field("name param")]
    if "username" not in names | secret:
        return [missing_field("username param")]
    if "cadata" not in names | secret and spec.param("insecure") not in _TRUE:
        return [missing_field("CAData param")]
    return []


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def validate_condition(
    condition: Condition, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A check needs an image."""
    del old
    if context.subresource:
        return []
    errors = validate_metadata(condition)
    if not condition.spec.check.image:
        errors.append(missing_field("Spec.Check.Image"))
    return errors


def validate_resources(spec: PipelineSpec) -> FieldErrors:
    """What tasks take in and put out is declared, once used; ``from`` names who puts it out."""
    tasks = [*spec.tasks, *spec.finally_]
    parts = [t.legacy or PipelineTaskLegacy() for t in tasks]
    used = {r.resource for p in parts for r in p.inputs}
    used |= {r.resource for p in parts for r in p.outputs}
    used |= {r.resource for p in parts for c in p.conditions for r in c.resources}
    declared = {r.name for r in spec.legacy.resources} if spec.legacy is not None else set()
    errors: FieldErrors = []
    words = "Pipeline declared resources didn't match usage in Tasks:"
    if missing := sorted(used - declared):
        text = f"{words} Didn't provide required values: [{' '.join(missing)}]"
        errors.append(invalid_value(text, "resources"))
    elif extra := sorted(declared - used):
        text = f"{words} Provided extra values: [{' '.join(extra)}]"
        errors.append(invalid_value(text, "resources"))
    put_out = {t.name: {r.resource for r in p.outputs} for t, p in zip(tasks, parts, strict=True)}
    for index, part in enumerate(parts):
        for given in part.inputs:
            for producer in given.from_:
                if fault := _from_fault(given.resource, producer, put_out):
                    errors.append(FieldError(f"invalid value: {fault}", (f"tasks[{index}]",)))
    return errors


def _from_fault(resource: str, producer: str, put_out: dict[str, set[str]]) -> str:
    if producer not in put_out:
        return (
            f"expected resource {resource} to be from task {producer}, but task {producer} doesn't"
            " exist"
        )
    if resource not in put_out[producer]:
        return f"the resource {resource} from {producer} must be an output but is an input"
    return ""
