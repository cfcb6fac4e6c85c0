"""What a ContainerSource stands for: a binding to the sink, and a Deployment that is told. Pure."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.deployment_types import DeploymentSpec
from wakeful.apis.core.container_types import EnvVar
from wakeful.apis.sources import (
    ContainerSource,
    LegacyContainerSource,
    SinkBinding,
    SinkBindingSpec,
    SubjectReference,
    register,
)
from wakeful.reconciler.sources.sinkbinding.injection import bind_containers, environment_of

AnyContainerSource = ContainerSource | LegacyContainerSource

_CONTROLLER = "container-source-controller"
_LEGACY_SINK, _LEGACY_FLAG = "SINK", "--sink"


def deployment_name(source: AnyContainerSource) -> str:
    """Today's name, or that of 2019."""
    meta = source.metadata
    if isinstance(source, LegacyContainerSource):
        return child_name(f"containersource-{meta.name}", f"-{meta.uid}")
    return child_name(meta.name, "-deployment")


def binding_name(source: AnyContainerSource) -> str:
    """The name of the binding, which 2019 did not have."""
    suffix = "-sinkbinding"
    if isinstance(source, LegacyContainerSource):
        suffix = f"-{source.metadata.uid[:8]}{suffix}"
    return child_name(source.metadata.name, suffix)


def make_binding(source: AnyContainerSource) -> SinkBinding:
    """The binding of the source's Deployment to its sink."""
    spec, namespace = source.wanted, source.metadata.namespace
    return SinkBinding(
        metadata=ObjectMeta(
            name=binding_name(source),
            namespace=namespace,
            owner_references=[owner_reference(source)],
        ),
        spec=SinkBindingSpec(
            sink=spec.sink.deep_copy(),
            ce_overrides=spec.ce_overrides,
            subject=SubjectReference(
                api_version=Deployment.gvk.api_version,
                kind=Deployment.gvk.kind,
                namespace=namespace,
                name=deployment_name(source),
            ),
        ),
    )


def make_deployment(source: AnyContainerSource, binding: SinkBinding) -> Deployment:
    """The Deployment, with the variables in it that the binding would put there."""
    meta, spec = source.metadata, source.wanted
    template = spec.template.deep_copy()
    labels = {
        register.SOURCE_LABEL: _CONTROLLER,
        register.SOURCE_NAME_LABEL: meta.name[:63],
    }
    template.metadata.labels = template.metadata.labels | labels
    if isinstance(source, LegacyContainerSource):
        for container in template.spec.containers:
            _tell_as_in_2019(container.env, container.args, binding.status.sink_uri)
    status = binding.status
    bind_containers(
        [*template.spec.init_containers, *template.spec.containers],
        environment_of(status.sink_uri, status.sink_ca_certs, spec.ce_overrides),
    )
    return Deployment(
        metadata=ObjectMeta(
            name=deployment_name(source),
            namespace=meta.namespace,
            labels=dict(template.metadata.labels),
            annotations=dict(template.metadata.annotations),
            owner_references=[owner_reference(source)],
        ),
        spec=DeploymentSpec(selector=LabelSelector(match_labels=labels), template=template),
    )


def _tell_as_in_2019(env: list[EnvVar], args: list[str], sink_uri: str) -> None:
    if all(variable.name != _LEGACY_SINK for variable in env):
        env.append(EnvVar(name=_LEGACY_SINK, value=sink_uri))
    if not any(arg == _LEGACY_FLAG or arg.startswith(f"{_LEGACY_FLAG}=") for arg in args):
        args.append(f"{_LEGACY_FLAG}={sink_uri}")


def covers(have: Any, want: Any) -> bool:
    """Whether everything said in ``want`` is so in ``have``, which has defaults besides."""
    if isinstance(want, dict):
        return isinstance(have, dict) and all(
            key in have and covers(have[key], value) for key, value in want.items()
        )
    if isinstance(want, list):
        return (
            isinstance(have, list)
            and len(have) == len(want)
            and all(covers(a, b) for a, b in zip(have, want, strict=True))
        )
    return bool(have == want)
