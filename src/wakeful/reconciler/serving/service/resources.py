"""What the children of a Service should be."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apis.serving import (
    Configuration,
    ConfigurationSpec,
    Route,
    RouteSpec,
    Service,
    register,
)
from wakeful.reconciler.serving.labeler.routes import join_routes, split_routes


def make_configuration(
    service: Service, existing: Mapping[str, str] | None = None
) -> Configuration:
    """The Configuration; ``existing`` are the annotations it has, whose routes are kept."""
    meta = service.metadata
    annotations = {
        key: value
        for key, value in meta.annotations.items()
        if key != register.LAST_APPLIED and key not in register.ROLLOUT_DURATION.spellings
    }
    routes = split_routes((existing or {}).get(register.ROUTES, "")) | {meta.name}
    annotations[register.ROUTES] = join_routes(routes)
    return Configuration(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=meta.labels | {register.SERVICE: meta.name, register.SERVICE_UID: meta.uid},
            annotations=annotations,
            owner_references=[owner_reference(service)],
        ),
        spec=ConfigurationSpec(template=service.spec.template),
    )


def make_route(service: Service) -> Route:
    """The Route; targets without a Revision follow the Service's own Configuration."""
    meta = service.metadata
    traffic = [
        target
        if target.revision_name
        else target.model_copy(update={"configuration_name": meta.name})
        for target in service.spec.traffic
    ]
    return Route(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=meta.labels | {register.SERVICE: meta.name},
            annotations={k: v for k, v in meta.annotations.items() if k != register.LAST_APPLIED},
            owner_references=[owner_reference(service)],
        ),
        spec=RouteSpec(traffic=traffic),
    )


def is_migrated(route: Route, configuration: Configuration) -> bool:
    """Whether the Route already sends traffic as its spec says, by the newest ready Revision."""
    wanted, found = route.spec.traffic, route.status.traffic
    if len(wanted) != len(found):
        return False
    for want, have in zip(wanted, found, strict=True):
        revision = want.revision_name
        if want.configuration_name == configuration.metadata.name:
            revision = configuration.status.latest_ready_revision_name
        if (revision, want.tag, want.percent) != (have.revision_name, have.tag, have.percent):
            return False
    return True
