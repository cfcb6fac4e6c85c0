"""What the data plane shall do, as plain values: the compiled form of Ingresses and endpoints.

Controllers build a plan, the translator turns it into Envoy's resources, the gate reads it to
know limits and deadlines. Nothing here knows where it came from or what it becomes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from wakeful.apis.serving.config.collectors import CollectorAddress
from wakeful.apis.serving.config.requestlog import LogPart

_NEWEST = datetime.max.replace(tzinfo=UTC)


class WireProtocol(StrEnum):
    """How an instance wants to be spoken to."""

    HTTP1 = "http1"
    H2C = "h2c"


class Visibility(StrEnum):
    """Which listeners serve a host; the values are the Ingress's own."""

    EXTERNAL_IP = "ExternalIP"
    CLUSTER_LOCAL = "ClusterLocal"


@dataclass(frozen=True, slots=True, order=True)
class RevisionKey:
    """Names one revision; its text form is also its cluster's name in Envoy."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class ServiceKey:
    """Names one port of a Kubernetes Service that is no revision: reached without the gate."""

    namespace: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"svc/{self.namespace}/{self.name}/{self.port}"


@dataclass(frozen=True, slots=True, order=True)
class IngressKey:
    """Names the Ingress that a set of hosts came from."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One instance's address; a draining one finishes what it has and gets nothing new."""

    address: str
    port: int
    draining: bool = False
    pod: str = field(default="", compare=False)
    """Name of the Pod, where it is known; only for logs."""

    def __str__(self) -> str:
        if ":" in self.address:
            return f"[{self.address}]:{self.port}"
        return f"{self.address}:{self.port}"


class GatePlace(StrEnum):
    """Where the gate stands while instances are ready and no hard limit needs it."""

    BEHIND = "behind"
    """Behind them, for good; it sees a request only when nobody is ready."""
    OUT = "out"
    """Behind them at present; it may be put in the path."""
    IN_PATH = "in-path"
    """Every request passes it."""


@dataclass(frozen=True, slots=True)
class RevisionBackend:
    """A revision as the data plane sees it. Times are seconds; 0 means no limit."""

    key: RevisionKey
    protocol: WireProtocol = WireProtocol.HTTP1
    container_concurrency: int = 0
    timeout_seconds: float = 300.0
    response_start_timeout_seconds: float = 0.0
    idle_timeout_seconds: float = 0.0
    service: str = ""
    """Name of the Service it was made for, and of its Configuration; both only for logs."""
    configuration: str = ""
    gate: GatePlace = GatePlace.BEHIND

    @property
    def limited(self) -> bool:
        """Each instance has so many slots; all requests queue for them at the gate."""
        return self.container_concurrency > 0

    @property
    def gated(self) -> bool:
        """Every request passes the gate, not only those that find nobody ready."""
        return self.limited or self.gate is GatePlace.IN_PATH

    @property
    def picked(self) -> bool:
        """The gate names the instance for each request that it lets go."""
        return self.limited or self.gate is not GatePlace.BEHIND


@dataclass(frozen=True, slots=True)
class ServiceBackend:
    """A plain Service: always there, no gate, no hold."""

    key: ServiceKey
    protocol: WireProtocol = WireProtocol.HTTP1


BackendKey = RevisionKey | ServiceKey
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Split:
    """A share of a route's requests, in relation to the others."""

    backend: BackendKey
    percent: int = 100
    rewrite_host: str = ""
    append_headers: tuple[Header, ...] = ()


class PathMatch(StrEnum):
    """How a path is compared."""

    CHARACTERS = "characters"
    """A prefix, wherever it ends; what Knative's Ingress means."""
    SEGMENTS = "segments"
    """A prefix that ends where a segment does."""
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Route:
    """What to do with requests of a path that carry all the headers, exactly."""

    splits: tuple[Split, ...]
    path: str = "/"
    path_match: PathMatch = PathMatch.CHARACTERS
    rewrite_path: str = ""
    headers: tuple[Header, ...] = ()
    rewrite_host: str = ""
    append_headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRule:
    """Hosts of one visibility and their routes."""

    hosts: tuple[str, ...]
    routes: tuple[Route, ...]
    visibility: Visibility = Visibility.EXTERNAL_IP
    redirect_to_https: bool = False


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Everything one Ingress asks for.

    A probe of any of its hosts is answered with both marks once Envoy serves exactly this table.
    ``version`` is of all that is served, also of what the Ingress leaves to others;
    ``probe_hash`` is of the Ingress alone, as Knative's own probers reckon it.
    """

    key: IngressKey
    rules: tuple[HostRule, ...]
    version: str
    probe_hash: str = ""
    since: datetime = _NEWEST
    """When the Ingress was made: the oldest keeps a host that others want too."""

    @classmethod
    def of(
        cls,
        key: IngressKey,
        rules: tuple[HostRule, ...],
        probe_hash: str = "",
        since: datetime | None = None,
    ) -> RouteTable:
        """Make a table whose version is its content's hash, the same after every restart."""
        content = repr((key, rules, probe_hash)).encode()
        version = hashlib.sha256(content).hexdigest()
        return cls(key, rules, version, probe_hash, since or _NEWEST)

    def backends(self) -> frozenset[BackendKey]:
        """Everything it sends requests to."""
        return frozenset(
            split.backend for rule in self.rules for route in rule.routes for split in route.splits
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM chain and key an HTTPS listener offers; Envoy picks by the names inside."""

    name: str
    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    visibility: Visibility = Visibility.EXTERNAL_IP
    """Which listener: the one for hosts seen from outside, or that of cluster-local ones."""


@dataclass(frozen=True, slots=True)
class RequestLog:
    """What a line for each request says, and whether probes count."""

    template: tuple[LogPart, ...]
    probes: bool = False


class SpanFormat(StrEnum):
    """How spans are written."""

    OTLP_GRPC = "otlp-grpc"
    OTLP_HTTP = "otlp-http"
    ZIPKIN = "zipkin"
    """Version 2, as JSON."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where Envoy sends the spans of requests."""

    format: SpanFormat
    sampling_rate: float
    """The share, above 0 up to 1, of requests that come without a decision of their own."""
    collector: CollectorAddress | None = None
    """None: this control plane, which writes them down."""
    address: str = ""
    """The collector's IP address, where it is known that its name does not lead there by DNS."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What may differ from the plan before; of thousands, few change from one to the next."""

    tables: frozenset[IngressKey] = frozenset()
    backends: frozenset[BackendKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole data plane at one moment, except for the endpoints, which change on their own.

    The mappings must not change before the plan was published.
    """

    tables: Mapping[IngressKey, RouteTable] = field(default_factory=dict)
    revisions: Mapping[RevisionKey, RevisionBackend] = field(default_factory=dict)
    services: Mapping[ServiceKey, ServiceBackend] = field(default_factory=dict)
    addresses: Mapping[ServiceKey, str] = field(default_factory=dict)
    """Services that are also reached at an address of their own, whatever is spoken there."""
    node_ports: Mapping[ServiceKey, int] = field(default_factory=dict)
    """Services that are also reached at a port of this node."""
    certificates: tuple[Certificate, ...] = ()
    request_log: RequestLog | None = None
    tracing: Tracing | None = None
    request_stats: bool = False
    """Whether Envoy counts requests and measures them, by revision and status."""
    touched: Touched | None = None
    """None: anything may differ."""

    def backend(self, key: BackendKey) -> RevisionBackend | ServiceBackend | None:
        """What a key stands for."""
        return self.revisions.get(key) if isinstance(key, RevisionKey) else self.services.get(key)
