"""One request through the triggers of its listener."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apimachinery.labels import EVERYTHING, LabelSelector
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core.config_types import DEFAULT_SERVICE_ACCOUNT
from wakeful.apis.triggers import (
    BindingParam,
    ClusterTriggerBinding,
    EventListener,
    EventListenerTrigger,
    Trigger,
    TriggerBinding,
    TriggerBindingRef,
    TriggerInterceptor,
    TriggerSpec,
    TriggerTemplate,
    TriggerTemplateRef,
    TriggerTemplateSpec,
)
from wakeful.apis.triggers.register import (
    EVENT_ID_LABEL,
    EVENT_LISTENER_LABEL,
    GROUP,
    TRIGGER_LABEL,
)
from wakeful.client import Lister
from wakeful.controller import EventRecorder
from wakeful.controller.kinds import KindIndex
from wakeful.pipelines.triggers import (
    BindingError,
    Event,
    TemplateError,
    bind,
    fill_template,
)
from wakeful.reconciler.triggers.calls import JSON, AccountTransport
from wakeful.reconciler.triggers.interceptors import InterceptorError, Interceptors

log = structlog.get_logger("wakeful.triggers")

ALL_NAMESPACES = "*"


class ProcessingError(Exception):
    """A trigger cannot be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """A trigger to carry out, and the interceptors of its group before its own."""

    name: str
    namespace: str
    spec: TriggerSpec
    group: list[TriggerInterceptor] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TriggerListers:
    """The caches that are read for each request."""

    triggers: Lister[Trigger]
    bindings: Lister[TriggerBinding]
    cluster_bindings: Lister[ClusterTriggerBinding]
    templates: Lister[TriggerTemplate]


