"""Builds every object of the control plane and connects them; nothing else knows them all."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import psutil

from wakeful.aio import Component
from wakeful.apimachinery.request import AUTHENTICATED, SYSTEM_MASTERS, UserInfo
from wakeful.apis import make_scheme
from wakeful.apis.apiextensions import CustomResourceDefinition, without_schemas
from wakeful.apis.serving.config.requestlog import LOG_NAME
from wakeful.apiserver.admission import AdmissionHook
from wakeful.apiserver.auth import default_policy
from wakeful.apiserver.transport import InProcessTransport
from wakeful.autoscaler import ExplainReport
from wakeful.client import Client, Listing
from wakeful.cmd.addresses import Addresses
from wakeful.cmd.apiserving import ApiServing
from wakeful.cmd.entrance import ApiEntrance, ApiReady
from wakeful.cmd.envoy import ProcdEnvoyRunner
from wakeful.cmd.eventing import make_eventing
from wakeful.cmd.eventingobjects import eventing_objects
from wakeful.cmd.eventrepair import make_events_api
from wakeful.cmd.figures import Figures
from wakeful.cmd.firstobjects import (
    api_endpoints,
    config_maps,
    ensure_domain,
    ensure_objects,
    namespaces,
    services,
    trust_bundle,
)
from wakeful.cmd.ingressclasses import ServedIngresses
from wakeful.cmd.inside import PORT as INSIDE_PORT
from wakeful.cmd.inside import gateway_address, internal_ports, make_names
from wakeful.cmd.kafkachannels import add_kafka_channels
from wakeful.cmd.loglevels import follow_log_levels
from wakeful.cmd.longlived import LongLived
from wakeful.cmd.pipelines import add_pipelines, pipeline_objects
from wakeful.cmd.runtimes import make_runtime
from wakeful.cmd.sinks import add_sinks
from wakeful.cmd.sources import add_sources, source_config_maps
from wakeful.cmd.triggers import add_triggers, trigger_objects
from wakeful.config import RuntimeName, Settings, StandInMode
from wakeful.controller import Manager
from wakeful.eventing.clusternames import ClusterNames
from wakeful.eventing.delivery import Sender, open_sender
from wakeful.eventing.samples.images import SAMPLES
from wakeful.eventing.transform.images import TRANSFORMS
from wakeful.gateway.component import GatewayComponent, GatewayReady
from wakeful.gateway.planner import Planner
from wakeful.gateway.settings import GatewayPaths, GatewaySettings
from wakeful.gateway.thread import GatewayThread
from wakeful.gateway.translator.names import INTERNAL
from wakeful.node import NodeAgent, NodeContext, NodeIdentity, PodConnector, UsageMeter
from wakeful.node.dns import NameServer
from wakeful.node.runtime import Runtime
from wakeful.node.serviceaddresses import ServiceAddresses
from wakeful.oci.builtin import USUAL, Catalog, StandIns
from wakeful.oci.kaniko.entrance import BuilderEntrance
from wakeful.oci.layout import LayoutStore
from wakeful.oci.provider import StoreProvider
from wakeful.oci.registry import open_registry
from wakeful.oci.resolver import DigestResolver
from wakeful.oci.transfer import Puller
from wakeful.pki import load_or_create_authority
from wakeful.procd.client import ProcdClient
from wakeful.reconciler.apps.controllers import add_apps_controllers
from wakeful.reconciler.autoscaling import (
    Autoscaling,
    Parking,
    add_horizontal_controller,
    add_hpa_controller,
    add_kpa_controller,
    add_metric_controller,
)
from wakeful.reconciler.batch import add_batch_controllers
from wakeful.reconciler.core import CoreAdmission, add_core_controllers
from wakeful.reconciler.eventing.configs import admit_eventing_config_maps
from wakeful.reconciler.eventing.crossnamespace import CrossNamespaceAdmission
from wakeful.reconciler.networking import (
    add_certificate_controller,
    add_ingress_controller,
    add_serverlessservice_controller,
)
from wakeful.reconciler.pipeline.config_admission import admit_pipeline_config_maps
from wakeful.reconciler.pipeline.resolution import add_resolution_controller
from wakeful.reconciler.serving import (
    GatewayAddress,
    add_controllers,
    admit_config_maps,
    admit_dry_runs,
)
from wakeful.reconciler.sources import BindingAdmission
from wakeful.storage import SQLiteStore

_PAGE = 50
"""Objects that informers read at a time, which takes about ten milliseconds of the loop."""

_CONTROLLERS = UserInfo("system:wakeful-controllers", (SYSTEM_MASTERS, AUTHENTICATED))


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What the process runs, in the order in which it starts."""

    components: Sequence[Component]
    announce: Callable[[], None]
    """Write where we answer, for the other commands."""
    end_instances: Callable[[], None]
    """Have the node end its instances when it drains."""


