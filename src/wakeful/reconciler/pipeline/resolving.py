"""Finding what runs refer to: in their namespace, in the cluster, or through resolvers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from wakeful.apimachinery.conditions import SUCCEEDED, utc_now
from wakeful.apimachinery.decoding import yaml_value
from wakeful.apimachinery.errors import APIStatusError
from wakeful.apimachinery.meta import Object, ObjectMeta, owner_reference
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline import (
    ClusterTask,
    Condition,
    Param,
    Pipeline,
    PipelineRef,
    PipelineRun,
    PipelineSpec,
    StepAction,
    StepActionSpec,
    Task,
    TaskRef,
    TaskSpec,
)
from wakeful.apis.pipeline.legacy_types import ConditionSpec
from wakeful.apis.pipeline.param_types import ResolverRef
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.apis.pipeline.register import CLUSTER_TASK_LABEL, TASK_LABEL
from wakeful.apis.resolution.request_types import (
    RESOLVER_LABEL,
    ResolutionRequest,
    ResolutionRequestSpec,
)
from wakeful.client import Client
from wakeful.pipelines.trust import Verdict, VerificationError
from wakeful.reconciler.pipeline.trust import Trust

T = TypeVar("T", bound=Object)


class AwaitingError(Exception):
    """A resolver has been asked and has not answered yet."""


class UnresolvedError(Exception):
    """There is no such thing, or it cannot be read; asking again will not help."""


class UntrustedError(Exception):
    """It is there, and is not signed as it has to be."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a run refers to, and what its runs inherit."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    source: RefSource | None = None
    verdict: Verdict | None = None
    """What was found about its signature; None when nobody asked for one."""


@dataclass(frozen=True, slots=True)
class FoundTask(Found):
    """A task to carry out."""

    spec: TaskSpec = field(default_factory=TaskSpec)
    kind: str = "Task"

    @property
    def task_labels(self) -> dict[str, str]:
        """What tells the runs of this task from others."""
        if not self.name:
            return {}
        label = CLUSTER_TASK_LABEL if self.kind == "ClusterTask" else TASK_LABEL
        return {label: self.name}


@dataclass(frozen=True, slots=True)
class FoundPipeline(Found):
    """A pipeline to carry out."""

    spec: PipelineSpec = field(default_factory=PipelineSpec)


class References:
    """Looks up what runs refer to; what resolvers are asked for is owned by the run."""

    def __init__(self, client: Client, trust: Trust) -> None:
        self._client, self._trust = client, trust

    async def task(self, ref: TaskRef, run: Object, params: Sequence[Param] = ()) -> FoundTask:
        """The task of a reference; ``params`` are those for its resolver, replaced already.

        Raises:
            AwaitingError: Not yet.
            UnresolvedError: Never.
            UntrustedError: Its signature does not count.
        """
        namespace = run.metadata.namespace
        if ref.resolver:
            task, source, version = await self._resolve(ref, run, params, (Task, ClusterTask))
            return _task(task, source, await self._verify(task, version, source, run))
        model = ClusterTask if ref.is_cluster_task else Task
        found = await self._client.find(model, ref.name, namespace)
        if found is None:
            raise UnresolvedError(_missing(model, ref.name))
        return _task(found)

    async def pipeline(
        self, ref: PipelineRef, run: Object, params: Sequence[Param] = ()
    ) -> FoundPipeline:
        """The pipeline of a reference.

        Raises:
            AwaitingError: Not yet.
            UnresolvedError: Never.
        """
        source, verdict = None, None
        if ref.resolver:
            pipeline, source, version = await self._resolve(ref, run, params, (Pipeline,))
            verdict = await self._verify(pipeline, version, source, run)
        else:
            found = await self._client.find(Pipeline, ref.name, run.metadata.namespace)
            if found is None:
                raise UnresolvedError(_missing(Pipeline, ref.name))
            pipeline = found
        meta = pipeline.metadata
        assert isinstance(pipeline, Pipeline)
        return FoundPipeline(
            meta.name, meta.labels, meta.annotations, source, verdict, pipeline.spec
        )

    async def pipeline_run(self, name: str, namespace: str) -> PipelineRun | None:
        """A PipelineRun by name, such as the one that another is part of."""
        return await self._client.find(PipelineRun, name, namespace)

    async def step_action(
        self, name: str, ref: ResolverRef, run: Object, params: Sequence[Param] = ()
    ) -> StepActionSpec:
        """The step action of a reference.

        Raises:
            AwaitingError: Not yet.
            UnresolvedError: Never.
        """
        if ref.resolver:
            action, *_ = await self._resolve(ref, run, params, (StepAction,))
            assert isinstance(action, StepAction)
            return action.spec
        found = await self._client.find(StepAction, name, run.metadata.namespace)
        if found is None:
            raise UnresolvedError(_missing(StepAction, name))
        return found.spec

    async def condition(self, name: str, namespace: str) -> ConditionSpec:
        """A condition of 2019.

        Raises:
            UnresolvedError: There is none.
        """
        found = await self._client.find(Condition, name, namespace)
        if found is None:
            raise UnresolvedError(_missing(Condition, name))
        return found.spec

    async def _resolve(
        self,
        ref: ResolverRef,
        run: Object,
        params: Sequence[Param],
        models: tuple[type[Object], ...],
    ) -> tuple[Object, RefSource | None, str]:
        """The object, where it is from, and the version that it is written in."""
        wanted = make_request(ref.resolver, params or ref.params, run)
        try:
            request = await self._client.create_or_get(wanted)
        except APIStatusError as err:
            raise UnresolvedError(f"error requesting remote resource: {err.message}") from err
        condition = request.status.condition(SUCCEEDED)
        if condition is None or condition.is_unknown:
            raise AwaitingError(request.metadata.name)
        if condition.is_false:
            raise UnresolvedError(f"error requesting remote resource: {condition.message}")
        obj, version = self._read(request.status.data, models)
        return obj, request.status.ref_source or request.status.source, version

    async def _verify(
        self, obj: Object, version: str, source: RefSource | None, run: Object
    ) -> Verdict | None:
        try:
            return await self._trust.verify(obj, version, source, run.metadata.namespace)
        except VerificationError as err:
            raise UntrustedError(obj.metadata.name, str(err)) from err

    def _read(self, data: str, models: tuple[type[Object], ...]) -> tuple[Object, str]:
        """Read the object that a resolver found, in whatever version it is written."""
        try:
            wire = yaml_value(base64.b64decode(data, validate=True).decode())
        except ValueError as err:
            raise UnresolvedError(f"invalid runtime object: {err}") from err
        if not isinstance(wire, dict):
            raise UnresolvedError("invalid runtime object: it is no object")
        version = str(wire.get("apiVersion", "")).rpartition("/")[2]
        return read_object(self._client, wire, models), version


