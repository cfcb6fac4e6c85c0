"""How values merge: which lists are maps or sets, and which objects are replaced as one.

Strategic merge patch and server-side apply both need to know, for every list, whether its items
are told apart by a key. A :class:`Shape` says so for one value and everything below it; a value
without a shape is an object whose members merge one by one, or a list that is replaced whole.

The two ways of merging disagree in places (upstream's history): ``keys`` belong to server-side
apply, ``merge_key`` to strategic merge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Shape:
    """How one value merges."""

    fields: Mapping[str, Shape] = field(default_factory=lambda: _NOTHING)
    """Members of an object whose merging is special."""
    values: Shape | None = None
    """Shape of all other members."""
    items: Shape | None = None
    """Shape of a list's items."""
    list_type: Literal["atomic", "set", "map"] = "atomic"
    keys: tuple[str, ...] = ()
    """What tells the items of a ``map`` list apart in server-side apply."""
    key_defaults: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    merge_key: str = ""
    """What tells items apart in strategic merge; empty: replaced whole, unless a ``set``."""
    merged_set: bool = False
    """Strategic merge unites the scalars."""
    retain_keys: bool = False
    """Strategic merge honours ``$retainKeys`` here."""
    atomic: bool = False
    """Server-side apply replaces the object whole."""

    def member(self, name: str) -> Shape | None:
        """Shape of the object's member ``name``."""
        return self.fields.get(name) or self.values


PLAIN = Shape()


def _keyed(
    *keys: str,
    items: Shape | None = None,
    merge: str | None = None,
    defaults: Mapping[str, Any] = _NOTHING,
) -> Shape:
    return Shape(
        items=items,
        list_type="map",
        keys=keys,
        key_defaults=defaults,
        merge_key=keys[0] if merge is None else merge,
    )


def _replaced(merge: str) -> Shape:
    """Merged by key in strategic merge, one value to server-side apply."""
    return Shape(merge_key=merge)


def _object(**fields: Shape) -> Shape:
    return Shape(fields=fields)


_TCP = MappingProxyType({"protocol": "TCP"})
_ATOMIC = Shape(atomic=True)
_SET = Shape(list_type="set", merged_set=True)
_CONDITIONS = _keyed("type")

OBJECT_META = _object(finalizers=_SET, ownerReferences=_keyed("uid"))

_ENV_SOURCE = _object(
    configMapKeyRef=_ATOMIC, secretKeyRef=_ATOMIC, fieldRef=_ATOMIC, resourceFieldRef=_ATOMIC
)
_CONTAINER = _object(
    env=_keyed("name", items=_object(valueFrom=_ENV_SOURCE)),
    ports=_keyed("containerPort", "protocol", defaults=_TCP),
    volumeMounts=_keyed("mountPath"),
    volumeDevices=_keyed("devicePath"),
    resources=_object(claims=_keyed("name", merge="")),
)
_LOCAL_REF = _object(secretRef=_ATOMIC)
_VOLUME = Shape(
    retain_keys=True,
    fields={
        "cephfs": _LOCAL_REF,
        "cinder": _LOCAL_REF,
        "csi": _object(nodePublishSecretRef=_ATOMIC),
        "ephemeral": _object(
            volumeClaimTemplate=_object(
                metadata=OBJECT_META,
                spec=_object(selector=_ATOMIC, dataSource=_ATOMIC),
            )
        ),
        "flexVolume": _LOCAL_REF,
        "iscsi": _LOCAL_REF,
        "rbd": _LOCAL_REF,
        "scaleIO": _LOCAL_REF,
        "storageos": _LOCAL_REF,
    },
)
_CONTAINERS = _keyed("name", items=_CONTAINER)
POD_SPEC = _object(
    containers=_CONTAINERS,
    initContainers=_CONTAINERS,
    ephemeralContainers=_CONTAINERS,
    volumes=_keyed("name", items=_VOLUME),
    imagePullSecrets=_keyed("name"),
    hostAliases=_keyed("ip"),
    schedulingGates=_keyed("name"),
    resourceClaims=_keyed("name"),
    topologySpreadConstraints=_keyed(
        "topologyKey", "whenUnsatisfiable", items=_object(labelSelector=_ATOMIC)
    ),
    nodeSelector=_ATOMIC,
    affinity=_object(nodeAffinity=_object(requiredDuringSchedulingIgnoredDuringExecution=_ATOMIC)),
)
_POD_TEMPLATE = _object(metadata=OBJECT_META, spec=POD_SPEC)
_POD_STATUS = _object(
    conditions=_CONDITIONS,
    podIPs=_keyed("ip"),
    hostIPs=_replaced("ip"),
    resourceClaimStatuses=_keyed("name"),
)
_REFERENCE_SPEC = _object(scaleTargetRef=PLAIN)


def _workload(**spec: Shape) -> Shape:
    return _object(
        metadata=OBJECT_META,
        spec=_object(template=_POD_TEMPLATE, selector=_ATOMIC, **spec),
        status=_object(conditions=_CONDITIONS),
    )


