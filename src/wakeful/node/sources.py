"""Tells workers when a config map or secret that their Pods read has changed, and who else must
know that a service account is gone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

from wakeful.aio import Clock
from wakeful.apimachinery.meta import Object
from wakeful.apis.core import ConfigMap, Secret, ServiceAccount
from wakeful.client import Change, Client, Informer

T = TypeVar("T", bound=Object)

Source = tuple[str, str, str]
"""Kind, namespace, name."""


class Sources:
    """Follows config maps and secrets for all workers at once.

    It only tells that something changed; who is told reads the objects anew, so nobody acts on a
    copy that lags behind.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        self._config_maps = Informer(client, ConfigMap, clock=clock)
        self._secrets = Informer(client, Secret, clock=clock)
        self._accounts = Informer(client, ServiceAccount, clock=clock)
        self._bereaved: list[Callable[[tuple[str, str]], None]] = []
        self._interested: defaultdict[Source, set[Callable[[], None]]] = defaultdict(set)
        self._config_maps.add_handler(self._on_change)
        self._secrets.add_handler(self._on_change)
        self._accounts.add_handler(self._on_account)

    async def run(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._config_maps.run(), name="node-agent:configmaps")
            group.create_task(self._secrets.run(), name="node-agent:secrets")
            group.create_task(self._accounts.run(), name="node-agent:accounts")

    def on_account_gone(self, told: Callable[[tuple[str, str]], None]) -> None:
        """Call ``told`` with namespace and name of a service account that was deleted.

        Another one of its name is somebody else.
        """
        self._bereaved.append(told)

    def subscribe(
        self,
        namespace: str,
        config_maps: Iterable[str],
        secrets: Iterable[str],
        told: Callable[[], None],
    ) -> Callable[[], None]:
        """Call ``told`` at every change of one of the objects until what is returned is called."""
        wanted: list[Source] = [(ConfigMap.gvk.kind, namespace, name) for name in config_maps]
        wanted += [(Secret.gvk.kind, namespace, name) for name in secrets]
        for source in wanted:
            self._interested[source].add(told)

        def unsubscribe() -> None:
            for source in wanted:
                self._interested[source].discard(told)
                if not self._interested[source]:
                    del self._interested[source]

        return unsubscribe

    def _on_account(self, change: Change[ServiceAccount]) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            for told in self._bereaved:
                told((old.metadata.namespace, old.metadata.name))

    def _on_change(self, change: Change[T]) -> None:
        found = change.object
        source = (found.gvk.kind, found.metadata.namespace, found.metadata.name)
        for told in tuple(self._interested.get(source, ())):
            told()
