"""Ask interceptors about a request: the built-in ones here, others where they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from wakeful.apis.core import Secret
from wakeful.apis.triggers import (
    ClusterInterceptor,
    Interceptor,
    TriggerInterceptor,
    WebhookInterceptor,
)
from wakeful.apis.triggers.interceptor_types import ClientConfig
from wakeful.client import Lister
from wakeful.pipelines.triggers import Event, Verdict, expressions, webhooks
from wakeful.reconciler.triggers.calls import Poster

_SECONDS = 5.0
_SIGNED = {
    "github": webhooks.github,
    "gitlab": webhooks.gitlab,
    "bitbucket": webhooks.bitbucket,
    "slack": webhooks.slack,
}


class InterceptorError(Exception):
    """An interceptor cannot be asked."""


class Interceptors:
    """Runs chains of interceptors for triggers of a namespace."""

    def __init__(
        self,
        secrets: Lister[Secret],
        cluster: Lister[ClusterInterceptor],
        namespaced: Lister[Interceptor],
        post: Poster,
    ) -> None:
        self._secrets, self._cluster, self._namespaced = secrets, cluster, namespaced
        self._post = post

    async def pass_through(
        self, chain: list[TriggerInterceptor], event: Event, namespace: str, trigger: str
    ) -> tuple[Event, str]:
        """Return the request as it came out, and why it was stopped ("" when it was not).

        Raises:
            InterceptorError: One of them cannot be asked.
        """
        for interceptor in chain:
            if interceptor.webhook is not None:
                event, why = await self._ask_webhook(interceptor.webhook, event, namespace)
            else:
                verdict = await self._ask(interceptor, event, namespace, trigger)
                event = event.extended(verdict.extensions)
                why = "" if verdict.go_on else verdict.message or "stopped by an interceptor"
            if why:
                return event, why
        return event, ""

    async def _ask(
        self, interceptor: TriggerInterceptor, event: Event, namespace: str, trigger: str
    ) -> Verdict:
        name, kind = interceptor.ref.name, interceptor.ref.kind or "ClusterInterceptor"
        params = {param.name: param.value for param in interceptor.params}
        if kind == "ClusterInterceptor" and (own := self._cluster.get(name)) is not None:
            url = _url_of(own.spec.client_config, "")
        elif kind == "ClusterInterceptor":
            # Expressions, and what they are over, can be long; the loop has others to serve.
            return await asyncio.to_thread(self._built_in, name, params, event, namespace)
        elif (found := self._namespaced.get(name, namespace)) is not None:
            url = _url_of(found.spec.client_config, namespace)
        else:
            raise InterceptorError(f"interceptors.triggers.tekton.dev {name!r} not found")
        return await self._ask_service(
            url, params, event, f"namespaces/{namespace}/triggers/{trigger}"
        )

    def _built_in(
        self, name: str, params: Mapping[str, Any], event: Event, namespace: str
    ) -> Verdict:
        def read(secret: str, key: str, elsewhere: str = "") -> str:
            if elsewhere not in ("", namespace):
                raise InterceptorError(f"secret {secret!r} is in another namespace")
            return self._read_secret(secret, key, namespace)

        if name == "cel":
            return expressions.intercept(params, event, read)
        check = _SIGNED.get(name)
        if check is None:
            raise InterceptorError(f"clusterinterceptors.triggers.tekton.dev {name!r} not found")
        reference = params.get("secretRef")
        secret = None
        if isinstance(reference, Mapping) and reference.get("secretName"):
            secret = read(str(reference["secretName"]), str(reference.get("secretKey") or ""))
        return check(params, event, secret)

    def _read_secret(self, name: str, key: str, namespace: str) -> str:
        secret = self._secrets.get(name, namespace)
        if secret is None:
            raise InterceptorError(f"secret {namespace}/{name} not found")
        data = secret.decoded()
        if key not in data:
            raise InterceptorError(f"secret {namespace}/{name} has no key {key!r}")
        return data[key].decode(errors="replace")

    async def _ask_service(
        self, url: str, params: Mapping[str, Any], event: Event, trigger_id: str
    ) -> Verdict:
        body = orjson.dumps(
            {
                "body": event.raw.decode(errors="replace"),
                "header": {name: list(values) for name, values in event.headers.items()},
                "extensions": dict(event.extensions),
                "interceptor_params": dict(params),
                "context": {
                    "event_url": event.url,
                    "event_id": event.event_id,
                    "trigger_id": trigger_id,
                },
            }
        )
        wire = await self._call(url, body, {"Content-Type": "application/json"})
        status = wire.get("status") or {}
        extensions = wire.get("extensions")
        return Verdict(
            wire.get("continue") is True,
            str(status.get("message", "")) if isinstance(status, Mapping) else "",
            extensions if isinstance(extensions, Mapping) else {},
        )

    async def _ask_webhook(
        self, webhook: WebhookInterceptor, event: Event, namespace: str
    ) -> tuple[Event, str]:
        """The old way: the answer's body is the request to go on with."""
        url = webhook.url
        if webhook.object_ref is not None:
            where = webhook.object_ref.namespace or namespace
            url = f"http://{webhook.object_ref.name}.{where}.svc.cluster.local"
        headers = {name: values[0] for name, values in event.headers.items() if values}
        for drop in ("Host", "Content-Length", "Transfer-Encoding", "Connection"):
            headers.pop(drop, None)
        for header in webhook.header:
            value = header.value
            headers[header.name] = str(value[0] if isinstance(value, list) and value else value)
        headers["Eventlistener-Request-Url"] = event.url
        body = await self._call(url, event.raw, headers)
        raw = orjson.dumps(body)
        return replace(event, body=body, raw=raw), ""

    async def _call(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            reply = await self._post(url, body, headers, timeout=_SECONDS)
        except (OSError, TimeoutError) as error:
            raise InterceptorError(f"{url}: no answer: {error}") from error
        if reply.status >= 300:
            raise InterceptorError(f"{url}: answered {reply.status}")
        try:
            wire = orjson.loads(reply.body)
        except orjson.JSONDecodeError as error:
            raise InterceptorError(f"{url}: the answer is no JSON") from error
        if not isinstance(wire, dict):
            raise InterceptorError(f"{url}: the answer is no object")
        return wire


def _url_of(config: ClientConfig, namespace: str) -> str:
    if config.url:
        return config.url
    service = config.service
    if service is None or not service.name:
        raise InterceptorError("the interceptor says neither url nor service")
    where = service.namespace or namespace or "default"
    port = f":{service.port}" if service.port not in (None, 80) else ""
    return f"http://{service.name}.{where}.svc.cluster.local{port}/{service.path.lstrip('/')}"
