"""Tekton Triggers on this platform: connects the listeners' hub with the API and with senders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wakeful.apimachinery.request import AUTHENTICATED, Transport, UserInfo
from wakeful.apis.pipeline.register import SYSTEM_NAMESPACE
from wakeful.controller import Manager
from wakeful.eventing.delivery import Sender
from wakeful.reconciler.serving import GatewayAddress
from wakeful.reconciler.triggers import add_trigger_controllers
from wakeful.reconciler.triggers.calls import Reply

UPSTREAM_VERSION = "v0.37.0"
"""The release of Tekton Triggers whose behaviour this is; ``tkn version`` shows it."""


def trigger_objects() -> list[dict[str, Any]]:
    """What tkn looks for in Tekton's namespace, which is there already."""
    meta = {
        "name": "triggers-info",
        "namespace": SYSTEM_NAMESPACE,
        "labels": {"app.kubernetes.io/part-of": "tekton-triggers"},
    }
    data = {"version": UPSTREAM_VERSION}
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}]


def add_triggers(
    manager: Manager,
    *,
    gateway: GatewayAddress,
    transport_of: Callable[[UserInfo], Transport],
    sender: Sender,
) -> None:
    """Have ``manager`` run listeners; ``transport_of`` reaches the API server as somebody else."""

    def as_account(namespace: str, account: str) -> Transport:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return transport_of(UserInfo(f"system:serviceaccount:{namespace}:{account}", groups))

    async def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
        answer = await sender.post(url, headers.items(), body, timeout_seconds=timeout)
        return Reply(answer.status, answer.body)

    add_trigger_controllers(manager, gateway=gateway, transport=as_account, post=post)