class Processor:
    """Carries out triggers. Everything is created as the account that the listener names."""

    def __init__(
        self,
        listers: TriggerListers,
        interceptors: Interceptors,
        kinds: KindIndex,
        transport: AccountTransport,
        recorder: EventRecorder,
    ) -> None:
        self._listers, self._interceptors, self._kinds = listers, interceptors, kinds
        self._transport, self._recorder = transport, recorder

    async def tasks_of(self, listener: EventListener) -> list[Task]:
        """Every trigger that looks at the listener's requests."""
        namespace = listener.metadata.namespace
        found = []
        for trigger in listener.spec.triggers:
            try:
                found.append(self._own(trigger, namespace))
            except ProcessingError as error:
                self._complain(listener, trigger.name or trigger.trigger_ref, str(error))
        spec = listener.spec
        if spec.namespace_selector.match_names or spec.label_selector is not None:
            names = spec.namespace_selector.match_names
            found += await self._selected(listener, names, spec.label_selector, [])
        for group in spec.trigger_groups:
            selector = group.trigger_selector
            names = selector.namespace_selector.match_names
            found += await self._selected(
                listener, names, selector.label_selector, group.interceptors
            )
        return found

    def _own(self, trigger: EventListenerTrigger, namespace: str) -> Task:
        if trigger.trigger_ref:
            found = self._listers.triggers.get(trigger.trigger_ref, namespace)
            if found is None:
                raise ProcessingError(f"triggers.{GROUP} {trigger.trigger_ref!r} not found")
            return Task(found.metadata.name, namespace, found.spec)
        spec = TriggerSpec(
            name=trigger.name,
            bindings=trigger.bindings,
            template=trigger.template or TriggerTemplateRef(),
            interceptors=trigger.interceptors,
            service_account_name=trigger.service_account_name,
        )
        return Task(trigger.name, namespace, spec)

    async def _selected(
        self,
        listener: EventListener,
        names: Iterable[str],
        labels: LabelSelector | None,
        group: list[TriggerInterceptor],
    ) -> list[Task]:
        own = listener.metadata.namespace
        selector = labels.to_selector() if labels is not None else EVERYTHING
        found: list[Task] = []
        for name in list(names) or [own]:
            where = "" if name == ALL_NAMESPACES else name
            if where != own and not await self._may_list(listener, where):
                problem = f"may not list triggers of {name!r}"
                self._complain(listener, "", f"its service account {problem}")
                continue
            found += [
                Task(trigger.metadata.name, trigger.metadata.namespace, trigger.spec, group)
                for trigger in self._listers.triggers.list(where, selector)
            ]
        return found

    async def _may_list(self, listener: EventListener, namespace: str) -> bool:
        transport = self._transport(listener.metadata.namespace, _account(listener))
        request = APIRequest(
            Verb.LIST, GROUP, "v1beta1", "triggers", namespace=namespace, params={"limit": "1"}
        )
        try:
            await transport.call(request)
        except APIStatusError:
            return False
        return True

    async def carry_out(self, task: Task, event: Event, listener: EventListener) -> None:
        """Run one trigger; failures are told, not raised."""
        try:
            created = await self._carry_out(task, event, listener)
        except (ProcessingError, InterceptorError, BindingError, TemplateError) as error:
            self._complain(listener, task.name, str(error))
        except APIStatusError as error:
            self._complain(listener, task.name, error.message)
        else:
            if created:
                log.info(
                    "trigger carried out",
                    listener=str(listener.key),
                    trigger=task.name,
                    event_id=event.event_id,
                    created=created,
                )

    async def _carry_out(self, task: Task, event: Event, listener: EventListener) -> list[str]:
        chain = [*task.group, *task.spec.interceptors]
        event, why = await self._interceptors.pass_through(chain, event, task.namespace, task.name)
        if why:
            log.info("request stopped", listener=str(listener.key), trigger=task.name, reason=why)
            return []
        template = self._template(task)
        defaults = [param.name for param in template.params if param.default is not None]
        values = bind(self._params(task), event, defaults)
        objects = fill_template(template, values, str(uuid.uuid4()))
        namespace, account = await self._acting(task, listener)
        transport = self._transport(namespace, account)
        created = []
        for wire in objects:
            request = self._request(wire, task, event, listener)
            answer = await transport.call(request)
            created.append(f"{wire.get('kind')}/{answer['metadata']['name']}")
        return created

    async def _acting(self, task: Task, listener: EventListener) -> tuple[str, str]:
        """Whose rights are used: the trigger's account if the listener may act as it."""
        own = listener.metadata.namespace
        account = task.spec.service_account_name
        if not account or (task.namespace == own and account == _account(listener)):
            return own, _account(listener)
        if task.namespace != own:
            await self._check_impersonation(listener, task.namespace, account)
        return task.namespace, account

    async def _check_impersonation(
        self, listener: EventListener, namespace: str, account: str
    ) -> None:
        transport = self._transport(listener.metadata.namespace, _account(listener))
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {
                "resourceAttributes": {
                    "verb": "impersonate",
                    "resource": "serviceaccounts",
                    "namespace": namespace,
                    "name": account,
                }
            },
        }
        request = APIRequest(
            Verb.CREATE, "authorization.k8s.io", "v1", "selfsubjectaccessreviews", body=review
        )
        answer = await transport.call(request)
        if not answer.get("status", {}).get("allowed"):
            raise ProcessingError(
                f"the listener's account may not impersonate service account {namespace}/{account}"
            )

    def _template(self, task: Task) -> TriggerTemplateSpec:
        reference = task.spec.template
        if reference.spec is not None:
            return reference.spec
        found = self._listers.templates.get(reference.ref or "", task.namespace)
        if found is None:
            raise ProcessingError(f"triggertemplates.{GROUP} {reference.ref!r} not found")
        return found.spec

    def _params(self, task: Task) -> Iterator[BindingParam]:
        for binding in task.spec.bindings:
            if binding.ref:
                yield from self._binding(binding, task.namespace)
            else:
                yield BindingParam(name=binding.name, value=binding.value or "")

    def _binding(self, binding: TriggerBindingRef, namespace: str) -> list[BindingParam]:
        found: TriggerBinding | ClusterTriggerBinding | None
        if binding.kind == "ClusterTriggerBinding":
            found = self._listers.cluster_bindings.get(binding.ref)
        else:
            found = self._listers.bindings.get(binding.ref, namespace)
        if found is None:
            kind = (binding.kind or "TriggerBinding").lower()
            raise ProcessingError(f"{kind}s.{GROUP} {binding.ref!r} not found")
        return found.spec.params

    def _request(self, wire: JSON, task: Task, event: Event, listener: EventListener) -> APIRequest:
        api_version, kind = str(wire.get("apiVersion", "")), str(wire.get("kind", ""))
        info = self._kinds.find(api_version, kind)
        if info is None:
            raise ProcessingError(f"no matches for kind {kind!r} in version {api_version!r}")
        metadata: dict[str, Any] = dict(wire.get("metadata") or {})
        namespace = str(metadata.get("namespace") or task.namespace)
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            EVENT_LISTENER_LABEL: listener.metadata.name,
            EVENT_ID_LABEL: event.event_id,
        }
        if task.name:
            metadata["labels"][TRIGGER_LABEL] = task.name
        if info.namespaced:
            metadata["namespace"] = namespace
        return APIRequest(
            Verb.CREATE,
            info.group,
            info.version,
            info.plural,
            namespace=namespace if info.namespaced else "",
            body={**wire, "metadata": metadata},
        )

    def _complain(self, listener: EventListener, trigger: str, problem: str) -> None:
        log.warning("trigger failed", listener=str(listener.key), trigger=trigger, problem=problem)
        text = f"trigger {trigger!r}: {problem}" if trigger else problem
        self._recorder.warning(listener, "TriggerProcessingFailed", text)


def _account(listener: EventListener) -> str:
    return listener.spec.service_account_name or DEFAULT_SERVICE_ACCOUNT
