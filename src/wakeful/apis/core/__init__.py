"""The core group: pods, services, configuration, namespaces and what belongs to them.

``<kind>_types`` hold the models, ``_defaults``/``_validation``/``_rules`` what the API server does
with them, ``_columns`` their tables. Controllers live in ``wakeful.reconciler.core``.
"""

from wakeful.apis.core.config_types import ConfigMap, Secret, ServiceAccount
from wakeful.apis.core.event_types import Event
from wakeful.apis.core.namespace_types import Namespace
from wakeful.apis.core.node_types import Node
from wakeful.apis.core.pod_types import Container, Pod, PodSpec, PodTemplateSpec
from wakeful.apis.core.quota_types import LimitRange, ResourceQuota
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.core.replicationcontroller_types import ReplicationController
from wakeful.apis.core.resources import RESOURCES
from wakeful.apis.core.service_types import Endpoints, Service
from wakeful.apis.core.volumeclaim_types import PersistentVolume, PersistentVolumeClaim

__all__ = [
    "RESOURCES",
    "ConfigMap",
    "Container",
    "Endpoints",
    "Event",
    "LimitRange",
    "Namespace",
    "Node",
    "ObjectReference",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodSpec",
    "PodTemplateSpec",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "Service",
    "ServiceAccount",
]
