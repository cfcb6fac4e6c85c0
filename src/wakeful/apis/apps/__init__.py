"""The apps group: workloads that keep pods running."""

from wakeful.apis.apps.deployment_types import Deployment, DeploymentSpec, DeploymentStatus
from wakeful.apis.apps.replicaset_types import ReplicaSet, ReplicaSetSpec, ReplicaSetStatus
from wakeful.apis.apps.resources import RESOURCES
from wakeful.apis.apps.statefulset_types import ControllerRevision, DaemonSet, StatefulSet

__all__ = [
    "RESOURCES",
    "ControllerRevision",
    "DaemonSet",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStatus",
    "ReplicaSet",
    "ReplicaSetSpec",
    "ReplicaSetStatus",
    "StatefulSet",
]
