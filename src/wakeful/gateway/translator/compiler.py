"""From plan to plan: which of Envoy's resources change.

Keeps what was compiled last; whatever is the same object or equal is not looked at again, so that
one changed endpoint among thousands of revisions costs one small message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    Touched,
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
    Manner,
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
from wakeful.gateway.translator.routes import HostConflict, RouteOptions, resolve_conflicts
from wakeful.gateway.translator.scopes import SIDES, make_scopes
from wakeful.gateway.translator.serviceports import (
    make_node_listener,
    make_service_listener,
    node_listener_name,
)
from wakeful.gateway.translator.tracing import make_collector_cluster
from wakeful.gateway.xds.resources import Changes, Resource, ResourceType, make_resource

Resources = dict[ResourceType, dict[str, Resource]]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A table and the scopes it became, by name."""

    table: RouteTable
    backends: frozenset[BackendKey]
    scopes: dict[str, Resource]


_TLS_LISTENERS = {Visibility.EXTERNAL_IP: PUBLIC_TLS, Visibility.CLUSTER_LOCAL: INTERNAL_TLS}


def _resource(message: Message) -> Resource:
    return make_resource(any_of(message))


class PlanCompiler:
    """Turns plans into changes of resources. Knows nothing of who is connected."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._options = RouteOptions(settings.cold_start_margin_seconds, settings.https_port)
        self._plan: Plan | None = None
        self._backends: dict[BackendKey, RevisionBackend | ServiceBackend] = {}
        self._endpoints: dict[BackendKey, tuple[Endpoint, ...]] = {}
        self._clusters: dict[BackendKey, dict[str, Resource]] = {}
        self._tables: dict[IngressKey, _Compiled] = {}
        self._users: defaultdict[BackendKey, set[IngressKey]] = defaultdict(set)
        """Tables whose routes depend on a backend."""
        self._asterisks: dict[IngressKey, frozenset[tuple[str, str]]] = {}
        """Sides and hosts with an asterisk, of the few tables that have such."""
        self._manner: Manner | None = None
        """Of the entrances, as compiled last."""
        self._claims = HostClaims()
        self._conflicts: list[HostConflict] = []

    @property
    def conflicts(self) -> list[HostConflict]:
        """Hosts that more than one Ingress of the last plan wanted."""
        return self._conflicts

    def compile(self, plan: Plan) -> Changes:
        """Return what has to change so that Envoy does what ``plan`` says.

        Looks only at what the plan says is touched.
        """
        previous, self._plan = self._plan, plan
        touched = plan.touched if previous is not None else None
        if touched is None:
            backends = self._backends.keys() | plan.revisions.keys() | plan.services.keys()
            touched = Touched(
                frozenset(self._tables.keys() | plan.tables.keys()), frozenset(backends)
            )
        put: Resources = {kind: {} for kind in ResourceType}
        remove: dict[ResourceType, set[str]] = {kind: set() for kind in ResourceType}
        changed = self._compile_backends(plan, touched.backends, put, remove)
        self._compile_tables(plan, touched.tables, changed, put, remove)
        before, manner = self._manner, self._make_manner(plan)
        self._manner = manner
        self._compile_certificates(plan, previous, put, remove, renew=manner != before)
        self._compile_addresses(plan, previous, put, remove)
        self._compile_node_ports(plan, previous, put, remove)
        self._compile_tracing(plan, previous, put, remove)
        if before is None or before.of_gate != manner.of_gate:
            put[ResourceType.LISTENER][GATE] = _resource(make_gate_listener(manner))
        if manner != before:
            put[ResourceType.LISTENER] |= {
                PUBLIC: _resource(make_public_listener(self._settings, manner)),
                INTERNAL: _resource(make_internal_listener(self._settings, manner)),
            }
        return Changes(
            {kind: resources for kind, resources in put.items() if resources},
            {kind: frozenset(names) for kind, names in remove.items() if names},
        )

    def compile_endpoints(self, key: BackendKey, endpoints: Iterable[Endpoint]) -> Changes:
        """Return what has to change when a backend's instances do; nothing for an unknown one."""
        instances = tuple(sorted(endpoints))
        known = self._endpoints.get(key, ())
        if known == instances and [e.pod for e in known] == [e.pod for e in instances]:
            return Changes()
        if instances:
            self._endpoints[key] = instances
        else:
            self._endpoints.pop(key, None)
        backend = self._backends.get(key)
        if backend is None:
            return Changes()
        return Changes({ResourceType.ENDPOINTS: self._make_endpoints(backend)})

    def endpoints(self, key: BackendKey) -> tuple[Endpoint, ...]:
        """The instances last given."""
        return self._endpoints.get(key, ())

    def awake(self) -> list[RevisionKey]:
        """Revisions of the plan that have instances."""
        return [
            key
            for key, endpoints in self._endpoints.items()
            if endpoints and isinstance(key, RevisionKey) and key in self._backends
        ]

    def _compile_backends(
        self,
        plan: Plan,
        touched: Iterable[BackendKey],
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> set[BackendKey]:
        """Compile clusters; return the backends that came, went or changed."""
        differ: set[BackendKey] = set()
        for key in touched:
            before, backend = self._backends.get(key), plan.backend(key)
            if before is backend or before == backend:
                continue
            differ.add(key)
            if backend is None:
                del self._backends[key]
                names = self._clusters.pop(key).keys()
                remove[ResourceType.CLUSTER] |= names
                remove[ResourceType.ENDPOINTS] |= names
                continue
            self._backends[key] = backend
            clusters = self._make_clusters(backend)
            known = self._clusters.get(key, {})
            self._clusters[key] = clusters
            changed = {name: c for name, c in clusters.items() if known.get(name) != c}
            put[ResourceType.CLUSTER] |= changed
            if changed or _gated(before) != _gated(backend):
                put[ResourceType.ENDPOINTS] |= self._make_endpoints(backend)
        return differ

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
        *,
        renew: bool,
    ) -> None:
        """Compile secrets, and the TLS listeners that offer them; all of those to ``renew``."""
        if previous is not None and previous.certificates == plan.certificates and not renew:
            return
        old = {c.name: c for c in previous.certificates} if previous is not None else {}
        new = {c.name: c for c in plan.certificates}
        put[ResourceType.SECRET] = {
            name: _resource(make_secret(certificate))
            for name, certificate in new.items()
            if old.get(name) != certificate
        }
        remove[ResourceType.SECRET] = set(old.keys() - new.keys())
        for side, name in _TLS_LISTENERS.items():
            offered = [c for c in plan.certificates if c.visibility is side]
            before = {c.name for c in old.values() if c.visibility is side}
            if before == {c.name for c in offered} and not renew:
                continue
            if not offered:
                if before:
                    remove[ResourceType.LISTENER].add(name)
                continue
            listener = make_tls_listener(self._settings, side, offered, self._manner or Manner())
            if listener is not None:
                put[ResourceType.LISTENER][name] = _resource(listener)

    @staticmethod
    def _compile_tracing(
        plan: Plan,
        previous: Plan | None,
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> None:
        """Compile whom spans go to."""
        if previous is not None and previous.tracing == plan.tracing:
            return
        before = previous.tracing if previous is not None else None
        old = make_collector_cluster(before) if before is not None else None
        new = make_collector_cluster(plan.tracing) if plan.tracing is not None else None
        if new is not None:
            put[ResourceType.CLUSTER][new.name] = _resource(new)
        if old is not None and (new is None or new.name != old.name):
            remove[ResourceType.CLUSTER].add(old.name)

    @staticmethod
    def _compile_addresses(
        plan: Plan,
        previous: Plan | None,
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> None:
        old = previous.addresses if previous is not None else {}
        if old is plan.addresses:
            return
        for key, address in plan.addresses.items():
            if old.get(key) != address:
                listener = make_service_listener(key, address)
                put[ResourceType.LISTENER][listener.name] = _resource(listener)
        gone = old.keys() - plan.addresses.keys()
        remove[ResourceType.LISTENER] |= {cluster_name(key) for key in gone}

    def _compile_node_ports(
        self,
        plan: Plan,
        previous: Plan | None,
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> None:
        old = previous.node_ports if previous is not None else {}
        if old is plan.node_ports:
            return
        for key, port in plan.node_ports.items():
            if old.get(key) != port:
                listener = make_node_listener(key, self._settings.http_addresses, port)
                put[ResourceType.LISTENER][listener.name] = _resource(listener)
        gone = old.keys() - plan.node_ports.keys()
        remove[ResourceType.LISTENER] |= {node_listener_name(key) for key in gone}

    def _compile_tables(
        self,
        plan: Plan,
        touched: frozenset[IngressKey],
        changed: Iterable[BackendKey],
        put: Resources,
        remove: dict[ResourceType, set[str]],
    ) -> None:
        """Compile the tables that are touched or lead to ``changed``."""
        tables, keys = self._resolve(plan.tables, touched)
        dependent = {key for backend in changed for key in self._users.get(backend, ())}
        scopes = put[ResourceType.SCOPE]
        gone: set[str] = set()
        for key in sorted(keys | dependent):
            known, table = self._tables.get(key), tables.get(key)
            same = known is not None and (known.table is table or known.table == table)
            if same and key not in dependent:
                continue
            before = known.scopes if known is not None else {}
            after = self._make_scopes(table, plan) if table is not None else {}
            scopes |= {name: scope for name, scope in after.items() if before.get(name) != scope}
            gone |= before.keys() - after.keys()
            self._remember(key, table, after)
        # A host may have gone to another table.
        remove[ResourceType.SCOPE] = gone - scopes.keys()

    def _resolve(
        self, tables: Mapping[IngressKey, RouteTable], touched: frozenset[IngressKey]
    ) -> tuple[Mapping[IngressKey, RouteTable], set[IngressKey]]:
        """Settle disputes; return the tables, and the keys of those that may have changed."""
        disputed = not self._claims.settled
        self._claims.renew(tables, touched)
        if self._claims.settled:
            self._conflicts = []
            return tables, set(tables.keys() | touched if disputed else touched)
        kept, self._conflicts = resolve_conflicts(tables.values())
        return kept, set(kept.keys() | touched)

    def _make_scopes(self, table: RouteTable, plan: Plan) -> dict[str, Resource]:
        made = make_scopes(table, plan.revisions, self._options)
        return {name: make_resource(body) for name, body in made.items()}

    def _remember(
        self, key: IngressKey, table: RouteTable | None, scopes: dict[str, Resource]
    ) -> None:
        known = self._tables.pop(key, None)
        for backend in known.backends if known is not None else ():
            self._users[backend].discard(key)
            if not self._users[backend]:
                del self._users[backend]
        self._asterisks.pop(key, None)
        if table is None:
            return
        self._tables[key] = _Compiled(table, table.backends(), scopes)
        for backend in self._tables[key].backends:
            self._users[backend].add(key)
        self._note_asterisks(key, table)

    def _note_asterisks(self, key: IngressKey, table: RouteTable) -> None:
        hosts = {
            (SIDES[rule.visibility], host)
            for rule in table.rules
            for host in rule.hosts
            if "*" in host
        }
        if hosts:
            self._asterisks[key] = frozenset(hosts)

    def _make_manner(self, plan: Plan) -> Manner:
        return Manner(plan.request_log, plan.tracing, plan.request_stats, self._wildcards())

    def _wildcards(self) -> dict[str, frozenset[str]]:
        hosts = set[tuple[str, str]]().union(*self._asterisks.values())
        return {
            side: frozenset(host for where, host in hosts if where == side)
            for side in SIDES.values()
        }


def _gated(backend: RevisionBackend | ServiceBackend | None) -> bool:
    return isinstance(backend, RevisionBackend) and backend.gated
