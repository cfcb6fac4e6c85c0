"""The real API server on memory storage, a client and a manager: where reconcilers are tested.

::

    async def test_missing_deployment_is_created(world: World) -> None:
        add_revision_controller(world.manager, ...)
        async with world.running():
            await world.given(a_revision("hello"))
            await world.eventually(lambda: world.find(Deployment, "hello-deployment"))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload

from wakeful.aio import Clock, Lifetime, SystemClock
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, UserInfo, Verb
from wakeful.apimachinery.scheme import Scheme
from wakeful.apiserver.admission import AdmissionHook
from wakeful.apiserver.protocols import Authorizer
from wakeful.apiserver.registry.core import APIServer
from wakeful.apiserver.transport import InProcessTransport
from wakeful.client import Client
from wakeful.controller import Manager
from wakeful.storage import MemoryStore
from wakeful.testing.waiting import eventually

T = TypeVar("T", bound=Object)
R = TypeVar("R")

ADMIN = UserInfo("tester", (SYSTEM_MASTERS, "system:authenticated"))


class World:
    """One API server with everything a controller test needs around it.

    Namespaces ``default``, ``knative-serving`` and ``kube-system`` exist once it was
    :meth:`prepared <prepare>` (``running`` does that).
    """

    def __init__(
        self,
        scheme: Scheme,
        *,
        hooks: Sequence[AdmissionHook] = (),
        clock: Clock | None = None,
        authorizer: Authorizer | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.scheme = scheme
        self.server = APIServer(
            MemoryStore(), scheme, hooks=hooks, clock=self.clock, authorizer=authorizer
        )
        self.client = Client(InProcessTransport(self.server, ADMIN), scheme)
        self.manager = Manager(self.client)
        self._prepared = False

    async def prepare(self) -> None:
        """Make the usual namespaces."""
        if self._prepared:
            return
        self._prepared = True
        for name in ("default", "knative-serving", "kube-system"):
            await self.client.transport.call(_namespace(name))

    async def given(self, *objects: T) -> T:
        """Create objects; return the last one as the server has it.

        A status set on the object is written too, as the kind's controller would have done.
        """
        await self.prepare()
        created: T | None = None
        for obj in objects:
            created = await self.client.create(obj)
            status = getattr(obj, "status", None)
            if status is not None and status.to_wire():
                with_status = created.model_copy(update={"status": status})
                created = await self.client.update_status(with_status)
        assert created is not None
        return created

    async def latest(self, obj: T) -> T:
        """The object as the server has it now."""
        return await self.client.get(type(obj), obj.metadata.name, obj.metadata.namespace)

    async def find(self, model: type[T], name: str, namespace: str = "default") -> T | None:
        """One object, or None."""
        where = namespace if self.scheme.of(model).namespaced else ""
        return await self.client.find(model, name, where)

    async def all(self, model: type[T], namespace: str = "") -> list[T]:
        """Every object of a kind."""
        return (await self.client.list(model, namespace)).items

    @overload
    async def eventually(
        self, check: Callable[[], Awaitable[R | None]], *, seconds: float = ...
    ) -> R: ...
    @overload
    async def eventually(self, check: Callable[[], R | None], *, seconds: float = ...) -> R: ...
    async def eventually(self, check: Callable[[], Any], *, seconds: float = 30) -> Any:
        """Return the first true result of ``check``, as ``wakeful.testing.waiting`` has it."""
        return await eventually(check, seconds=seconds, every=0.002)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the manager, with every controller that was added to it, meanwhile."""
        await self.prepare()
        life = Lifetime()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.manager.run(life), name="manager")
            async with asyncio.timeout(30):
                await life.started.wait()
            try:
                yield
            finally:
                life.draining.set()


def _namespace(name: str) -> APIRequest:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body)
