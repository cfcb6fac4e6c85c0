"""What the planner knows: the shared informers, their indices, and questions answered from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wakeful.apis.autoscaling import CONFIG_NAME as CONFIG_AUTOSCALER
from wakeful.apis.autoscaling import parse_config as parse_autoscaler
from wakeful.apis.core import ConfigMap, Pod, Secret, Service
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.apis.networking import (
    Ingress,
    IngressBackendSplit,
    IngressVisibility,
    ServerlessService,
)
from wakeful.apis.serving import Revision, register
from wakeful.client import Change
from wakeful.controller import Manager
from wakeful.controller.configmaps import ConfigStore
from wakeful.gateway.plan import (
    BackendKey,
    Certificate,
    Endpoint,
    IngressKey,
    RevisionBackend,
    RevisionKey,
    Route,
    ServiceBackend,
    ServiceKey,
    Visibility,
)
from wakeful.gateway.planner.backends import (
    Instance,
    Leavers,
    find_port,
    instance_of,
    instances_of,
    listed_of,
    make_revision_backend,
    make_service_backend,
)
from wakeful.gateway.planner.certificates import secret_fault
from wakeful.gateway.planner.tables import compile_table

_BY_BACKEND, _BY_LOCAL_HOST, _BY_PRIVATE, _BY_SERVICE, _BY_SECRET, _BY_REVISION = (
    "gateway:backend",
    "gateway:local-host",
    "gateway:private-service",
    "gateway:service",
    "gateway:secret",
    "gateway:revision",
)
_BY_REWRITING, _YES = "gateway:rewriting", "yes"


class Caches:
    """Read access to everything a plan depends on; a resolver for the table compiler."""

    def __init__(self, manager: Manager) -> None:
        self.ingresses = manager.informer(Ingress)
        self.networks = manager.informer(ServerlessService)
        self.revisions = manager.informer(Revision)
        self.services = manager.informer(Service)
        self.slices = manager.informer(EndpointSlice)
        self.pods = manager.informer(Pod)
        self.secrets = manager.informer(Secret)
        self.autoscaling = ConfigStore(
            manager.informer(ConfigMap), CONFIG_AUTOSCALER, parse_autoscaler
        )
        self.leavers = Leavers(self._is_deleting)
        self._announced: dict[str, Pod] = {}
        """Pods that were ready, or had an address, before the watch said so; by uid."""
        self._made: dict[RevisionKey, RevisionBackend] = {}
        """Backends that plans have: of thousands, few change from one to the next."""
        self._outdated: dict[RevisionKey, RevisionBackend] = {}
        """Those whose sources changed since."""
        self.ingresses.add_index(_BY_BACKEND, _services_of)
        self.ingresses.add_index(_BY_LOCAL_HOST, _local_hosts)
        self.ingresses.add_index(_BY_SECRET, _secrets_of)
        self.ingresses.add_index(_BY_REWRITING, lambda ingress: (_YES,) * _rewrites(ingress))
        self.networks.add_index(_BY_PRIVATE, _private_service)
        self.networks.add_handler(self._on_network)
        self.revisions.add_handler(self._on_revision)
        self.autoscaling.on_change(lambda _config: self._outdate_all())
        self.slices.add_index(_BY_SERVICE, _service_of_slice)
        self.pods.add_index(_BY_REVISION, _revision_of_pod)

    # --- who depends on what ------------------------------------------------------------------

    def ingresses_of_service(self, key: object) -> Iterable[Ingress]:
        """Ingresses that send to a Service (``namespace/name``), a revision's or a plain one."""
        return self.ingresses.by_index(_BY_BACKEND, str(key))

    def ingresses_of_secret(self, key: object) -> Iterable[Ingress]:
        """Ingresses that take their certificate from a Secret."""
        return self.ingresses.by_index(_BY_SECRET, str(key))

    def rewriters(self) -> Iterable[Ingress]:
        """Ingresses whose routes are those of another host."""
        return self.ingresses.by_index(_BY_REWRITING, _YES)

    def revisions_of_private_service(self, key: object) -> list[RevisionKey]:
        """The revisions whose instances are behind a private Service."""
        return [
            RevisionKey(network.metadata.namespace, network.metadata.name)
            for network in self.networks.by_index(_BY_PRIVATE, str(key))
        ]

    def revision_of_pod(self, pod: Pod) -> RevisionKey | None:
        """The revision a Pod says it belongs to."""
        name = pod.metadata.labels.get(register.REVISION)
        return RevisionKey(pod.metadata.namespace, name) if name else None

    def pods_of(self, key: RevisionKey) -> Iterable[Pod]:
        """The Pods that say they belong to a revision, as the watch has them."""
        return self.pods.by_index(_BY_REVISION, str(key))

    def announce(self, pod: Pod) -> bool:
        """Take a Pod's word for being ready until the watch has a newer version of it."""
        return instance_of(pod) is not None and self._believe(pod)

    def expect(self, pod: Pod) -> bool:
        """Take a Pod's word for where it is going to be, likewise."""
        return instance_of(pod) is None and self._believe(pod)

    def _believe(self, pod: Pod) -> bool:
        seen = self.pods.get(pod.metadata.name, pod.metadata.namespace)
        if seen is None or seen.metadata.uid != pod.metadata.uid:
            return False
        if listed_of(self._announced.get(pod.metadata.uid, seen)) == listed_of(pod):
            return False
        self._announced[pod.metadata.uid] = pod
        return True

    def take_back(self, seen: Pod) -> Pod | None:
        """Believe the watch again; returns what was announced of this Pod, if anything was."""
        return self._announced.pop(seen.metadata.uid, None)

    def private_service(self, key: RevisionKey) -> str:
        """The Service of a revision's instances; empty while there is none."""
        network = self.networks.get(key.name, key.namespace)
        return network.status.private_service_name if network is not None else ""

    # --- the role of a resolver ---------------------------------------------------------------

    def backend(self, namespace: str, split: IngressBackendSplit) -> BackendKey | None:
        """The revision or plain Service behind a name."""
        namespace = split.service_namespace or namespace
        if self.networks.get(split.service_name, namespace) is not None:
            return RevisionKey(namespace, split.service_name)
        service = self.services.get(split.service_name, namespace)
        if service is None or service.spec.type == "ExternalName":
            return None
        port = find_port(service, split.service_port)
        return ServiceKey(namespace, split.service_name, port.port) if port is not None else None

    def routes_of_host(self, host: str) -> tuple[Route, ...]:
        """The routes of a cluster-local host, compiled from the Ingress that has it."""
        for ingress in self.ingresses.by_index(_BY_LOCAL_HOST, host):
            if _rewrites(ingress):
                continue
            for rule in compile_table(ingress, self).rules:
                if host in rule.hosts:
                    return rule.routes
        return ()

    # --- parts of a plan ----------------------------------------------------------------------

    def revision_backend(self, key: RevisionKey) -> RevisionBackend | None:
        """A revision's limits, or None when nothing is known of it.

        One that was deleted keeps them: Envoy counts what is in flight anew for a changed cluster.
        """
        made = self._made.get(key)
        if made is not None:
            return made
        network = self.networks.get(key.name, key.namespace)
        if network is None:
            return None
        revision = self.revisions.get(key.name, key.namespace)
        burst = self.autoscaling.current().target_burst_capacity
        backend = make_revision_backend(network, revision, burst)
        before = self._outdated.pop(key, None)
        if before is not None and (revision is None or before == backend):
            backend = before  # the same object: whoever compares sees it at once
        self._made[key] = backend
        return backend

    def _on_network(self, change: Change[ServerlessService]) -> None:
        meta = change.object.metadata
        key = RevisionKey(meta.namespace, meta.name)
        self._outdate(key)
        if change.new is None:
            self._outdated.pop(key, None)

    def _on_revision(self, change: Change[Revision]) -> None:
        meta = change.object.metadata
        if change.new is not None:
            self._outdate(RevisionKey(meta.namespace, meta.name))

    def _outdate(self, key: RevisionKey) -> None:
        made = self._made.pop(key, None)
        if made is not None:
            self._outdated[key] = made

    def _outdate_all(self) -> None:
        self._outdated |= self._made
        self._made.clear()

    def service_backend(self, key: ServiceKey) -> ServiceBackend | None:
        """A plain Service, or None when there is none."""
        service = self.services.get(key.name, key.namespace)
        return make_service_backend(key, service) if service is not None else None

    def endpoints(self, key: BackendKey) -> list[Endpoint]:
        """The instances to program, those that are leaving included."""
        if isinstance(key, RevisionKey):
            return self.leavers.merge(key, self._instances(key))
        service = self.services.get(key.name, key.namespace)
        port = find_port(service, key.port) if service is not None else None
        if port is None:
            return []
        found = instances_of(self._slices_of(key.namespace, key.name), port.name)
        return [instance.endpoint for instance in found]

    def certificates(self, keys: Iterable[IngressKey]) -> Iterator[Certificate]:
        """Certificates that Ingresses name and that can be offered, each once."""
        seen: set[str] = set()
        for key in keys:
            ingress = self.ingresses.get(key.name, key.namespace)
            local = _local_hosts(ingress) if ingress is not None else set()
            for tls in ingress.spec.tls if ingress is not None else ():
                name = f"{tls.secret_namespace}/{tls.secret_name}"
                secret = self.secrets.get(tls.secret_name, tls.secret_namespace)
                if secret is None or name in seen:
                    continue
                seen.add(name)
                pem = secret.decoded()
                if not secret_fault(pem):
                    inside = not local.isdisjoint(tls.hosts)
                    side = Visibility.CLUSTER_LOCAL if inside else Visibility.EXTERNAL_IP
                    yield Certificate(name, pem["tls.crt"], pem["tls.key"], side)

    def tls_fault(self, ingress: Ingress) -> str:
        """Say which Secret of the Ingress gives no certificate, and why; empty when all do."""
        for tls in ingress.spec.tls:
            name = f'Secret "{tls.secret_namespace}/{tls.secret_name}"'
            secret = self.secrets.get(tls.secret_name, tls.secret_namespace)
            if secret is None:
                return f"{name} with the certificate does not exist."
            if fault := secret_fault(secret.decoded()):
                return f"{name} gives no certificate: {fault}."
        return ""

    def _instances(self, key: RevisionKey) -> list[Instance]:
        """Pods speak for themselves, a step before their slices do; slices for all others.

        Those of a revision that was deleted count until they are gone, too; those of a namesake
        that was there before do not.
        """
        revision = self.revisions.get(key.name, key.namespace)
        pods = {
            pod.metadata.name: self._announced.get(pod.metadata.uid, pod)
            for pod in self.pods_of(key)
            if revision is None
            or pod.metadata.labels.get(register.REVISION_UID) == revision.metadata.uid
        }
        found = [instance for pod in pods.values() if (instance := listed_of(pod)) is not None]
        private = self.private_service(key)
        slices = self._slices_of(key.namespace, private) if private else ()
        return found + [one for one in instances_of(slices) if one.pod not in pods]

    def _slices_of(self, namespace: str, service: str) -> Iterable[EndpointSlice]:
        return self.slices.by_index(_BY_SERVICE, f"{namespace}/{service}")

    def _is_deleting(self, namespace: str, pod: str) -> bool:
        found = self.pods.get(pod, namespace)
        return found is not None and found.is_deleting


