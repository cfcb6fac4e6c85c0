"""What the Deployment, the PodAutoscaler and the Images of a Revision should be.

A pod holds the user's own containers and nothing else: what upstream's queue-proxy does (limits,
timeouts, draining, metrics), the gateway does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.deployment_types import (
    ROLLING_UPDATE,
    DeploymentSpec,
    DeploymentStrategy,
    RollingUpdateDeployment,
)
from wakeful.apis.autoscaling import (
    AutoscalerConfig,
    AutoscalingAnnotations,
    PodAutoscaler,
    PodAutoscalerSpec,
    Reachability,
)
from wakeful.apis.autoscaling.annotations import CLASS, OWN_GROUP
from wakeful.apis.autoscaling.annotations import GROUP as AUTOSCALING_GROUP
from wakeful.apis.caching import Image, ImageSpec
from wakeful.apis.core import ObjectReference, PodTemplateSpec
from wakeful.apis.serving import Revision, RoutingState, register
from wakeful.apis.serving.config import DefaultsConfig, DeploymentConfig, FeaturesConfig
from wakeful.reconciler.serving.revision.pod import make_pod_spec

FROM_REVISION = f"{OWN_GROUP}/from-revision"
"""On a PodAutoscaler: a hash of the scaling annotations that its Revision had when last applied."""
_NOT_FOR_CHILDREN = frozenset(
    (register.LAST_PINNED, register.NO_GC, register.ROUTING_STATE_MODIFIED, register.ROUTES)
)


@dataclass(frozen=True, slots=True)
class RevisionConfig:
    """Every setting that shapes a Revision's children."""

    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    deployment: DeploymentConfig = field(default_factory=DeploymentConfig)
    autoscaler: AutoscalerConfig = field(default_factory=AutoscalerConfig)


def deployment_name(revision: Revision) -> str:
    """``<revision>-deployment``."""
    return child_name(revision.metadata.name, "-deployment")


def image_name(revision: Revision, container: str) -> str:
    """``<revision>-cache-<container>``."""
    return child_name(child_name(revision.metadata.name, "-cache"), f"-{container}")


def make_labels(revision: Revision) -> dict[str, str]:
    """Labels every child carries."""
    meta = revision.metadata
    labels = {
        key: value
        for key, value in meta.labels.items()
        if key not in (register.ROUTE, register.ROUTING_STATE)
    }
    labels |= {register.REVISION: meta.name, register.REVISION_UID: meta.uid}
    labels.setdefault(register.APP, meta.name)
    return labels


def _annotations(revision: Revision, *, autoscaling: bool = False) -> dict[str, str]:
    return {
        key: value
        for key, value in revision.metadata.annotations.items()
        if key not in _NOT_FOR_CHILDREN and (autoscaling or not key.startswith(AUTOSCALING_GROUP))
    }


def make_deployment(revision: Revision, config: RevisionConfig) -> Deployment:
    """The Deployment, at the scale the Revision starts with."""
    meta = revision.metadata
    labels = make_labels(revision)
    pod_annotations = _annotations(revision)
    if name := revision.spec.serving_container.name:
        pod_annotations[register.DEFAULT_CONTAINER] = name
    initial = AutoscalingAnnotations.parse(meta.annotations).initial_scale
    deployment = Deployment(
        metadata=ObjectMeta(
            name=deployment_name(revision),
            namespace=meta.namespace,
            labels=labels,
            annotations=_annotations(revision),
            owner_references=[owner_reference(revision)],
        ),
        spec=DeploymentSpec(
            replicas=config.autoscaler.initial_scale if initial is None else initial,
            selector=LabelSelector(match_labels={register.REVISION_UID: meta.uid}),
            progress_deadline_seconds=_progress_deadline(meta.annotations, config.deployment),
            revision_history_limit=0,
            strategy=DeploymentStrategy(
                type=ROLLING_UPDATE, rolling_update=RollingUpdateDeployment(max_unavailable=0)
            ),
            template=PodTemplateSpec(
                metadata=ObjectMeta(labels=dict(labels), annotations=pod_annotations),
                spec=make_pod_spec(revision, config.defaults, config.deployment, config.features),
            ),
        ),
    )
    deployment.metadata.labels[register.DEPLOYMENT_HASH] = _hash(deployment)
    return deployment


def _progress_deadline(annotations: Mapping[str, str], config: DeploymentConfig) -> int:
    text = register.PROGRESS_DEADLINE.get(annotations)
    try:
        return int(parse_duration(text).total_seconds()) if text else _default(config)
    except ValueError:
        return _default(config)


def _default(config: DeploymentConfig) -> int:
    return config.progress_deadline_seconds


def _hash(deployment: Deployment) -> str:
    """Changes whenever anything does that we decide; scale is the autoscaler's."""
    wire = deployment.to_wire()
    wire["spec"].pop("replicas", None)
    parts = (wire["spec"], wire["metadata"].get("annotations"), wire["metadata"]["labels"])
    text = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2s(text, digest_size=5).hexdigest()


