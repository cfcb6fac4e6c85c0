"""The Knative Service that runs an expression. Pure.

Upstream runs a Deployment that never sleeps; here a transformation that nobody uses costs nothing.
"""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.core.container_types import Container, EnvVar
from wakeful.apis.duck import Addressable
from wakeful.apis.eventing import EventTransform, register
from wakeful.apis.serving import Service
from wakeful.apis.serving.register import CLUSTER_LOCAL, VISIBILITY
from wakeful.apis.serving.revision_types import RevisionSpec, RevisionTemplateSpec
from wakeful.apis.serving.service_types import ServiceSpec


def service_name(transform: EventTransform) -> str:
    """``NAME-jsonata``, as upstream's."""
    return child_name(transform.metadata.name, "-jsonata")


def _environment(transform: EventTransform, sink: Addressable | None) -> list[EnvVar]:
    spec = transform.spec
    values = {"JSONATA_EXPRESSION": spec.jsonata.expression if spec.jsonata else ""}
    if sink is not None:
        values["K_SINK"] = sink.url
    if spec.reply is not None and spec.reply.jsonata is not None:
        values["JSONATA_REPLY_EXPRESSION"] = spec.reply.jsonata.expression
    if spec.reply is not None and spec.reply.discard:
        values["JSONATA_DISCARD_REPLY"] = "true"
    # "$(NAME)" in a variable would be replaced by another variable.
    return [EnvVar(name=name, value=text.replace("$(", "$$(")) for name, text in values.items()]


def make_service(transform: EventTransform, sink: Addressable | None) -> Service:
    """What runs the expression; ``sink`` is where results go, None for back to the sender."""
    container = Container(
        name="user-container",
        image=register.TRANSFORM_IMAGE,
        env=_environment(transform, sink),
    )
    labels = {register.TRANSFORM_LABEL: transform.metadata.name[:63]}
    return Service(
        metadata=ObjectMeta(
            name=service_name(transform),
            namespace=transform.metadata.namespace,
            labels=labels | {VISIBILITY: CLUSTER_LOCAL},
            owner_references=[owner_reference(transform)],
        ),
        spec=ServiceSpec(
            template=RevisionTemplateSpec(
                metadata=ObjectMeta(labels=labels), spec=RevisionSpec(containers=[container])
            )
        ),
    )