@dataclass(frozen=True, slots=True)
class _Decisions:
    """The controllers and what others hold on to of them."""

    manager: Manager
    gateway: GatewayThread
    planner: Planner
    autoscaling: Autoscaling


@dataclass(frozen=True, slots=True)
class _Admission:
    """The hooks that have to be told something once the controllers are there."""

    core: CoreAdmission
    bindings: BindingAdmission
    parking: Parking
    links: CrossNamespaceAdmission

    @classmethod
    def of(cls, settings: Settings) -> _Admission:
        core = CoreAdmission(settings.service_cidr)
        return cls(core, BindingAdmission(), Parking(), CrossNamespaceAdmission())

    def hooks(self) -> tuple[AdmissionHook, ...]:
        """All hooks, in the order in which they see a write."""
        return (
            *self.core.hooks(),
            self.bindings,
            self.parking,
            self.links,
            admit_config_maps,
            admit_eventing_config_maps,
            admit_pipeline_config_maps,
            admit_dry_runs,
        )


async def build(settings: Settings, stack: AsyncExitStack) -> ControlPlane:
    """Make everything; ``stack`` owns what has to be closed."""
    settings.layout.create()
    store = SQLiteStore(settings.layout.database)
    stack.callback(store.close)
    procd = await stack.enter_async_context(await ProcdClient.connect(settings.layout.run))
    images = LayoutStore(settings.layout.images)
    registry = await stack.enter_async_context(open_registry())
    admission = _Admission.of(settings)
    api = ApiServing(settings, make_scheme(), store, admission.hooks())
    admission.links.authorizer = api.authorizer
    transport = InProcessTransport(api.server, _CONTROLLERS)
    await _ensure_first_objects(settings, transport)

    # They are images for this machine's root file system, which only sandboxes show.
    sandboxed = settings.runtime is RuntimeName.SANDBOX
    stand_ins = StandIns(
        Catalog.of(USUAL, SAMPLES, TRANSFORMS),
        images,
        registry,
        mode=settings.stand_ins if sandboxed else StandInMode.NEVER,
    )
    runtime = await make_runtime(settings, procd)
    inside = runtime.describe().gateway
    if inside is not None:
        await ensure_objects(transport, [api_endpoints(inside, settings)], renew=True)
    decisions = _make_decisions(
        settings,
        inside,
        Client(transport, api.server.scheme),
        DigestResolver(images, registry, stand_ins=stand_ins),
        admission,
        api.root_ca,
    )
    make_eventing(settings, decisions.manager, procd, decisions.planner)
    sender = await stack.enter_async_context(open_sender(_cluster_names(settings, decisions)))
    _add_senders(settings, decisions.manager, sender, admission.bindings, api)
    add_resolution_controller(decisions.manager, images=images, puller=Puller(registry, images))
    names = make_names(decisions.manager, inside)
    builder = BuilderEntrance(images, settings.layout.run / "builder" / "socket")
    provider = StoreProvider(
        images,
        Puller(registry, images),
        stand_ins=stand_ins,
        builder_socket=builder.socket,
    )
    node = _make_node(settings, decisions, runtime, names, provider)
    agent = NodeAgent(node)
    usage = UsageMeter(node)
    horizontal = add_horizontal_controller(decisions.manager, usage)

    def explain(namespace: str, revision: str) -> ExplainReport | None:
        found = decisions.autoscaling.deciders.explain(namespace, revision)
        return found or horizontal.explain(namespace, revision)

    events = make_events_api(settings.layout, api.server, sender, stack)
    figures = Figures(
        decisions.manager, decisions.planner, decisions.gateway, decisions.autoscaling.figures
    )
    entrance = ApiEntrance(
        partial(
            api.make_component,
            PodConnector(node, settings.layout.logs / LOG_NAME),
            explain,
            figures.scraped,
            usage,
            others=(events,),
            pods_gateway=inside,
        )
    )

    def announce() -> None:
        Addresses(settings.bind, entrance.port, settings.http_port, settings.https_port).save(
            settings.layout
        )

    return ControlPlane(
        components=[
            GatewayComponent(decisions.gateway, ProcdEnvoyRunner(procd, settings)),
            entrance,
            decisions.manager,
            GatewayReady(decisions.planner),
            names,
            ServiceAddresses(decisions.manager, inside),
            builder,
            agent,
            ApiReady(
                entrance,
                settings.bind,
                lambda: runtime.describe().gateway,
                decisions.manager.housekeeping.release,
            ),
        ],
        announce=announce,
        end_instances=agent.end_instances,
    )


