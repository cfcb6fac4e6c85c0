"""What the replica sets of a deployment look like. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import safe_encode
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.apps.deployment_types import (
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    REVISION,
    REVISION_HISTORY,
    TEMPLATE_HASH,
)
from wakeful.apis.core.pod_types import PodTemplateSpec

_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
        "deprecated.deployment.rollback.to",
    }
)
_EPOCH = datetime.fromtimestamp(0, UTC)


def template_hash(template: PodTemplateSpec, collisions: int = 0) -> str:
    """Short text that differs when templates do; ``collisions`` makes another of the same."""
    data = orjson.dumps([template.to_wire(), collisions], option=orjson.OPT_SORT_KEYS)
    number = int.from_bytes(hashlib.blake2s(data, digest_size=4).digest(), "big")
    return safe_encode(str(number))


def same_template(one: PodTemplateSpec, other: PodTemplateSpec) -> bool:
    """Whether two templates are equal apart from the hash label."""
    if one.spec != other.spec:
        return False
    return _without_hash(one.metadata) == _without_hash(other.metadata)


def _without_hash(meta: ObjectMeta) -> dict[str, object]:
    wire = meta.to_wire()
    labels = {k: v for k, v in wire.get("labels", {}).items() if k != TEMPLATE_HASH}
    return wire | {"labels": labels}


def find_new(deployment: Deployment, sets: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The replica set of the present template; the oldest if there are several."""
    for found in sorted(sets, key=created):
        if same_template(found.spec.template, deployment.spec.template):
            return found
    return None


def created(found: ReplicaSet) -> tuple[datetime, str]:
    """Sort key: creation time, then name."""
    return (found.metadata.creation_timestamp or _EPOCH, found.metadata.name)


def revision(annotations: Mapping[str, str]) -> int:
    """The revision in annotations; 0 when there is none."""
    try:
        return int(annotations.get(REVISION, "0"))
    except ValueError:
        return 0


def next_revision(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> int:
    """One above the old ones'; the new set's own when that is above already."""
    highest = max((revision(found.metadata.annotations) for found in old), default=0)
    mine = revision(new.metadata.annotations) if new is not None else 0
    return mine if mine > highest else highest + 1


def make_replica_set(
    deployment: Deployment, number: int, replicas: int, max_replicas: int
) -> ReplicaSet:
    """A replica set for the present template."""
    template = deployment.spec.template.deep_copy()
    digest = template_hash(template, deployment.status.collision_count or 0)
    template.metadata.labels[TEMPLATE_HASH] = digest
    selector = (deployment.spec.selector or LabelSelector()).deep_copy()
    selector.match_labels[TEMPLATE_HASH] = digest
    made = ReplicaSet(
        metadata=ObjectMeta(
            name=f"{deployment.metadata.name}-{digest}",
            namespace=deployment.metadata.namespace,
            labels=dict(template.metadata.labels),
            owner_references=[owner_reference(deployment)],
        )
    )
    made.spec.replicas = replicas
    made.spec.min_ready_seconds = deployment.spec.min_ready_seconds
    made.spec.selector = selector
    made.spec.template = template
    made.metadata.annotations = annotations_of(made, deployment, number)
    made.metadata.annotations |= scale_annotations(deployment.spec.replicas or 0, max_replicas)
    return made


def annotations_of(found: ReplicaSet, deployment: Deployment, number: int) -> dict[str, str]:
    """Annotations of the new replica set: the deployment's, and its place in the history."""
    copied = {k: v for k, v in deployment.metadata.annotations.items() if k not in _NOT_COPIED}
    annotations = found.metadata.annotations | copied
    before = annotations.get(REVISION)
    if before is not None and revision(annotations) < number:
        history = annotations.get(REVISION_HISTORY)
        annotations[REVISION_HISTORY] = f"{history},{before}" if history else before
    if revision(annotations) < number:
        annotations[REVISION] = str(number)
    return annotations


def scale_annotations(desired: int, max_replicas: int) -> dict[str, str]:
    """What the scale was computed from; rollouts in progress grow in proportion to it."""
    return {DESIRED_REPLICAS: str(desired), MAX_REPLICAS: str(max_replicas)}
