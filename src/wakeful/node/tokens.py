"""Tokens of service accounts, asked for once and renewed in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core.pod_types import Pod
from wakeful.node.context import NodeContext

Account = tuple[str, str]
"""Namespace and name of a service account."""


def account_of(pod: Pod) -> Account:
    """The service account of a Pod."""
    return pod.metadata.namespace, pod.spec.service_account_name or "default"


@dataclass(slots=True)
class _Token:
    text: str
    renew_at: datetime


class TokenCache:
    """Tokens of service accounts, reused until four fifths of their life are over.

    They are bound to the account, not to the Pod: a cold start does not wait for a signature.
    """

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        self._tokens: dict[tuple[Account, str, int], _Token] = {}

    async def get(self, account: Account, audience: str, seconds: int) -> str:
        """A token of ``account`` (namespace and name), good for at least a fifth of ``seconds``."""
        key = (account, audience, seconds)
        now = self._node.clock.now()
        cached = self._tokens.get(key)
        if cached is not None and now < cached.renew_at:
            return cached.text
        namespace, name = account
        spec: dict[str, Any] = {"expirationSeconds": seconds}
        if audience:
            spec["audiences"] = [audience]
        answer = await self._node.client.transport.call(
            APIRequest(
                Verb.CREATE,
                "",
                "v1",
                "serviceaccounts",
                namespace=namespace,
                name=name,
                subresource="token",
                body={
                    "apiVersion": "authentication.k8s.io/v1",
                    "kind": "TokenRequest",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": spec,
                },
            )
        )
        status = answer["status"]
        expires = parse_time(status["expirationTimestamp"])
        life: timedelta = expires - now
        self._tokens[key] = _Token(status["token"], now + life * 0.8)
        return str(status["token"])

    def forget(self, account: Account) -> None:
        """Nobody is to get the tokens of ``account`` any more: it was deleted."""
        for key in [key for key in self._tokens if key[0] == account]:
            del self._tokens[key]

    def seconds_left(self, account: Account, audience: str, seconds: int) -> float:
        """Until when a token should be asked for again."""
        cached = self._tokens.get((account, audience, seconds))
        if cached is None:
            return 0.0
        return max(0.0, (cached.renew_at - self._node.clock.now()).total_seconds())
