"""Build on the platform: create and follow its objects from code, and write controllers.

Everything works alike against Wakeful's own API and a kube-apiserver with Knative. What is here:

* **connecting**: :class:`Client`, its kinds (:class:`Service`, :class:`Pod` …) and its errors;
* **watching**: :class:`Informer` keeps a kind in memory, a :class:`Lister` reads it;
* **controllers**: a :class:`Reconciler` says what to do with one object, a
  :class:`ControllerRunner` does the rest: queues, retries, status, finalizers, events, leadership;
* **the program around them**: :func:`run_until_signal`, :func:`configure_logging`, and in any code
  that handles something, :func:`current_logger`, whose lines carry the trace they belong to.

``Service`` is Knative's; the core kind of the same name is :class:`KubernetesService`. A kind of
your own is a :class:`Resource` around a :class:`KResource`, given to :meth:`Client.connect`;
:meth:`Client.install_kind` has the server serve it.

Not for the platform's own code: its planes and reconcilers use the packages below this one.
"""

from wakeful.apimachinery.conditions import Condition, ConditionedStatus, ConditionSet
from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    APIStatusError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServiceUnavailableError,
    TerminalError,
    UnauthorizedError,
    WakefulError,
)
from wakeful.apimachinery.labels import Selector, parse_selector
from wakeful.apimachinery.meta import (
    APIModel,
    GroupVersionKind,
    KResource,
    NamespacedName,
    Object,
    ObjectMeta,
    OwnerReference,
    controller_of,
    is_controlled_by,
    owner_reference,
)
from wakeful.apimachinery.request import PatchType
from wakeful.apimachinery.scheme import Resource
from wakeful.apimachinery.watch import EventType as WatchEventType
from wakeful.apimachinery.watch import WatchEvent
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.batch import Job
from wakeful.apis.core import (
    ConfigMap,
    Container,
    Event,
    Namespace,
    ObjectReference,
    Pod,
    PodSpec,
    PodTemplateSpec,
    Secret,
    ServiceAccount,
)
from wakeful.apis.core import Service as KubernetesService
from wakeful.apis.core.container_types import ContainerPort, EnvVar, EnvVarSource
from wakeful.apis.serving import (
    Configuration,
    ConfigurationSpec,
    DomainMapping,
    DomainMappingSpec,
    Revision,
    RevisionSpec,
    RevisionTemplateSpec,
    Route,
    RouteSpec,
    Service,
    ServiceSpec,
    TrafficTarget,
)
from wakeful.client import Change, Informer, KubeConfigError, Lister, ObjectList, Propagation
from wakeful.controller import EventRecorder, Finalizing, ObservesDeletion, Reconciler, Result
from wakeful.sdk.connection import Client, GatewayNotFoundError, WaitTimeoutError, condition_of
from wakeful.sdk.context import current_logger, current_trace_id, trace
from wakeful.sdk.controllers import Controller, ControllerRunner, LeaderElection, Tracker
from wakeful.sdk.logs import configure_logging
from wakeful.sdk.signals import run_until_signal

__all__ = [
    "APIModel",
    "APIStatusError",
    "AlreadyExistsError",
    "BadRequestError",
    "Change",
    "Client",
    "Condition",
    "ConditionSet",
    "ConditionedStatus",
    "ConfigMap",
    "Configuration",
    "ConfigurationSpec",
    "ConflictError",
    "Container",
    "ContainerPort",
    "Controller",
    "ControllerRunner",
    "Deployment",
    "DomainMapping",
    "DomainMappingSpec",
    "EnvVar",
    "EnvVarSource",
    "Event",
    "EventRecorder",
    "Finalizing",
    "ForbiddenError",
    "GatewayNotFoundError",
    "GroupVersionKind",
    "Informer",
    "InvalidError",
    "Job",
    "KResource",
    "KubeConfigError",
    "KubernetesService",
    "LeaderElection",
    "Lister",
    "Namespace",
    "NamespacedName",
    "NotFoundError",
    "Object",
    "ObjectList",
    "ObjectMeta",
    "ObjectReference",
    "ObservesDeletion",
    "OwnerReference",
    "PatchType",
    "Pod",
    "PodAutoscaler",
    "PodSpec",
    "PodTemplateSpec",
    "Propagation",
    "Reconciler",
    "ReplicaSet",
    "Resource",
    "Result",
    "Revision",
    "RevisionSpec",
    "RevisionTemplateSpec",
    "Route",
    "RouteSpec",
    "Secret",
    "Selector",
    "Service",
    "ServiceAccount",
    "ServiceSpec",
    "ServiceUnavailableError",
    "TerminalError",
    "Tracker",
    "TrafficTarget",
    "UnauthorizedError",
    "WaitTimeoutError",
    "WakefulError",
    "WatchEvent",
    "WatchEventType",
    "condition_of",
    "configure_logging",
    "controller_of",
    "current_logger",
    "current_trace_id",
    "is_controlled_by",
    "owner_reference",
    "parse_selector",
    "run_until_signal",
    "trace",
]
