"""The client of a program: a connection, its kinds, and waiting for what was asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from wakeful.apimachinery.conditions import READY, TRUE, Condition, ConditionedStatus
from wakeful.apimachinery.crd import make_crd
from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    WakefulError,
)
from wakeful.apimachinery.labels import EVERYTHING, Selector
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import PatchType, Transport
from wakeful.apimachinery.scheme import Resource, Scheme
from wakeful.apis import all_resources
from wakeful.apis import core as core_kinds
from wakeful.apis.apiextensions import CustomResourceDefinition
from wakeful.apis.apiextensions.crd_types import ESTABLISHED
from wakeful.client import Client as AnyClient
from wakeful.client import (
    Informer,
    KubeConfig,
    KubeConfigError,
    Propagation,
    RestTransport,
    in_cluster_config,
    load_kubeconfig,
)
from wakeful.config import DataDir, default_data_dir

T = TypeVar("T", bound=Object)

_GATEWAYS = (
    ("istio-ingressgateway", "istio-system"),
    ("kourier", "kourier-system"),
)
_MODIFY_ATTEMPTS = 10


class WaitTimeoutError(WakefulError):
    """An object did not become as wished in time; ``last`` is how it was seen last."""

    def __init__(self, ref: str, wish: str, seconds: float, last: Object | None, why: str) -> None:
        super().__init__(f"{ref}: not {wish} within {seconds:g} s{why and f': {why}'}")
        self.last = last


class GatewayNotFoundError(WakefulError):
    """No gateway has told its address."""


class Client(AnyClient):
    """Typed access to one API server: Wakeful's own or a kube-apiserver.

    Where a method takes a namespace, none means the one of the connection, :attr:`namespace`; only
    ``list`` and ``watch`` take none for all. A new object without a namespace is created in it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        kinds: Iterable[Resource] = (),
        namespace: str = "default",
        manager: str = "wakeful-sdk",
    ) -> None:
        super().__init__(transport, Scheme((*all_resources(), *kinds)), manager=manager)
        self.namespace = namespace

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        kubeconfig: Path | str | None = None,
        *,
        context: str = "",
        in_cluster: bool = False,
        kinds: Iterable[Resource] = (),
        manager: str = "wakeful-sdk",
    ) -> AsyncIterator[Client]:
        """Connect to the server of a kubeconfig, for as long as the ``async with`` block lasts.

        Without ``kubeconfig`` the first of these is used: ``$KUBECONFIG``, ``~/.kube/config``, the
        service account of the pod, the kubeconfig of this user's own platform (``wakeful up``);
        ``in_cluster`` insists on the pod's. ``kinds`` are kinds of your own, beside the platform's.
        ``manager`` names this program in ``managedFields``.

        Raises:
            KubeConfigError: There is no kubeconfig, or it names something that is not there.
        """
        config = in_cluster_config() if in_cluster else _find_config(kubeconfig, context)
        async with RestTransport(config) as transport:
            yield cls(transport, kinds=kinds, namespace=config.namespace, manager=manager)

    async def get(self, model: type[T], name: str, namespace: str = "") -> T:
        """Read one object.

        Raises:
            NotFoundError: There is none of that name.
        """
        return await super().get(model, name, namespace or self.namespace)

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Create an object and return it as the server has it.

        Raises:
            AlreadyExistsError: There is one of that name.
            InvalidError: It breaks a rule of its kind.
        """
        return await super().create(self._placed(obj), dry_run=dry_run)

    async def create_or_get(self, obj: T) -> T:
        """Create an object, or read the one that is already there."""
        return await super().create_or_get(self._placed(obj))

    async def patch(
        self,
        model: type[T],
        name: str,
        namespace: str,
        patch: Any,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
    ) -> T:
        """Change part of an object."""
        return await super().patch(
            model,
            name,
            namespace or self.namespace,
            patch,
            patch_type=patch_type,
            subresource=subresource,
        )

    async def delete(
        self,
        model: type[T],
        name: str,
        namespace: str = "",
        *,
        propagation: Propagation = Propagation.BACKGROUND,
        uid: str = "",
        grace_period_seconds: int | None = None,
    ) -> None:
        """Ask for deletion; finalizers may hold the object. ``uid`` guards against a namesake."""
        await super().delete(
            model,
            name,
            namespace or self.namespace,
            propagation=propagation,
            uid=uid,
            grace_period_seconds=grace_period_seconds,
        )

    async def modify(
        self, model: type[T], name: str, change: Callable[[T], None], *, namespace: str = ""
    ) -> T:
        """Read an object, let ``change`` edit it, write it; anew when somebody else was faster."""
        for _attempt in range(_MODIFY_ATTEMPTS - 1):
            obj = await self.get(model, name, namespace)
            change(obj)
            try:
                return await self.update(obj)
            except ConflictError:
                continue
        obj = await self.get(model, name, namespace)
        change(obj)
        return await self.update(obj)

    @asynccontextmanager
    async def informer(
        self,
        model: type[T],
        namespace: str = "",
        *,
        selector: Selector = EVERYTHING,
        fields: str = "",
    ) -> AsyncIterator[Informer[T]]:
        """Keep a kind in memory for as long as the ``async with`` block lasts.

        The block begins when everything is there; from then on the informer follows every change,
        over lost connections too. In a controller, use :meth:`ControllerRunner.informer`.
        """
        informer = Informer(self, model, namespace=namespace, selector=selector, fields=fields)
        running = asyncio.create_task(informer.run(), name=informer.name)
        synced = asyncio.create_task(informer.synced.wait(), name=f"{informer.name}:synced")
        try:
            await asyncio.wait({running, synced}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                yield informer
        finally:
            running.cancel()
            synced.cancel()
            await asyncio.wait({running, synced})
            if not running.cancelled():
                running.result()  # raises why it ended

    async def install_kind(self, kind: Resource, *, timeout_seconds: float = 30) -> None:
        """Have the server serve a kind of your own, as it is now; what is stored of it stays.

        Raises:
            InvalidError: The definition breaks a rule.
            WaitTimeoutError: It was not accepted in time.
        """
        wanted = CustomResourceDefinition.model_validate(make_crd(kind))

        def renew(found: CustomResourceDefinition) -> None:
            found.spec = wanted.spec

        try:
            made = await self.create(wanted)
        except AlreadyExistsError:
            made = await self.modify(CustomResourceDefinition, wanted.metadata.name, renew)
        await self.wait_for(
            made,
            lambda found: found.status.is_true(ESTABLISHED),
            timeout_seconds=timeout_seconds,
            description=ESTABLISHED,
        )

    async def wait_for(
        self,
        obj: T,
        wish: Callable[[T], bool],
        *,
        timeout_seconds: float = 60,
        description: str = "as wished",
    ) -> T:
        """Follow an object until ``wish`` is true of it, and return it as it is then.

        Raises:
            NotFoundError: There is no such object, or it was deleted meanwhile.
            WaitTimeoutError: ``wish`` did not come true in time.
        """
        last = await self.get(type(obj), obj.metadata.name, obj.metadata.namespace)
        if wish(last):
            return last
        name, namespace = last.metadata.name, last.metadata.namespace
        changed = asyncio.Event()
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self.informer(type(obj), namespace, fields=f"metadata.name={name}") as informer,
            ):
                informer.add_handler(lambda _change: changed.set())
                while True:
                    changed.clear()
                    found = informer.get(name, namespace)
                    if found is None:
                        resource = self.scheme.of(type(obj))
                        raise NotFoundError.of(resource.plural, resource.group, name)
                    last = found
                    if wish(last):
                        return last
                    await changed.wait()
        except TimeoutError:
            why = _unhappy(last)
            raise WaitTimeoutError(str(last), description, timeout_seconds, last, why) from None

    async def wait_for_condition(
        self, obj: T, condition: str = READY, *, status: str = TRUE, timeout_seconds: float = 60
    ) -> T:
        """Follow an object until a condition has ``status``, judged on its newest generation.

        Raises:
            NotFoundError: There is no such object, or it was deleted meanwhile.
            WaitTimeoutError: It did not in time; the message has the condition's own.
        """

        def has_it(found: T) -> bool:
            seen = condition_of(found, condition)
            return seen is not None and seen.status == status

        wish = condition if status == TRUE else f"{condition}={status}"
        return await self.wait_for(obj, has_it, timeout_seconds=timeout_seconds, description=wish)

    async def wait_until_gone(self, obj: Object, *, timeout_seconds: float = 60) -> None:
        """Follow an object until it is deleted and its finalizers have let it go.

        Raises:
            WaitTimeoutError: It is still there.
        """
        try:
            await self.wait_for(
                obj,
                lambda found: found.metadata.uid != (obj.metadata.uid or found.metadata.uid),
                timeout_seconds=timeout_seconds,
                description="gone",
            )
        except NotFoundError:
            return

    async def find_gateway(self) -> str:
        """Where Services are reached, as ``http://host:port``: send the host of their URL as Host.

        Raises:
            GatewayNotFoundError: No gateway that we know has an address.
        """
        for name, namespace in _GATEWAYS:
            service = await self.find(core_kinds.Service, name, namespace)
            if service is not None and (address := _address_of(service)):
                return address
        raise GatewayNotFoundError(
            "gateway not found: none of "
            + ", ".join(f"{namespace}/{name}" for name, namespace in _GATEWAYS)
            + " has an address"
        )

    def _placed(self, obj: T) -> T:
        if obj.metadata.namespace or not self.scheme.of(type(obj)).namespaced:
            return obj
        metadata = obj.metadata.model_copy(update={"namespace": self.namespace})
        return obj.model_copy(update={"metadata": metadata})


def condition_of(obj: Object, condition: str) -> Condition | None:
    """A condition of an object, unless it speaks of an older generation than the newest."""
    status = getattr(obj, "status", None)
    if not isinstance(status, ConditionedStatus):
        return None
    observed, newest = status.observed_generation, obj.metadata.generation
    if observed is not None and newest is not None and observed < newest:
        return None
    return status.condition(condition)


def _unhappy(obj: Object) -> str:
    """What the object itself says is wrong."""
    status = getattr(obj, "status", None)
    if not isinstance(status, ConditionedStatus):
        return ""
    return "; ".join(
        f"{c.type} is {c.status}" + (f", {c.reason}: {c.message}" if c.reason else "")
        for c in status.conditions
        if not c.is_true and not c.severity
    )


def _address_of(service: core_kinds.Service) -> str:
    ports = {port.name: port.port for port in service.spec.ports}
    port = ports.get("http2") or ports.get("http")
    balancer = service.status.load_balancer
    if not port or balancer is None or not balancer.ingress:
        return ""
    ingress = balancer.ingress
    return f"http://{ingress[0].ip or ingress[0].hostname}:{port}"


def _find_config(kubeconfig: Path | str | None, context: str) -> KubeConfig:
    if kubeconfig is not None:
        return load_kubeconfig(Path(kubeconfig), context)
    try:
        return load_kubeconfig(None, context)
    except KubeConfigError:
        own = DataDir(default_data_dir()).kubeconfig
        if os.environ.get("KUBECONFIG") or not own.exists():
            raise
        return load_kubeconfig(own, context)
