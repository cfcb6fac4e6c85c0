"""What the Revision of a Configuration's newest template should be."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.serving import Configuration, Revision, RoutingState, register


def make_revision(configuration: Configuration, now: datetime) -> Revision:
    """A snapshot of the template, named after the generation unless the template has a name."""
    meta, template = configuration.metadata, configuration.spec.template
    generation = meta.generation or 0
    labels = template.metadata.labels | {
        register.CONFIGURATION: meta.name,
        register.CONFIGURATION_GENERATION: str(generation),
        register.CONFIGURATION_UID: meta.uid,
    }
    for key in (register.SERVICE, register.SERVICE_UID):
        if value := meta.labels.get(key):
            labels[key] = value
    annotations = dict(template.metadata.annotations)
    if modifier := meta.annotations.get(register.LAST_MODIFIER):
        annotations[register.CREATOR] = modifier
    revision = Revision(
        metadata=ObjectMeta(
            name=template.metadata.name or child_name(meta.name, f"-{generation:05d}"),
            namespace=meta.namespace,
            labels=labels,
            annotations=annotations,
            owner_references=[owner_reference(configuration)],
        ),
        spec=template.spec,
    )
    routes = meta.annotations.get(register.ROUTES)
    if routes is not None:
        revision.metadata.annotations[register.ROUTES] = routes
        revision.set_routing_state(RoutingState.ACTIVE, now)
    else:
        revision.set_routing_state(RoutingState.PENDING, now)
    return revision
