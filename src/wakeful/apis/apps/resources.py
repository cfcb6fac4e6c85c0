"""How the kinds of the apps group are served."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.scheme import AGE, Column, Resource, ScalePaths
from wakeful.apis.apps import workload_rules as rules
from wakeful.apis.apps.deployment_types import Deployment
from wakeful.apis.apps.replicaset_types import ReplicaSet
from wakeful.apis.apps.statefulset_types import ControllerRevision, DaemonSet, StatefulSet
from wakeful.apis.core.cells import NONE, TEMPLATE_COLUMNS, Wire, dig, number, pairs


def _ready(obj: Wire, now: datetime) -> str:
    ready = dig(obj, "status", "readyReplicas", default=0)
    return f"{ready}/{dig(obj, 'spec', 'replicas', default=0)}"


def _node_selector(obj: Wire, now: datetime) -> str:
    return pairs(dig(obj, "spec", "template", "spec", "nodeSelector"))


def _controller(obj: Wire, now: datetime) -> str:
    owners = dig(obj, "metadata", "ownerReferences", default=[])
    found = next((o for o in owners if o.get("controller")), None)
    if found is None:
        return NONE
    group = found.get("apiVersion", "").rpartition("/")[0]
    kind = found.get("kind", "").lower()
    return f"{kind}.{group}/{found.get('name', '')}" if group else f"{kind}/{found.get('name', '')}"


_SCALE = ScalePaths(label_selector=".spec.selector")

RESOURCES: tuple[Resource, ...] = (
    Resource(
        Deployment,
        "deployments",
        short_names=("deploy",),
        categories=("all",),
        has_status=True,
        scale=_SCALE,
        columns=(
            Column("Ready", _ready),
            Column("Up-to-date", number("status", "updatedReplicas"), type="integer"),
            Column("Available", number("status", "availableReplicas"), type="integer"),
            AGE,
            *TEMPLATE_COLUMNS,
        ),
        set_defaults=rules.set_deployment_defaults,
        validate=rules.validate_deployment,
        custom=False,
    ),
    Resource(
        ReplicaSet,
        "replicasets",
        short_names=("rs",),
        categories=("all",),
        has_status=True,
        scale=_SCALE,
        columns=(
            Column("Desired", number("spec", "replicas"), type="integer"),
            Column("Current", number("status", "replicas"), type="integer"),
            Column("Ready", number("status", "readyReplicas"), type="integer"),
            AGE,
            *TEMPLATE_COLUMNS,
        ),
        set_defaults=rules.set_replica_set_defaults,
        validate=rules.validate_replica_set,
        fields={"status.replicas": ".status.replicas"},
        custom=False,
    ),
    Resource(
        StatefulSet,
        "statefulsets",
        short_names=("sts",),
        categories=("all",),
        has_status=True,
        scale=_SCALE,
        columns=(Column("Ready", _ready), AGE, *TEMPLATE_COLUMNS[:2]),
        set_defaults=rules.set_stateful_set_defaults,
        validate=rules.validate_stateful_set,
        custom=False,
    ),
    Resource(
        DaemonSet,
        "daemonsets",
        short_names=("ds",),
        categories=("all",),
        has_status=True,
        columns=(
            Column("Desired", number("status", "desiredNumberScheduled"), type="integer"),
            Column("Current", number("status", "currentNumberScheduled"), type="integer"),
            Column("Ready", number("status", "numberReady"), type="integer"),
            Column("Up-to-date", number("status", "updatedNumberScheduled"), type="integer"),
            Column("Available", number("status", "numberAvailable"), type="integer"),
            Column("Node Selector", _node_selector),
            AGE,
            *TEMPLATE_COLUMNS,
        ),
        set_defaults=rules.set_daemon_set_defaults,
        validate=rules.validate_daemon_set,
        custom=False,
    ),
    Resource(
        ControllerRevision,
        "controllerrevisions",
        columns=(
            Column("Controller", _controller),
            Column("Revision", number("revision"), type="integer"),
            AGE,
        ),
        custom=False,
    ),
)
