"""How the kinds of the core group are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import Resource, ScalePaths
from wakeful.apis.core import other_columns as columns
from wakeful.apis.core import other_rules as rules
from wakeful.apis.core import pod_columns
from wakeful.apis.core.config_rules import (
    set_secret_defaults,
    validate_config_map,
    validate_secret,
)
from wakeful.apis.core.config_types import ConfigMap, Secret, ServiceAccount
from wakeful.apis.core.event_types import Event
from wakeful.apis.core.namespace_rules import set_namespace_defaults
from wakeful.apis.core.namespace_types import Namespace
from wakeful.apis.core.node_types import Node
from wakeful.apis.core.pod_defaults import set_pod_defaults
from wakeful.apis.core.pod_types import Pod
from wakeful.apis.core.pod_validation import validate_pod
from wakeful.apis.core.quota_types import LimitRange, ResourceQuota
from wakeful.apis.core.replicationcontroller_types import ReplicationController
from wakeful.apis.core.service_columns import ENDPOINTS_COLUMNS, SERVICE_COLUMNS
from wakeful.apis.core.service_rules import (
    set_endpoints_defaults,
    set_service_defaults,
    validate_endpoints,
    validate_service,
)
from wakeful.apis.core.service_types import Endpoints, Service
from wakeful.apis.core.volumeclaim_types import PersistentVolume, PersistentVolumeClaim

POD_FIELDS = {
    "spec.nodeName": ".spec.nodeName",
    "spec.restartPolicy": ".spec.restartPolicy",
    "spec.schedulerName": ".spec.schedulerName",
    "spec.serviceAccountName": ".spec.serviceAccountName",
    "spec.hostNetwork": ".spec.hostNetwork",
    "status.phase": ".status.phase",
    "status.podIP": ".status.podIP",
    "status.podIPs": ".status.podIPs[*].ip",
    "status.nominatedNodeName": ".status.nominatedNodeName",
}
EVENT_FIELDS = {
    **{
        f"involvedObject.{member}": f".involvedObject.{member}"
        for member in (
            "kind",
            "namespace",
            "name",
            "uid",
            "apiVersion",
            "resourceVersion",
            "fieldPath",
        )
    },
    "reason": ".reason",
    "reportingComponent": ".reportingComponent",
    "source": ".source.component",
    "type": ".type",
}

RESOURCES: tuple[Resource, ...] = (
    Resource(
        Namespace,
        "namespaces",
        short_names=("ns",),
        namespaced=False,
        has_status=True,
        columns=columns.NAMESPACE_COLUMNS,
        set_defaults=set_namespace_defaults,
        fields={"status.phase": ".status.phase", "name": ".metadata.name"},
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        custom=False,
    ),
    Resource(
        Pod,
        "pods",
        short_names=("po",),
        categories=("all",),
        has_status=True,
        columns=pod_columns.COLUMNS,
        set_defaults=set_pod_defaults,
        validate=validate_pod,
        fields=POD_FIELDS,
        custom=False,
    ),
    Resource(
        Service,
        "services",
        short_names=("svc",),
        categories=("all",),
        has_status=True,
        columns=SERVICE_COLUMNS,
        set_defaults=set_service_defaults,
        validate=validate_service,
        fields={"spec.clusterIP": ".spec.clusterIP", "spec.type": ".spec.type"},
        custom=False,
    ),
    Resource(
        Endpoints,
        "endpoints",
        singular="endpoints",
        short_names=("ep",),
        columns=ENDPOINTS_COLUMNS,
        set_defaults=set_endpoints_defaults,
        validate=validate_endpoints,
        custom=False,
    ),
    Resource(
        ConfigMap,
        "configmaps",
        short_names=("cm",),
        columns=columns.CONFIG_MAP_COLUMNS,
        validate=validate_config_map,
        custom=False,
    ),
    Resource(
        Secret,
        "secrets",
        columns=columns.SECRET_COLUMNS,
        set_defaults=set_secret_defaults,
        validate=validate_secret,
        fields={"type": ".type"},
        custom=False,
    ),
    Resource(ServiceAccount, "serviceaccounts", short_names=("sa",), custom=False),
    Resource(
        Event,
        "events",
        short_names=("ev",),
        columns=columns.EVENT_COLUMNS,
        validate=rules.validate_event,
        fields=EVENT_FIELDS,
        custom=False,
    ),
    Resource(
        Node,
        "nodes",
        short_names=("no",),
        namespaced=False,
        has_status=True,
        columns=columns.NODE_COLUMNS,
        fields={"spec.unschedulable": ".spec.unschedulable"},
        custom=False,
    ),
    Resource(
        PersistentVolumeClaim,
        "persistentvolumeclaims",
        short_names=("pvc",),
        has_status=True,
        columns=columns.CLAIM_COLUMNS,
        set_defaults=rules.set_claim_defaults,
        validate=rules.validate_claim,
        custom=False,
    ),
    Resource(
        PersistentVolume,
        "persistentvolumes",
        short_names=("pv",),
        namespaced=False,
        has_status=True,
        columns=columns.VOLUME_COLUMNS,
        set_defaults=rules.set_volume_defaults,
        validate=rules.validate_volume,
        custom=False,
    ),
    Resource(
        LimitRange,
        "limitranges",
        short_names=("limits",),
        columns=columns.LIMIT_RANGE_COLUMNS,
        validate=rules.validate_limit_range,
        custom=False,
    ),
    Resource(
        ResourceQuota,
        "resourcequotas",
        short_names=("quota",),
        has_status=True,
        columns=columns.QUOTA_COLUMNS,
        validate=rules.validate_quota,
        custom=False,
    ),
    Resource(
        ReplicationController,
        "replicationcontrollers",
        short_names=("rc",),
        categories=("all",),
        has_status=True,
        scale=ScalePaths(label_selector=".spec.selector"),
        columns=columns.CONTROLLER_COLUMNS,
        set_defaults=rules.set_controller_defaults,
        validate=rules.validate_controller,
        fields={"status.replicas": ".status.replicas"},
        custom=False,
    ),
)
