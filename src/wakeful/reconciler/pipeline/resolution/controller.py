"""Wires the resolvers to their config maps, and requests to the resolvers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wakeful.aio import Clock, SystemClock
from wakeful.apis.core import ConfigMap
from wakeful.apis.pipeline.register import (
    RESOLVERS_FLAGS,
    RESOLVERS_NAMESPACE,
    SYSTEM_NAMESPACE,
)
from wakeful.apis.resolution import ResolutionRequest
from wakeful.controller import Controller, Manager
from wakeful.oci.provider import ImagePuller
from wakeful.oci.store import ImageStore
from wakeful.reconciler.pipeline.configs import PipelineConfigs
from wakeful.reconciler.pipeline.resolution import bundles, cluster, git, web
from wakeful.reconciler.pipeline.resolution.cache import ResolutionCache
from wakeful.reconciler.pipeline.resolution.model import Resolver
from wakeful.reconciler.pipeline.resolution.reconciler import CONDITIONS, ResolutionReconciler

CONFIG_NAMESPACES = (RESOLVERS_NAMESPACE, SYSTEM_NAMESPACE)
"""Where the resolvers' config maps are looked for; the first is upstream's."""


def add_resolution_controller(
    manager: Manager,
    *,
    images: ImageStore | None = None,
    puller: ImagePuller | None = None,
    clock: Clock | None = None,
) -> None:
    """Add the controller that answers requests; bundles need an image store."""
    clock = clock or SystemClock()
    maps = manager.informer(ConfigMap)

    def config(name: str) -> Callable[[], Mapping[str, str]]:
        def read() -> Mapping[str, str]:
            for namespace in CONFIG_NAMESPACES:
                found = maps.get(name, namespace)
                if found is not None:
                    return found.data
            return {}

        return read

    client, fetcher = manager.client, web.Fetcher()
    resolvers: list[Resolver] = [
        cluster.ClusterResolver(client, config(cluster.CONFIG)),
        git.GitResolver(client, config(git.CONFIG)),
        web.HttpResolver(client, fetcher),
        web.HubResolver(fetcher, config(web.HUB_CONFIG)),
    ]
    if images is not None:
        resolvers.append(bundles.BundleResolver(client, images, puller, config(bundles.CONFIG)))
    configs = PipelineConfigs(manager)
    own = {"cluster": cluster.CONFIG, "git": git.CONFIG, "bundles": bundles.CONFIG}
    reconciler = ResolutionReconciler(
        resolvers,
        now=clock.now,
        limit_seconds=lambda: configs.defaults.resolution_timeout.total_seconds(),
        cache=ResolutionCache(lambda name: config(name)(), own, clock.now),
        flags=config(RESOLVERS_FLAGS),
    )
    manager.add(
        Controller(
            "resolutionrequests.resolution",
            client,
            manager.informer(ResolutionRequest),
            reconciler,
            conditions=CONDITIONS,
            recorder=manager.recorder,
            workers=8,
        )
    )
