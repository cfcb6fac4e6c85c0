"""ContainerSource of 2019's group, whose container could be written without a template."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, missing_field, under, under_index
from wakeful.apimachinery.meta import GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.container_types import Container, EnvVar
from wakeful.apis.core.pod_types import PodSpec, PodTemplateSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.containersource_types import ContainerSourceSpec, ContainerSourceStatus
from wakeful.apis.sources.legacy_sink import LegacySourceSpec, validate_legacy_sink

_CONTAINER = "source"


class LegacyContainerSourceSpec(LegacySourceSpec):
    """What to run."""

    template: PodTemplateSpec | None = None
    image: str = ""
    args: list[str] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)


class LegacyContainerSource(KResource[LegacyContainerSourceSpec, ContainerSourceStatus]):
    """Runs pods that find their sink in ``K_SINK``, ``SINK`` and the argument ``--sink``."""

    gvk: ClassVar = GroupVersionKind(
        register.LEGACY_GROUP, register.LEGACY_VERSION, "ContainerSource"
    )

    spec: LegacyContainerSourceSpec = Field(default_factory=LegacyContainerSourceSpec)
    status: ContainerSourceStatus = Field(default_factory=ContainerSourceStatus)

    @property
    def wanted(self) -> ContainerSourceSpec:
        """The spec in today's shape."""
        spec, common = self.spec, self.spec.source_spec()
        template = spec.template
        if template is None:
            container = Container(
                name=_CONTAINER, image=spec.image, args=list(spec.args), env=list(spec.env)
            )
            template = PodTemplateSpec(
                spec=PodSpec(containers=[container], service_account_name=spec.service_account_name)
            )
        return ContainerSourceSpec(
            sink=common.sink, ce_overrides=common.ce_overrides, template=template
        )


def set_legacy_containersource_defaults(
    new: LegacyContainerSource, old: Object | None, context: AdmissionContext
) -> None:
    """Containers without a name get one."""
    if new.spec.template is not None:
        for index, container in enumerate(new.spec.template.spec.containers):
            container.name = container.name or f"{new.metadata.name}-{index}"


def validate_legacy_containersource(
    new: LegacyContainerSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    spec, errors = new.spec, FieldErrors()
    if spec.template is None and not spec.image:
        errors.append(missing_field("image"))
    elif spec.template is not None:
        containers = spec.template.spec.containers
        if not containers:
            errors.append(missing_field("template.spec.containers"))
        for index, container in enumerate(containers):
            if not container.image:
                errors += under_index("template.spec.containers", index, [missing_field("image")])
    return under("spec", errors + validate_legacy_sink(spec.sink))