_JOB_SPEC = _object(template=_POD_TEMPLATE, selector=_ATOMIC)
_NAMED = _keyed("name")
_WEBHOOKS = _object(
    metadata=OBJECT_META,
    webhooks=_keyed(
        "name",
        items=_object(
            namespaceSelector=_ATOMIC, objectSelector=_ATOMIC, matchConditions=_keyed("name")
        ),
    ),
)
_CONDITIONED = _object(metadata=OBJECT_META, status=_object(conditions=_CONDITIONS))
_CLAIM = _object(
    metadata=OBJECT_META,
    spec=_object(selector=_ATOMIC, dataSource=_ATOMIC),
    status=_object(conditions=_CONDITIONS),
)
_BINDING = _object(metadata=OBJECT_META, roleRef=_ATOMIC)
_METADATA_ONLY = _object(metadata=OBJECT_META)

BUILT_IN: Mapping[tuple[str, str], Shape] = MappingProxyType(
    {
        ("", "Pod"): _object(metadata=OBJECT_META, spec=POD_SPEC, status=_POD_STATUS),
        ("", "PodTemplate"): _object(metadata=OBJECT_META, template=_POD_TEMPLATE),
        ("", "Service"): _object(
            metadata=OBJECT_META,
            spec=_object(
                ports=_keyed("port", "protocol", defaults=_TCP),
                selector=_ATOMIC,
            ),
            status=_object(conditions=_CONDITIONS),
        ),
        ("", "ServiceAccount"): _object(metadata=OBJECT_META, secrets=_NAMED),
        ("", "Node"): _object(
            metadata=OBJECT_META,
            spec=_object(podCIDRs=_SET, taints=_replaced("key")),
            status=_object(conditions=_CONDITIONS, addresses=_keyed("type")),
        ),
        ("", "Namespace"): _CONDITIONED,
        ("", "Event"): _object(metadata=OBJECT_META, involvedObject=_ATOMIC, related=_ATOMIC),
        ("events.k8s.io", "Event"): _object(
            metadata=OBJECT_META, regarding=_ATOMIC, related=_ATOMIC
        ),
        ("", "PersistentVolume"): _object(
            metadata=OBJECT_META, spec=_object(claimRef=PLAIN, nodeAffinity=PLAIN)
        ),
        ("", "PersistentVolumeClaim"): _CLAIM,
        ("", "ReplicationController"): _workload(),
        ("apps", "Deployment"): _workload(strategy=Shape(retain_keys=True)),
        ("apps", "ReplicaSet"): _workload(),
        ("apps", "StatefulSet"): _workload(),
        ("apps", "DaemonSet"): _workload(),
        ("apps", "ControllerRevision"): _METADATA_ONLY,
        ("batch", "Job"): _object(
            metadata=OBJECT_META,
            spec=_JOB_SPEC,
            status=_object(conditions=_replaced("type")),
        ),
        ("batch", "CronJob"): _object(
            metadata=OBJECT_META,
            spec=_object(jobTemplate=_object(metadata=OBJECT_META, spec=_JOB_SPEC)),
        ),
        ("autoscaling", "HorizontalPodAutoscaler"): _object(
            metadata=OBJECT_META,
            spec=_REFERENCE_SPEC,
            status=_object(conditions=_CONDITIONS),
        ),
        ("policy", "PodDisruptionBudget"): _object(
            metadata=OBJECT_META,
            spec=_object(selector=_ATOMIC),
            status=_object(conditions=_CONDITIONS),
        ),
        ("rbac.authorization.k8s.io", "RoleBinding"): _BINDING,
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _BINDING,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
        ("apiextensions.k8s.io", "CustomResourceDefinition"): _CONDITIONED,
    }
)
"""Built-in kinds by group and kind, whatever their version."""


def shape_of(group: str, kind: str) -> Shape:
    """The shape of a kind; custom kinds have special members only in their metadata."""
    return BUILT_IN.get((group, kind), _METADATA_ONLY)


def shape_of_schema(schema: Mapping[str, Any]) -> Shape | None:
    """Read a shape out of a structural schema's ``x-kubernetes-list-type`` and its siblings.

    Returns None where nothing is special.
    """
    fields = {
        name: shape
        for name, member in (schema.get("properties") or {}).items()
        if (shape := shape_of_schema(member)) is not None
    }
    extra = schema.get("additionalProperties")
    values = shape_of_schema(extra) if isinstance(extra, Mapping) else None
    element = schema.get("items")
    items = shape_of_schema(element) if isinstance(element, Mapping) else None
    list_type = schema.get("x-kubernetes-list-type", "atomic")
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    if not (fields or values or atomic or list_type != "atomic"):
        return None
    if list_type == "map":
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        members = element.get("properties") or {} if isinstance(element, Mapping) else {}
        defaults = {k: members[k]["default"] for k in keys if "default" in members.get(k, {})}
        return Shape(items=items, list_type="map", keys=keys, key_defaults=defaults)
    if list_type == "set":
        return Shape(list_type="set")
    return Shape(fields=fields, values=values, atomic=atomic)


def with_metadata(shape: Shape | None) -> Shape:
    """Add what is special about every object's metadata to a custom kind's shape."""
    fields = dict(shape.fields) if shape else {}
    return Shape(fields=fields | {"metadata": OBJECT_META}, values=shape.values if shape else None)
