"""A GitHubSource is ready when its tokens and its sink are there and GitHub was told to call."""

from __future__ import annotations

import base64
import contextlib

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.duck import Addressable, CloudEventAttributes
from wakeful.apis.networking import Ingress
from wakeful.apis.sources import SecretValueFromSource, register
from wakeful.apis.sources.githubsource_rules import parse_owner_and_repository
from wakeful.client import Client, Lister
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.route.hosts import DomainNameError, HostNames
from wakeful.reconciler.sources.container.resources import covers
from wakeful.reconciler.sources.github.hooks import GitHubError, Hook, HookOwner, Hooks
from wakeful.reconciler.sources.github.resources import (
    AnyGitHubSource,
    ingress_name,
    make_receiver_ingress,
    receiver_host,
    webhook_url,
)
from wakeful.reconciler.sources.parts import SourceParts

_RETRY_SECONDS = 15.0
_TOLD = "sources.knative.dev/webhook-generation"
"""Annotation of the status: the generation and the address GitHub knows; saves needless calls."""


class SecretMissingError(Exception):
    """A token is not where the source says."""


class GitHubSourceReconciler:
    """Publishes the receiver and keeps the webhook."""

    finalizer = "githubsources.sources.knative.dev"

    def __init__(
        self,
        parts: SourceParts,
        client: Client,
        secrets: Lister[Secret],
        ingresses: Lister[Ingress],
        names: Current[HostNames],
        hooks: Hooks,
        recorder: EventRecorder,
    ) -> None:
        self._parts, self._client, self._hooks = parts, client, hooks
        self._secrets, self._ingresses = secrets, ingresses
        self._names, self._recorder = names, recorder

    async def reconcile_kind(self, source: AnyGitHubSource) -> Result | None:
        """Bring the webhook and the status up to date."""
        status, spec = source.status, source.wanted
        status.ce_attributes = [
            CloudEventAttributes(
                type=f"{register.GITHUB_TYPE}.{event}",
                source=f"{register.GITHUB_SOURCE}/{spec.owner_and_repository}",
            )
            for event in spec.event_types
        ]
        tokens = self._tokens(source)
        if tokens is None:
            return None
        if not await self._parts.sinks.provide(source, spec.sink, status):
            return None
        await self._parts.event_types.reconcile(source, spec.sink, status.ce_attributes)
        ingress = await self._publish(source)
        if ingress is None:
            return None
        state = self._parts.adapters.state(source)
        if state is None or not state.running or not ingress.is_ready:
            message = "The address that GitHub is to call does not answer yet."
            status.mark_webhook_waiting("MissingReceiveAdapter", message)
            return None
        return await self._tell_github(source, *tokens)

    async def finalize_kind(self, source: AnyGitHubSource) -> Result | None:
        """Remove the webhook and the way to the receiver; what cannot be removed is given up."""
        result = await self._remove_webhook(source)
        if result is None:
            name = ingress_name(source)
            with contextlib.suppress(NotFoundError):
                await self._client.delete(Ingress, name, register.SYSTEM_NAMESPACE)
        return result

    async def _remove_webhook(self, source: AnyGitHubSource) -> Result | None:
        hook_id = source.status.webhook_id_key
        if not hook_id:
            return None
        try:
            access_token = self._token(source, source.wanted.access_token)
            await self._hooks.delete(_owner(source, access_token), hook_id)
        except SecretMissingError as err:
            self._give_up(source, hook_id, str(err))
        except GitHubError as err:
            if err.status != 404:
                message = f'Could not delete webhook "{hook_id}": {err}'
                self._recorder.warning(source, "WebhookDeletionFailed", message)
                return Result(requeue_after=_RETRY_SECONDS)
            self._give_up(source, hook_id, str(err))
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)

    def _give_up(self, source: AnyGitHubSource, hook_id: str, why: str) -> None:
        message = f'Could not delete webhook "{hook_id}": {why}'
        self._recorder.warning(source, "WebhookDeletionSkipped", message)

    def _tokens(self, source: AnyGitHubSource) -> tuple[str, str] | None:
        """Access token and secret token; None when one is missing, which the status tells."""
        spec, found = source.wanted, list[str]()
        for value, reason in (
            (spec.access_token, "AccessTokenNotFound"),
            (spec.secret_token, "SecretTokenNotFound"),
        ):
            try:
                found.append(self._token(source, value))
            except SecretMissingError as err:
                source.status.mark_no_secrets(reason, str(err))
                return None
        source.status.mark_secrets()
        return found[0], found[1]

    def _token(self, source: AnyGitHubSource, value: SecretValueFromSource) -> str:
        ref = value.secret_key_ref
        if ref is None:
            raise SecretMissingError("secretKeyRef is not set")
        secret = self._secrets.get(ref.name, source.metadata.namespace)
        if secret is None:
            raise SecretMissingError(f'secrets "{ref.name}" not found')
        text = secret.data.get(ref.key)
        if text is None:
            raise SecretMissingError(f'key "{ref.key}" not found in secret "{ref.name}"')
        return base64.b64decode(text).decode("utf-8", "replace").strip()

    async def _publish(self, source: AnyGitHubSource) -> Ingress | None:
        """Have the gateway lead to the receiver; None when no address can be made."""
        names, status = self._names.current(), source.status
        try:
            host = receiver_host(source, names)
        except DomainNameError as err:
            status.mark_no_webhook("MissingReceiveAdapter", str(err))
            return None
        want = make_receiver_ingress(source, host, names)
        have = self._ingresses.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            have = await self._client.create_or_get(want)
        if not covers(have.spec.to_wire(), want.spec.to_wire()):
            have = await self._client.update(have.model_copy(update={"spec": want.spec}))
        status.address = Addressable(url=names.gateway.url("http", host))
        return have

    async def _tell_github(
        self, source: AnyGitHubSource, access_token: str, secret_token: str
    ) -> Result | None:
        status, spec = source.status, source.wanted
        assert status.address is not None
        url = webhook_url(status.address.url, secure=spec.secure)
        told = f"{source.metadata.generation} {url} {self._versions(source)}"
        owner, hook = _owner(source, access_token), Hook(url, spec.event_types, secret_token)
        if status.webhook_id_key and status.annotations.get(_TOLD) == told:
            status.mark_webhook()
            return None
        try:
            if not status.webhook_id_key:
                # Ours already, if a call went well and its answer, or our status, got lost.
                status.webhook_id_key = await self._hooks.find(owner, url)
            if status.webhook_id_key:
                await self._hooks.update(owner, status.webhook_id_key, hook)
            else:
                status.webhook_id_key = await self._hooks.create(owner, hook)
        except GitHubError as err:
            return _refused(source, err)
        status.annotations[_TOLD] = told
        status.mark_webhook()
        return None

    def _versions(self, source: AnyGitHubSource) -> str:
        """The versions of the Secrets that hold the tokens."""
        spec, found = source.wanted, list[str]()
        for value in (spec.access_token, spec.secret_token):
            ref = value.secret_key_ref
            secret = self._secrets.get(ref.name, source.metadata.namespace) if ref else None
            found.append(secret.metadata.resource_version if secret is not None else "")
        return "/".join(found)


def _refused(source: AnyGitHubSource, err: GitHubError) -> Result:
    status = source.status
    if not status.webhook_id_key:
        status.mark_no_webhook("CreationFailed", f"failed to create webhook: {err}")
    else:
        status.mark_no_webhook("ReconciliationFailed", f"failed to reconcile webhook: {err}")
        if err.status == 404:
            status.webhook_id_key = ""  # somebody removed it: make another one
            return Result(requeue_after=1.0)
    return Result(requeue_after=_RETRY_SECONDS)


def _owner(source: AnyGitHubSource, access_token: str) -> HookOwner:
    spec = source.wanted
    owner, repository = parse_owner_and_repository(spec.owner_and_repository)
    return HookOwner(spec.github_api_url, owner, repository, access_token)
