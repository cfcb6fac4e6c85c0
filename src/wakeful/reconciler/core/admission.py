"""Admission: what Kubernetes' own plugins and scheduler do to pods and services on the way in.

Every hook is a callable for :class:`wakeful.apiserver.APIServer`; none of them writes. Doing this
at admission costs no extra write: a pod is stored once, bound and complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from wakeful.apimachinery.errors import ForbiddenError, InvalidError
from wakeful.apimachinery.fields import invalid, to_causes
from wakeful.apimachinery.names import random_suffix
from wakeful.apis.core import Node, Pod, Service, ServiceAccount
from wakeful.apis.core.config_types import DEFAULT_SERVICE_ACCOUNT, ROOT_CA_CONFIG_MAP
from wakeful.apis.core.pod_types import (
    POD_SCHEDULED,
    ConfigMapProjection,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ObjectFieldSelector,
    PodCondition,
    PodSpec,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from wakeful.apis.core.service_rules import wants_node_ports
from wakeful.apis.core.service_types import EXTERNAL_NAME, HEADLESS, LOAD_BALANCER, NODE_PORT
from wakeful.apiserver.admission import AdmissionRequest, ObjectReader
from wakeful.reconciler.core.addresses import AddressPool, PortPool
from wakeful.reconciler.core.scheduling.fit import NodeUsage, choose_node

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a directory
_TOKEN_SECONDS = 3607
_VOLUME_PREFIX = "kube-api-access-"
_UNSCHEDULABLE = "Unschedulable"


def admit_service_account(request: AdmissionRequest) -> None:
    """Give a new pod its service account, the account's pull secrets and its token.

    Raises:
        ForbiddenError: There is no such account. A missing ``default`` is forgiven, since a fresh
            namespace gets it a moment later.
    """
    pod = request.obj
    if not isinstance(pod, Pod) or request.old is not None:
        return
    spec = pod.spec
    spec.service_account_name = (
        spec.service_account_name or spec.service_account or DEFAULT_SERVICE_ACCOUNT
    )
    name = spec.service_account_name
    found = request.reader.get("", "serviceaccounts", name, request.namespace)
    if found is None:
        if name == DEFAULT_SERVICE_ACCOUNT:
            account = ServiceAccount()
        else:
            raise ForbiddenError(
                f'pods "{pod.metadata.name or pod.metadata.generate_name}" is forbidden: error'
                f" looking up service account {request.namespace}/{name}: serviceaccount"
                f' "{name}" not found',
                details={"name": pod.metadata.name, "kind": "pods"},
            )
    else:
        account = ServiceAccount.from_wire(found)
    if not spec.image_pull_secrets:
        spec.image_pull_secrets = [s.model_copy() for s in account.image_pull_secrets]
    if _wants_token(spec, account):
        mount_token(spec)


def _wants_token(spec: PodSpec, account: ServiceAccount) -> bool:
    for said in (spec.automount_service_account_token, account.automount_service_account_token):
        if said is not None:
            return said
    return True


def mount_token(spec: PodSpec) -> None:
    """Mount token, root certificate and namespace where every Kubernetes client looks for them."""
    without = [
        container
        for container in (*spec.init_containers, *spec.containers)
        if all(mount.mount_path != TOKEN_PATH for mount in container.volume_mounts)
    ]
    if not without:
        return
    present = next((v for v in spec.volumes if v.name.startswith(_VOLUME_PREFIX)), None)
    volume = present or make_token_volume()
    if present is None:
        spec.volumes.append(volume)
    for container in without:
        container.volume_mounts.append(
            VolumeMount(name=volume.name, read_only=True, mount_path=TOKEN_PATH)
        )


def make_token_volume() -> Volume:
    """The projected volume ``kube-api-access-xxxxx``."""
    namespace = DownwardAPIVolumeFile(
        path="namespace",
        field_ref=ObjectFieldSelector(api_version="v1", field_path="metadata.namespace"),
    )
    token = ServiceAccountTokenProjection(path="token", expiration_seconds=_TOKEN_SECONDS)
    certificate = ConfigMapProjection(
        name=ROOT_CA_CONFIG_MAP, items=[KeyToPath(key="ca.crt", path="ca.crt")]
    )
    return Volume(
        name=_VOLUME_PREFIX + random_suffix(),
        projected=ProjectedVolumeSource(
            sources=[
                VolumeProjection(service_account_token=token),
                VolumeProjection(config_map=certificate),
                VolumeProjection(downward_api=DownwardAPIProjection(items=[namespace])),
            ]
        ),
    )


class PodBinder:
    """The scheduler: binds a new pod to a node it fits on, or says why there is none.

    ``used`` tells what pods on a node ask for already; while it was not told of all of them, those
    that are stored are counted.
    """

    def __init__(self, used: NodeUsage | None = None) -> None:
        self._used = used or NodeUsage()

    def __call__(self, request: AdmissionRequest) -> None:
        """Set ``spec.nodeName`` and the condition ``PodScheduled``."""
        pod = request.obj
        if not isinstance(pod, Pod) or request.old is not None:
            return
        if pod.spec.node_name or pod.spec.scheduling_gates:
            return
        if pod.spec.scheduler_name not in ("", "default-scheduler"):
            return
        nodes = [Node.from_wire(wire) for wire in request.reader.list("", "nodes")]
        node, why = choose_node(pod.spec, nodes, partial(self._used_on, request.reader))
        condition = PodCondition(
            type=POD_SCHEDULED, status="True", last_transition_time=request.context.now
        )
        if node:
            pod.spec.node_name = node
        else:
            condition.status, condition.reason, condition.message = "False", _UNSCHEDULABLE, why
        pod.status.conditions = [
            *(c for c in pod.status.conditions if c.type != POD_SCHEDULED),
            condition,
        ]

    def _used_on(self, reader: ObjectReader, node: str) -> Mapping[str, Decimal]:
        if self._used.is_complete():
            return self._used(node)
        counted = NodeUsage()
        for wire in reader.list("", "pods"):
            counted.observe(None, Pod.from_wire(wire))
        return counted(node)


class ServiceAddresses:
    """Gives services their cluster addresses and node ports."""

    def __init__(self, network: str = "198.18.0.0/16", ports: range = range(30000, 32768)) -> None:
        self._addresses = AddressPool(network)
        self._ports = PortPool(ports)
        self._is_seeded = False

    def __call__(self, request: AdmissionRequest) -> None:
        """Allocate what is missing.

        Raises:
            InvalidError: An address or port asked for is taken or out of range.
        """
        service = request.obj
        if not isinstance(service, Service):
            return
        if not self._is_seeded or self._addresses.is_stale:
            self._seed(request.reader)
        old = request.old if isinstance(request.old, Service) else None
        if service.spec.type != EXTERNAL_NAME:
            self._give_address(request, service, old)
        if service.spec.type in (NODE_PORT, LOAD_BALANCER):
            self._give_ports(request, service, old)

    def _seed(self, reader: ObjectReader) -> None:
        self._addresses.clear()
        self._ports.clear()
        for wire in reader.list("", "services"):
            spec = wire.get("spec") or {}
            self._addresses.take(spec.get("clusterIP", ""))
            for port in spec.get("ports") or ():
                self._ports.take(port.get("nodePort", 0))
        self._is_seeded = True

    def _give_address(
        self, request: AdmissionRequest, service: Service, old: Service | None
    ) -> None:
        spec = service.spec
        asked = spec.cluster_ip or (spec.cluster_ips[0] if spec.cluster_ips else "")
        given = old.spec.cluster_ip if old is not None and old.spec.type != EXTERNAL_NAME else ""
        if asked == HEADLESS or (given and asked in ("", given)):
            return  # what was given before is carried over by the service's defaults
        if not asked:
            # Any one, also for the API server, which on clusters has the first: two platforms of
            # one machine would both listen there.
            spec.cluster_ip = self._addresses.allocate()
            spec.cluster_ips = [spec.cluster_ip]
            return
        fault = self._addresses.fault(asked)
        if fault and self._addresses.contains(asked):
            self._seed(request.reader)  # it may have been given back meanwhile
            fault = self._addresses.fault(asked)
        if fault:
            detail = f"failed to allocate IP {asked}: {fault}"
            raise _refusal(service, "spec.clusterIPs", [asked], detail)
        self._addresses.take(asked)

    def _give_ports(self, request: AdmissionRequest, service: Service, old: Service | None) -> None:
        mine = {port.node_port for port in old.spec.ports} if old is not None else set()
        known = {(p.port, p.protocol or "TCP"): p.node_port for p in old.spec.ports} if old else {}
        for index, port in enumerate(service.spec.ports):
            if not port.node_port:
                if not wants_node_ports(service):
                    continue
                given = known.get((port.port, port.protocol or "TCP"), 0)
                port.node_port = given or self._ports.allocate()
                continue
            if port.node_port in mine:
                continue
            fault = self._ports.fault(port.node_port)
            if fault and self._ports.contains(port.node_port):
                self._seed(request.reader)
                fault = self._ports.fault(port.node_port)
            if fault:
                raise _refusal(service, f"spec.ports[{index}].nodePort", port.node_port, fault)
            self._ports.take(port.node_port)


def _refusal(service: Service, path: str, value: object, detail: str) -> InvalidError:
    causes = to_causes([invalid(path, value, detail)])
    return InvalidError.of("Service", "", service.metadata.name, causes)
