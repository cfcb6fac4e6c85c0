"""Defaults and faults of ContainerSources, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, missing_field, under, under_index
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.container_types import Container
from wakeful.apis.duck import load_features, validate_source
from wakeful.apis.sources.containersource_types import ContainerSource


def set_containersource_defaults(
    new: ContainerSource, old: Object | None, context: AdmissionContext
) -> None:
    """Containers without a name get one."""
    for index, container in enumerate(new.spec.template.spec.containers):
        container.name = container.name or f"{new.metadata.name}-{index}"


def validate_containersource(
    new: ContainerSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    spec = new.spec
    errors = validate_source(spec, load_features(context.config))
    if not spec.template.spec.containers:
        errors.append(missing_field("containers"))
    for index, container in enumerate(spec.template.spec.containers):
        errors += under_index("containers", index, _validate_container(container))
    return under("spec", errors)


def _validate_container(container: Container) -> FieldErrors:
    missing = [name for name in ("name", "image") if not getattr(container, name)]
    return [missing_field(name) for name in missing]
