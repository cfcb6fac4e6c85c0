"""Wires the controllers of all kinds of sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.apps import Deployment
from wakeful.apis.core import Namespace, Secret
from wakeful.apis.eventing import EventType
from wakeful.apis.networking import Ingress
from wakeful.apis.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from wakeful.apis.sources import (
    Adapters,
    AliTablestoreSource,
    ApiServerSource,
    ContainerSource,
    CronJobSource,
    GitHubSource,
    KafkaSource,
    LegacyApiServerSource,
    LegacyContainerSource,
    LegacyGitHubSource,
    LegacyKafkaSource,
    MnsOssSource,
    PingSource,
    SinkBinding,
    SourceKey,
)
from wakeful.controller import Controller, Manager, Reconciler
from wakeful.controller.kinds import KindIndex
from wakeful.eventbus.kafka import AioKafkaAdmin, KafkaAdmin, secrets_of
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.route.hosts import GatewayAddress, HostNames
from wakeful.reconciler.sources.alibaba.reconciler import UnservedSourceReconciler
from wakeful.reconciler.sources.apiserver.reconciler import ApiServerSourceReconciler
from wakeful.reconciler.sources.container.reconciler import ContainerSourceReconciler
from wakeful.reconciler.sources.eventtypes import EventTypes
from wakeful.reconciler.sources.github.hooks import GitHubHooks, Hooks
from wakeful.reconciler.sources.github.reconciler import GitHubSourceReconciler
from wakeful.reconciler.sources.github.resources import source_of
from wakeful.reconciler.sources.githubbinding.controller import make_githubbinding_controller
from wakeful.reconciler.sources.kafka.reconciler import KafkaSourceReconciler
from wakeful.reconciler.sources.parts import SourceParts
from wakeful.reconciler.sources.ping.reconciler import (
    CronJobSourceReconciler,
    PingSourceReconciler,
)
from wakeful.reconciler.sources.sinkbinding.controller import make_sinkbinding_controller
from wakeful.reconciler.sources.sinks import Sinks
from wakeful.reconciler.sources.subjects import Subjects

T = TypeVar("T", bound=Object)


@dataclass(frozen=True, slots=True)
class LiveNames:
    """How hosts are named at present."""

    configs: ServingConfigs
    gateway: GatewayAddress

    def current(self) -> HostNames:
        """The names in force."""
        return HostNames(
            self.configs.domain.current(), self.configs.network.current(), self.gateway
        )


class SourceControllers:
    """Builds controllers that share informers, adapters and the registry."""

    def __init__(self, manager: Manager, adapters: Adapters) -> None:
        self._manager, self._adapters = manager, adapters
        self._event_types = EventTypes(manager)
        self._kinds = KindIndex(manager)

    def add(self, model: type[T], make: Callable[[SourceParts], Reconciler[T]]) -> Controller[T]:
        """Run a controller of sources whose adapter is a task of ours."""
        resolver, parts = self._parts()
        controller = self._controller(model, make(parts))
        resolver.connect(controller)
        controller.watch_owned(self._manager.informer(EventType))
        self._follow_adapters(model, controller)
        return controller

    def add_containers(self, model: type[T]) -> None:
        """Run a controller of sources whose adapter is a Deployment."""
        manager = self._manager
        bindings, deployments = manager.informer(SinkBinding), manager.informer(Deployment)
        reconciler: Any = ContainerSourceReconciler(
            manager.client, bindings, deployments, manager.recorder
        )
        controller = self._controller(model, reconciler)
        controller.watch_owned(bindings)
        controller.watch_owned(deployments)

    def add_apiserver(self, model: type[T], server_url: str) -> None:
        """Run a controller of sources that watch objects."""
        manager = self._manager
        namespaces = manager.informer(Namespace)

        def make(parts: SourceParts) -> Any:
            return ApiServerSourceReconciler(
                parts, manager.client, self._kinds, namespaces, server_url=server_url
            )

        controller = self.add(model, make)
        sources = manager.informer(model)

        def selecting(namespace: Namespace) -> Iterable[NamespacedName]:
            return [found.key for found in sources if _selects_namespaces(found)]

        controller.watch(namespaces, selecting)

        def waiting(_grant: Object) -> Iterable[NamespacedName]:
            return [found.key for found in sources if not _may_watch(found)]

        for grant in (Role, ClusterRole, RoleBinding, ClusterRoleBinding):
            controller.watch(manager.informer(grant), waiting)

    def add_github(self, model: type[T], names: LiveNames, hooks: Hooks) -> None:
        """Run a controller of sources that GitHub calls."""
        manager = self._manager
        secrets, ingresses = manager.informer(Secret), manager.informer(Ingress)

        def make(parts: SourceParts) -> Any:
            return GitHubSourceReconciler(
                parts, manager.client, secrets, ingresses, names, hooks, manager.recorder
            )

        controller = self.add(model, make)
        controller.watch(ingresses, source_of)
        sources = manager.informer(model)

        def reading(secret: Secret) -> Iterable[NamespacedName]:
            found = sources.list(secret.metadata.namespace)
            return [source.key for source in found if secret.metadata.name in _secrets_of(source)]

        controller.watch(secrets, reading)
        names.configs.domain.on_change(controller.enqueue_all)
        names.configs.network.on_change(controller.enqueue_all)

    def add_kafka(self, model: type[KafkaSource | LegacyKafkaSource], admin: KafkaAdmin) -> None:
        """Run a controller of sources that consume topics."""
        manager = self._manager
        secrets, sources = manager.informer(Secret), manager.informer(model)

        def make(parts: SourceParts) -> Any:
            return KafkaSourceReconciler(parts, admin, secrets)

        controller = self.add(model, make)

        def reading(secret: Secret) -> Iterable[NamespacedName]:
            found = sources.list(secret.metadata.namespace)
            name = secret.metadata.name
            return [source.key for source in found if name in secrets_of(source.wanted.net)]

        controller.watch(secrets, reading)

    def add_bindings(self) -> None:
        """Run the controllers of bindings."""
        manager = self._manager
        transport, namespaces = manager.client.transport, manager.informer(Namespace)
        subjects = Subjects(transport, self._kinds, namespaces)
        resolver, parts = self._parts()
        controller = make_sinkbinding_controller(manager, parts, subjects)
        resolver.connect(controller)
        manager.add(controller)
        manager.add(make_githubbinding_controller(manager, subjects))

    def _parts(self) -> tuple[DestinationResolver, SourceParts]:
        resolver = DestinationResolver(self._manager)
        sinks = Sinks(resolver, self._manager.recorder)
        return resolver, SourceParts(sinks, self._adapters, self._event_types)

    def _controller(self, model: type[T], reconciler: Reconciler[T]) -> Controller[T]:
        manager, gvk = self._manager, model.gvk
        controller = Controller(
            f"{manager.client.scheme.of(model).plural}.{gvk.group}",
            manager.client,
            manager.informer(model),
            reconciler,
            conditions=_condition_set(model),
            recorder=manager.recorder,
        )
        manager.add(controller)
        return controller

    def _follow_adapters(self, model: type[Object], controller: Controller[Any]) -> None:
        gvk = model.gvk

        def on_adapter(key: SourceKey) -> None:
            if (key.group, key.kind) == (gvk.group, gvk.kind):
                controller.enqueue(key.key)

        self._adapters.on_change(on_adapter)


def add_source_controllers(
    manager: Manager,
    adapters: Adapters,
    *,
    gateway: GatewayAddress,
    server_url: str,
    hooks: Hooks | None = None,
    kafka: KafkaAdmin | None = None,
) -> None:
    """Have ``manager`` run the controllers of every kind of source.

    ``adapters`` runs what sends; ``server_url`` is what ApiServerSources name as their source.
    """
    controllers = SourceControllers(manager, adapters)
    names = LiveNames(ServingConfigs(manager), gateway)
    controllers.add(PingSource, PingSourceReconciler)
    controllers.add(CronJobSource, CronJobSourceReconciler)
    controllers.add_apiserver(ApiServerSource, server_url)
    controllers.add_apiserver(LegacyApiServerSource, server_url)
    controllers.add_bindings()
    controllers.add_containers(ContainerSource)
    controllers.add_containers(LegacyContainerSource)
    controllers.add_github(GitHubSource, names, hooks or GitHubHooks())
    controllers.add_github(LegacyGitHubSource, names, hooks or GitHubHooks())
    for model in (KafkaSource, LegacyKafkaSource):
        controllers.add_kafka(model, kafka or AioKafkaAdmin())
    controllers.add(MnsOssSource, UnservedSourceReconciler)
    controllers.add(AliTablestoreSource, UnservedSourceReconciler)


def _condition_set(model: type[Object]) -> ConditionSet:
    found: ConditionSet = model.model_fields["status"].annotation.condition_set  # type: ignore[union-attr]
    return found


def _selects_namespaces(source: Object) -> bool:
    return isinstance(source, ApiServerSource) and source.spec.namespace_selector is not None


def _may_watch(source: Object) -> bool:
    return isinstance(source, ApiServerSource | LegacyApiServerSource) and source.status.may_watch


def _secrets_of(source: Object) -> set[str]:
    if not isinstance(source, GitHubSource | LegacyGitHubSource):
        return set()
    values = (source.wanted.access_token, source.wanted.secret_token)
    return {value.secret_key_ref.name for value in values if value.secret_key_ref is not None}