async def _ensure_first_objects(settings: Settings, transport: InProcessTransport) -> None:
    """What has to be there before anything else looks, such as roles and config maps."""
    await ensure_objects(transport, [*default_policy(), *namespaces(), *config_maps()])
    await ensure_objects(transport, eventing_objects())
    await ensure_objects(
        transport, [*pipeline_objects(), *trigger_objects(), *source_config_maps()]
    )
    authority = load_or_create_authority(settings.layout.pki, "services")
    trust = trust_bundle(authority.certificate_pem.decode())
    await ensure_objects(transport, [*services(settings), trust], renew=True)
    await ensure_domain(transport, settings.domain)


def _add_senders(
    settings: Settings,
    manager: Manager,
    sender: Sender,
    bindings: BindingAdmission,
    api: ApiServing,
) -> None:
    """Everything that sends events from this process: sources, Kafka's channels, listeners."""
    gateway = GatewayAddress(settings.http_port, settings.https_port)

    def transport_of(user: UserInfo) -> InProcessTransport:
        return InProcessTransport(api.server, user)

    adapters = add_sources(
        manager,
        bindings,
        sender=sender,
        transport_of=transport_of,
        gateway=gateway,
        server_url=f"https://{settings.bind}:{settings.api_port}",
    )
    add_kafka_channels(manager, adapters, sender)
    add_triggers(manager, gateway=gateway, transport_of=transport_of, sender=sender)


def _make_decisions(
    settings: Settings,
    inside: str | None,
    client: Client,
    resolver: DigestResolver,
    admission: _Admission,
    root_ca: str,
) -> _Decisions:
    manager = Manager(
        client,
        reductions={CustomResourceDefinition: without_schemas},
        on_settled=LongLived().on_settled,
        listing=Listing(_PAGE, asyncio.Semaphore(1)),
    )
    follow_log_levels(manager, settings.log_level)
    manager.housekeeping.hold()  # until there is nothing more urgent, see ApiReady
    internal, reachable = internal_ports(settings.layout.run), gateway_address(inside)
    gateway = GatewayThread(
        GatewaySettings(
            paths=GatewayPaths(settings.layout.run),
            http_addresses=(settings.bind,),
            http_port=settings.http_port,
            https_port=settings.https_port,
            internal_port=internal.http,
            inside_address=reachable,
            internal_tls_port=internal.https,
            inside_port=INSIDE_PORT,
            service_addresses=inside is not None,
            concurrency=settings.envoy_concurrency,
        )
    )
    served = ServedIngresses(manager)
    planner = Planner(manager, gateway, serves=served)
    served.on_change(planner.reconsider)
    # The order is the order in which changes are heard of: what a held request waits for first.
    autoscaling = add_kpa_controller(manager, gateway.load, parking=admission.parking)
    gateway.connect_poke(autoscaling.deciders)
    gateway.connect_timing(autoscaling.deciders.timing)
    add_apps_controllers(manager)
    add_core_controllers(
        manager, admission.core, root_ca=root_ca, claims_dir=str(settings.layout.root / "claims")
    )
    gate = (reachable, INSIDE_PORT) if reachable is not None else ("127.0.0.1", internal.http)
    add_serverlessservice_controller(manager, [gate])
    authority = load_or_create_authority(settings.layout.pki, "services")
    add_certificate_controller(manager, authority)
    ingresses = add_ingress_controller(manager, planner, selects=served)
    served.on_change(ingresses.enqueue_all)
    add_controllers(
        manager,
        resolver=resolver,
        gateway=GatewayAddress(settings.http_port, settings.https_port),
        authority_pem=authority.certificate_pem.decode(),
    )
    add_batch_controllers(manager)
    add_sinks(manager)
    add_pipelines(manager)
    add_hpa_controller(manager)
    add_metric_controller(manager)
    manager.add(planner)
    return _Decisions(manager, gateway, planner, autoscaling)


def _cluster_names(settings: Settings, decisions: _Decisions) -> ClusterNames:
    """Where senders in this process find the names of the cluster."""
    planner = decisions.planner  # it learns the port when the gateway is up
    return ClusterNames(
        decisions.manager,
        lambda: ("127.0.0.1", planner.ports.get(INTERNAL, 0)),
        ("127.0.0.1", internal_ports(settings.layout.run).https),
    )


def _make_node(
    settings: Settings,
    decisions: _Decisions,
    runtime: Runtime,
    names: NameServer,
    images: StoreProvider,
) -> NodeContext:
    name = re.sub(r"[^a-z0-9.-]+", "-", socket.gethostname().lower()).strip("-.") or "node"
    return NodeContext(
        identity=NodeIdentity(name, "127.0.0.1", api_port=settings.api_port),
        client=decisions.manager.client,
        runtime=runtime,
        images=images,
        recorder=decisions.manager.recorder,
        pods_dir=settings.layout.pods,
        claims_dir=settings.layout.root / "claims",
        cpu_cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        traffic=decisions.planner.instances,
        progress=decisions.autoscaling.note_start,
        nameserver=lambda: names.address,
    )