def read_object(client: Client, wire: dict[str, Any], models: tuple[type[T], ...]) -> T:
    """Read an object of one of ``models`` in any version that is served.

    Raises:
        UnresolvedError: It is of another kind, or cannot be read.
    """
    group, _, version = str(wire.get("apiVersion", "")).rpartition("/")
    resource = client.scheme.by_kind(group, str(wire.get("kind", "")))
    if resource is None or resource.model not in models:
        kinds = " or ".join(model.gvk.kind for model in models)
        raise UnresolvedError(
            f'resolved object is "{wire.get("apiVersion")}, Kind={wire.get("kind")}",'
            f" which is no {kinds}"
        )
    model = next(m for m in models if m is resource.model)
    served = next((v for v in resource.served_versions if v.name == version), None)
    if served is None and version != resource.gvk.version:
        raise UnresolvedError(f"resolved object: version {version!r} of {resource.kind} is unknown")
    read = served.to_hub if served is not None else resource.normalize
    try:
        hub = read(wire) if read is not None else wire
        obj = model.from_wire({k: v for k, v in hub.items() if k not in ("apiVersion", "kind")})
    except (ValidationError, ValueError, TypeError, AttributeError, RecursionError) as err:
        raise UnresolvedError(f"resolved object cannot be read: {err}") from err
    except APIStatusError as err:
        raise UnresolvedError(f"resolved object cannot be read: {err.message}") from err
    if resource.set_defaults is not None:
        resource.set_defaults(obj, None, AdmissionContext("CREATE", utc_now()))
    return obj


def make_request(resolver: str, params: Sequence[Param], run: Object) -> ResolutionRequest:
    """What to ask a resolver; the same question of the same run has the same name."""
    question = orjson.dumps([run.metadata.uid, *(p.to_wire() for p in params)])
    digest = hashlib.sha256(question).hexdigest()[:32]
    return ResolutionRequest(
        metadata=ObjectMeta(
            name=f"{resolver[:30]}-{digest}",
            namespace=run.metadata.namespace,
            labels={RESOLVER_LABEL: resolver},
            owner_references=[owner_reference(run)],
        ),
        spec=ResolutionRequestSpec(params=list(params)),
    )


def _missing(model: type[Object], name: str) -> str:
    plural = f"{model.gvk.kind.lower()}s"
    return f'{plural}.{model.gvk.group} "{name}" not found'


def _task(
    obj: Object, source: RefSource | None = None, verdict: Verdict | None = None
) -> FoundTask:
    assert isinstance(obj, Task | ClusterTask)
    meta = obj.metadata
    return FoundTask(
        meta.name, meta.labels, meta.annotations, source, verdict, obj.spec, obj.gvk.kind
    )
