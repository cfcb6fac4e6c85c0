"""ApiServerSource of 2019's group."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under,
    under_index,
)
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object, OwnerReference
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.sources import register
from wakeful.apis.sources.apiserversource_types import (
    ApiServerSourceSpec,
    ApiServerSourceStatus,
    APIVersionKind,
    APIVersionKindSelector,
    EventMode,
)
from wakeful.apis.sources.legacy_sink import LegacySourceSpec, validate_legacy_sink

_MODES = ("", "Ref", "Resource")


class LegacyApiServerResource(APIModel):
    """Objects of a kind."""

    api_version: str = ""
    kind: str = ""
    label_selector: LabelSelector = Field(default_factory=LabelSelector)
    controller_selector: OwnerReference = Field(default_factory=OwnerReference)
    """Only ``apiVersion`` and ``kind`` are looked at."""
    controller: bool | None = None
    """Send a reference to the controller instead; in mode Ref only."""


class LegacyApiServerSourceSpec(LegacySourceSpec):
    """What to watch, as whom, and what to send."""

    resources: list[LegacyApiServerResource] = Field(default_factory=list)
    mode: str = ""


class LegacyApiServerSource(KResource[LegacyApiServerSourceSpec, ApiServerSourceStatus]):
    """Sends an event for each object that appears, changes or goes."""

    gvk: ClassVar = GroupVersionKind(
        register.LEGACY_GROUP, register.LEGACY_VERSION, "ApiServerSource"
    )

    spec: LegacyApiServerSourceSpec = Field(default_factory=LegacyApiServerSourceSpec)
    status: ApiServerSourceStatus = Field(default_factory=ApiServerSourceStatus)

    @property
    def wanted(self) -> ApiServerSourceSpec:
        """The spec in today's shape; what each resource says of controllers is lost."""
        spec, common = self.spec, self.spec.source_spec()
        is_whole = spec.mode == EventMode.RESOURCE
        return ApiServerSourceSpec(
            sink=common.sink,
            ce_overrides=common.ce_overrides,
            mode=EventMode.RESOURCE if is_whole else EventMode.REFERENCE,
            service_account_name=spec.service_account_name or "default",
            resources=[
                APIVersionKindSelector(
                    api_version=resource.api_version,
                    kind=resource.kind,
                    selector=resource.label_selector,
                )
                for resource in spec.resources
            ],
        )


def owner_of(resource: LegacyApiServerResource) -> APIVersionKind | None:
    """The kind of controller that objects must have, if one is asked for."""
    selector = resource.controller_selector
    if not selector.api_version and not selector.kind:
        return None
    return APIVersionKind(api_version=selector.api_version, kind=selector.kind)


def validate_legacy_apiserversource(
    new: LegacyApiServerSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    spec, errors = new.spec, FieldErrors()
    if spec.mode not in _MODES:
        errors.append(FieldError("Mode is not valid", ("mode",)))
    for index, resource in enumerate(spec.resources):
        errors += under_index("resources", index, _validate_resource(resource))
    return under("spec", errors + validate_legacy_sink(spec.sink))


def _validate_resource(resource: LegacyApiServerResource) -> FieldErrors:
    errors: FieldErrors = []
    if not resource.api_version or resource.api_version.count("/") > 1:
        errors.append(invalid_value(resource.api_version, "apiVersion"))
    if not resource.kind.strip():
        errors.append(missing_field("kind"))
    try:
        resource.label_selector.to_selector()
    except BadRequestError as err:
        errors.append(invalid_value(err.message, "labelSelector"))
    return errors