def _rewrites(ingress: Ingress) -> bool:
    return any(
        path.rewrite_host or any(split.rewrite_host for split in path.splits)
        for rule in ingress.spec.rules
        if rule.http is not None
        for path in rule.http.paths
    )


def _services_of(ingress: Ingress) -> set[str]:
    return {
        f"{split.service_namespace or ingress.metadata.namespace}/{split.service_name}"
        for rule in ingress.spec.rules
        if rule.http is not None
        for path in rule.http.paths
        for split in path.splits
    }


def _local_hosts(ingress: Ingress) -> set[str]:
    return {
        host
        for rule in ingress.spec.rules
        if rule.visibility == IngressVisibility.CLUSTER_LOCAL
        for host in rule.hosts
    }


def _secrets_of(ingress: Ingress) -> set[str]:
    return {f"{tls.secret_namespace}/{tls.secret_name}" for tls in ingress.spec.tls}


def _private_service(network: ServerlessService) -> tuple[str, ...]:
    name = network.status.private_service_name
    return (f"{network.metadata.namespace}/{name}",) if name else ()


def _service_of_slice(piece: EndpointSlice) -> tuple[str, ...]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return (f"{piece.metadata.namespace}/{name}",) if name else ()


def _revision_of_pod(pod: Pod) -> tuple[str, ...]:
    name = pod.metadata.labels.get(register.REVISION)
    return (f"{pod.metadata.namespace}/{name}",) if name else ()