def merge_deployment(want: Deployment, have: Deployment) -> Deployment:
    """``have`` with our part replaced: scale and selector stay, and what others put on it."""
    spec = want.spec.model_copy(
        update={
            "replicas": have.spec.replicas,
            "selector": have.spec.selector,
            "template": want.spec.template.model_copy(
                update={
                    "metadata": _merge_metadata(
                        want.spec.template.metadata, have.spec.template.metadata
                    )
                }
            ),
        }
    )
    metadata = _merge_metadata(want.metadata, have.metadata)
    kept = have.metadata.model_copy(
        update={"labels": metadata.labels, "annotations": metadata.annotations}
    )
    return have.model_copy(update={"metadata": kept, "spec": spec})


def _merge_metadata(want: ObjectMeta, have: ObjectMeta) -> ObjectMeta:
    def others(found: Mapping[str, str]) -> dict[str, str]:
        return {
            key: value
            for key, value in found.items()
            if key != register.APP and "knative.dev/" not in key
        }

    return want.model_copy(
        update={
            "labels": others(have.labels) | want.labels,
            "annotations": others(have.annotations) | want.annotations,
        }
    )


def make_pod_autoscaler(
    revision: Revision, deployment: Deployment | None, config: AutoscalerConfig
) -> PodAutoscaler:
    """Who sizes the Deployment, and whether anything leads to it."""
    meta = revision.metadata
    annotations = _annotations(revision, autoscaling=True)
    annotations.setdefault(CLASS.name, config.pod_autoscaler_class)
    annotations[FROM_REVISION] = _hash_scaling(annotations)
    return PodAutoscaler(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=make_labels(revision),
            annotations=annotations,
            owner_references=[owner_reference(revision)],
        ),
        spec=PodAutoscalerSpec(
            container_concurrency=revision.spec.container_concurrency or 0,
            scale_target_ref=ObjectReference(
                api_version="apps/v1", kind="Deployment", name=deployment_name(revision)
            ),
            protocol_type=revision.spec.protocol,
            reachability=str(_reachability(revision, deployment)),
        ),
    )


def _reachability(revision: Revision, deployment: Deployment | None) -> Reachability:
    if (
        revision.status.is_unavailable
        and deployment is not None
        and (deployment.spec.replicas or 0) > 0
        and deployment.status.ready_replicas == 0
    ):
        return Reachability.UNREACHABLE  # it cannot come up: do not hold a minimum scale
    match revision.routing_state:
        case RoutingState.ACTIVE:
            return Reachability.REACHABLE
        case RoutingState.RESERVE:
            return Reachability.UNREACHABLE
        case _:
            return Reachability.UNKNOWN


def sync_autoscaling(want: PodAutoscaler, have: PodAutoscaler) -> PodAutoscaler | None:
    """``have`` with the Revision's word on scaling; None when it has it already.

    Annotations that others put there stay. Scaling may be edited on the PodAutoscaler itself: such
    an edit holds until the Revision says something new, which then takes the place of them all,
    apart from the class and metric that defaulting filled in. (Upstream puts an edit back as soon
    as it looks, and so within moments of it.)
    """
    present = have.metadata.annotations
    edits_hold = present.get(FROM_REVISION) == want.metadata.annotations[FROM_REVISION]
    annotations = {
        key: value
        for key, value in present.items()
        if edits_hold or not _is_scaling(key) or key in _DEFAULTED
    } | {
        key: value
        for key, value in want.metadata.annotations.items()
        if not (edits_hold and _is_scaling(key))
    }
    if want.spec == have.spec and annotations == present:
        return None
    meta = have.metadata.model_copy(update={"annotations": annotations})
    return have.model_copy(update={"metadata": meta, "spec": want.spec})


def _is_scaling(key: str) -> bool:
    return key.startswith(_SCALING) and key != FROM_REVISION


def _hash_scaling(annotations: Mapping[str, str]) -> str:
    scaling = sorted((key, value) for key, value in annotations.items() if _is_scaling(key))
    return hashlib.blake2s(orjson.dumps(scaling), digest_size=5).hexdigest()


_SCALING = (f"{AUTOSCALING_GROUP}/", f"{OWN_GROUP}/")
_DEFAULTED = frozenset((CLASS.name, f"{AUTOSCALING_GROUP}/metric"))


def make_image(revision: Revision, container: str, image: str) -> Image:
    """A request to keep a container's image at hand."""
    meta = revision.metadata
    return Image(
        metadata=ObjectMeta(
            name=image_name(revision, container),
            namespace=meta.namespace,
            labels=make_labels(revision),
            annotations=_annotations(revision),
            owner_references=[owner_reference(revision)],
        ),
        spec=ImageSpec(
            image=image,
            service_account_name=revision.spec.service_account_name,
            image_pull_secrets=revision.spec.image_pull_secrets,
        ),
    )
