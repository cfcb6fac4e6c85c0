"""From plan to plan: which of Envoy's resources change.

Keeps what was compiled last; whatever is the same object or equal is not looked at again, so that
one changed endpoint among thousands of revisions costs one small message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.message import Message

from wakeful.gateway.plan import (
    BackendKey,
    Endpoint,
    IngressKey,
    Plan,
    RevisionBackend,
    RevisionKey,
    RouteTable,
    ServiceBackend,
    Visibility,
)
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.translator._proto import any_of
from wakeful.gateway.translator.claims import HostClaims
from wakeful.gateway.translator.clusters import (
    make_revision_cluster,
    make_service_cluster,
)
from wakeful.gateway.translator.endpoints import (
    make_revision_endpoints,
    make_service_endpoints,
)
from wakeful.gateway.translator.listeners import (
    make_gate_listener,
    make_internal_listener,
    make_public_listener,
    make_secret,
    make_tls_listener,
)
from wakeful.gateway.translator.names import (
    GATE,
    INTERNAL,
    INTERNAL_TLS,
    PUBLIC,
    PUBLIC_TLS,
    cluster_name,
)
from wakeful.gateway.translator.routes import (
    HostConflict,
    RouteOptions,
    make_route_configuration,
    make_virtual_hosts,
)
from wakeful.gateway.translator.serviceports import make_service_listener
from wakeful.gateway.xds.resources import Changes, Resource, ResourceType, make_resource

Resources = dict[ResourceType, dict[str, Resource]]


@dataclass(frozen=True, slots=True)
class _Hosts:
    """The virtual hosts of a table, serialised, by route configuration."""

    table: RouteTable
    backends: frozenset[BackendKey]
    chunks: dict[str, bytes]


_TLS_LISTENERS = {Visibility.EXTERNAL_IP: PUBLIC_TLS, Visibility.CLUSTER_LOCAL: INTERNAL_TLS}


def _resource(message: Message) -> Resource:
    return make_resource(any_of(message))


class PlanCompiler:
    """Turns plans into changes of resources. Knows nothing of who is connected."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._options = RouteOptions(settings.cold_start_margin_seconds, settings.https_port)
        self._plan: Plan | None = None
        self._endpoints: dict[BackendKey, tuple[Endpoint, ...]] = {}
        self._clusters: dict[BackendKey, dict[str, Resource]] = {}
        self._hosts: dict[IngressKey, _Hosts] = {}
        self._claims = HostClaims()
        self._conflicts: list[HostConflict] = []

    @property
    def conflicts(self) -> list[HostConflict]:
        """Hosts that more than one Ingress of the last plan wanted."""
        return self._conflicts

    def compile(self, plan: Plan) -> Changes:
        """Return what has to change so that Envoy does what ``plan`` says."""
        previous, self._plan = self._plan, plan
        put: Resources = {kind: {} for kind in ResourceType}
        remove: dict[ResourceType, set[str]] = {kind: set() for kind in ResourceType}
        touched = self._compile_backends(plan, previous, put, remove)
        self._compile_certificates(plan, previous, put, remove)
        self._compile_addresses(plan, previous, put, remove)
        if previous is None:
            put[ResourceType.LISTENER][GATE] = _resource(make_gate_listener())
        if previous is None or previous.request_log != plan.request_log:
            log = plan.request_log
            put[ResourceType.LISTENER] |= {
                PUBLIC: _resource(make_public_listener(self._settings, log)),
                INTERNAL: _resource(make_internal_listener(self._settings, log)),
            }
        if self._compile_hosts(plan, touched) or previous is None:
            for name in (PUBLIC, INTERNAL):
                chunks = [hosts.chunks[name] for hosts in self._hosts.values()]
                put[ResourceType.ROUTES][name] = make_resource(
                    make_route_configuration(name, chunks)
                )
        return Changes(
            {kind: resources for kind, resources in put.items() if resources},
            {kind: frozenset(names) for kind, names in remove.items() if names},
        )

    def compile_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> Changes:
        """Return what has to change when a backend's instances do; nothing for an unknown one."""
        instances = tuple(sorted(endpoints))
        if self._endpoints.get(key, ()) == instances:
            return Changes()
        if instances:
            self._endpoints[key] = instances
        else:
            self._endpoints.pop(key, None)
        backend = self._backend(key)
        if backend is None:
            return Changes()
        return Changes({ResourceType.ENDPOINTS: self._make_endpoints(backend)})

    def endpoints(self, key: BackendKey) -> tuple[Endpoint, ...]:
        """The instances last given."""
        return self._endpoints.get(key, ())

    def awake(self) -> list[RevisionKey]:
        """Revisions of the plan that have instances."""
        if self._plan is None:
            return []
        revisions = self._plan.revisions
        return [
            key
            for key, endpoints in self._endpoints.items()
            if endpoints and isinstance(key, RevisionKey) and key in revisions
        ]

    def _backend(self, key: BackendKey) -> RevisionBackend | ServiceBackend | None:
        if self._plan is None:
            return None
        if isinstance(key, RevisionKey):
            return self._plan.revisions.get(key)
        return self._plan.services.get(key)

    def _compile_backends(
        self,
        plan: Plan,
        previous: Plan | None,
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> set[BackendKey]:
        """Compile clusters; return the backends that came, went or changed."""
        old = _backends(previous) if previous is not None else {}
        new = _backends(plan)
        touched = set(old.keys() ^ new.keys())
        for key, backend in new.items():
            before = old.get(key)
            if before is backend or before == backend:
                continue
            touched.add(key)
            clusters = self._make_clusters(backend)
            known = self._clusters.get(key, {})
            self._clusters[key] = clusters
            changed = {name: c for name, c in clusters.items() if known.get(name) != c}
            put[ResourceType.CLUSTER] |= changed
            if changed or _gated(before) != _gated(backend):
                put[ResourceType.ENDPOINTS] |= self._make_endpoints(backend)
        for key in old.keys() - new.keys():
            names = self._clusters.pop(key, {}).keys()
            remove[ResourceType.CLUSTER] |= names
            remove[ResourceType.ENDPOINTS] |= names
        return touched

    def _make_clusters(self, backend: RevisionBackend | ServiceBackend) -> dict[str, Resource]:
        if isinstance(backend, ServiceBackend):
            cluster = make_service_cluster(backend)
        else:
            cluster = make_revision_cluster(backend)
        return {cluster.name: _resource(cluster)}

    def _make_endpoints(self, backend: RevisionBackend | ServiceBackend) -> dict[str, Resource]:
        endpoints = self._endpoints.get(backend.key, ())
        if isinstance(backend, ServiceBackend):
            assignment = make_service_endpoints(backend, endpoints)
        else:
            assignment = make_revision_endpoints(backend, endpoints)
        # A cluster that changed waits for its endpoints; the salt makes them new then.
        name = assignment.cluster_name
        salt = self._clusters[backend.key][name].version
        return {name: make_resource(any_of(assignment), salt=salt)}

    def _compile_certificates(
        self,
        plan: Plan,
        previous: Plan | None,
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> None:
        old = {c.name: c for c in previous.certificates} if previous is not None else {}
        new = {c.name: c for c in plan.certificates}
        put[ResourceType.SECRET] = {
            name: _resource(make_secret(certificate))
            for name, certificate in new.items()
            if old.get(name) != certificate
        }
        remove[ResourceType.SECRET] = set(old.keys() - new.keys())
        same_log = previous is not None and previous.request_log == plan.request_log
        for side, name in _TLS_LISTENERS.items():
            offered = [c for c in plan.certificates if c.visibility is side]
            before = {c.name for c in old.values() if c.visibility is side}
            if before == {c.name for c in offered} and same_log:
                continue
            if not offered:
                if before:
                    remove[ResourceType.LISTENER].add(name)
                continue
            listener = make_tls_listener(self._settings, side, offered, plan.request_log)
            if listener is not None:
                put[ResourceType.LISTENER][name] = _resource(listener)

    @staticmethod
    def _compile_addresses(
        plan: Plan,
        previous: Plan | None,
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> None:
        old = previous.addresses if previous is not None else {}
        for key, address in plan.addresses.items():
            if old.get(key) != address:
                listener = make_service_listener(key, address)
                put[ResourceType.LISTENER][listener.name] = _resource(listener)
        gone = old.keys() - plan.addresses.keys()
        remove[ResourceType.LISTENER] |= {cluster_name(key) for key in gone}

    def _compile_hosts(self, plan: Plan, touched: set[BackendKey]) -> bool:
        """Serialise the tables that changed or lead to ``touched``; tell whether any did."""
        tables, self._conflicts = self._claims.resolve(plan.tables)
        gone = self._hosts.keys() - tables.keys()
        for key in gone:
            del self._hosts[key]
        changed = bool(gone)
        for key, table in tables.items():
            known = self._hosts.get(key)
            if known is not None:
                same = known.table is table or known.table == table
                if same and touched.isdisjoint(known.backends):
                    continue
            chunks = make_virtual_hosts(table, plan.revisions, self._options)
            changed = changed or known is None or known.chunks != chunks
            self._hosts[key] = _Hosts(table, _backends_of(table), chunks)
        return changed


def _backends_of(table: RouteTable) -> frozenset[BackendKey]:
    """Everything outside the table that its routes depend on."""
    return frozenset(
        split.backend for rule in table.rules for route in rule.routes for split in route.splits
    )


def _backends(plan: Plan) -> dict[BackendKey, RevisionBackend | ServiceBackend]:
    return dict([*plan.revisions.items(), *plan.services.items()])


def _gated(backend: RevisionBackend | ServiceBackend | None) -> bool:
    return isinstance(backend, RevisionBackend) and backend.gated
