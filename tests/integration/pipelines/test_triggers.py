"""Listeners over the real API server: whose rights are used, and whose word counts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, UserInfo, Verb
from wakeful.apis import make_scheme
from wakeful.apis.core import ConfigMap, Event
from wakeful.apis.discovery import EndpointSlice
from wakeful.apiserver.protocols import AccessAttributes, Decision
from wakeful.apiserver.transport import InProcessTransport
from wakeful.reconciler.serving import GatewayAddress
from wakeful.reconciler.triggers import add_trigger_controllers
from wakeful.reconciler.triggers.calls import Reply
from wakeful.testing.world import World

GROUP = "triggers.tekton.dev/v1beta1"


class Permissions:
    """Lets accounts do what was granted: ``verb resource namespace``."""

    def __init__(self) -> None:
        self.granted: dict[str, set[str]] = {}

    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> Decision:
        if SYSTEM_MASTERS in user.groups or "reviews" in attributes.resource:
            return Decision(True)
        wanted = f"{attributes.verb} {attributes.resource} {attributes.namespace}"
        return Decision(wanted in self.granted.get(user.name, ()))

    def rules(self, user: UserInfo, namespace: str) -> tuple[list[Any], list[Any]]:
        return [], []


class Stage:
    """A running hub, and what was posted to interceptors."""

    def __init__(self) -> None:
        self.permissions = Permissions()
        self.world = World(make_scheme(), authorizer=self.permissions)
        self.asked: list[tuple[str, Any]] = []
        self.reply = Reply(200, b"{}")
        add_trigger_controllers(
            self.world.manager,
            gateway=GatewayAddress(8080),
            transport=self._as_account,
            post=self._post,
        )

    def _as_account(self, namespace: str, account: str) -> InProcessTransport:
        user = UserInfo(f"system:serviceaccount:{namespace}:{account}")
        return InProcessTransport(self.world.server, user)

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> Reply:
        self.asked.append((url, json.loads(body)))
        return self.reply

    def grant(self, account: str, *what: str) -> None:
        namespace, _, name = account.partition("/")
        user = f"system:serviceaccount:{namespace}:{name}"
        self.permissions.granted.setdefault(user, set()).update(what)

    async def apply(self, kind: str, name: str, spec: Any, namespace: str = "default") -> None:
        resource = self.world.scheme.by_kind("triggers.tekton.dev", kind)
        assert resource is not None
        where = namespace if resource.namespaced else ""
        version = resource.gvk.version
        body = {
            "apiVersion": f"triggers.tekton.dev/{version}",
            "kind": kind,
            "metadata": {"name": name, "namespace": where},
            "spec": spec,
        }
        await self.world.client.transport.call(
            APIRequest(
                Verb.CREATE, resource.group, version, resource.plural, namespace=where, body=body
            )
        )

    async def send(self, listener: str, body: Any, **headers: str) -> int:
        """Post to the hub as the gateway does, once it knows the listener."""
        slices = await self.world.eventually(lambda: self.world.all(EndpointSlice))
        port = slices[0].ports[0].port
        named = {"X-Wakeful-Event-Listener": listener, **headers}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{port}/", json=body, headers=named) as answer,
        ):
            return answer.status

    async def send_bytes(self, listener: str, head: bytes, body: bytes) -> int:
        """Post what no client of ours would."""
        slices = await self.world.eventually(lambda: self.world.all(EndpointSlice))
        reader, writer = await asyncio.open_connection("127.0.0.1", slices[0].ports[0].port or 0)
        try:
            writer.write(
                b"POST / HTTP/1.1\r\nHost: a\r\nX-Wakeful-Event-Listener: %s\r\n"
                % listener.encode()
                + b"Content-Length: %d\r\n%s\r\n%s" % (len(body), head, body)
            )
            return int((await reader.readline()).split(b" ")[1])
        finally:
            writer.close()

    async def made(self, namespace: str = "default") -> list[ConfigMap]:
        found = await self.world.all(ConfigMap, namespace)
        return [one for one in found if "triggers.tekton.dev/eventlistener" in one.metadata.labels]

    async def complaints(self) -> list[str]:
        found = await self.world.all(Event)
        return [e.message for e in found if e.reason == "TriggerProcessingFailed"]

    async def complaint(self, text: str) -> None:
        async def said() -> bool:
            return any(text in message for message in await self.complaints())

        await self.world.eventually(said)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    await stage.world.prepare()
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}
    request = APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body)
    await stage.world.client.transport.call(request)
    async with stage.world.running():
        yield stage


def a_template(**data: str) -> dict[str, Any]:
    params = [{"name": "ref", "default": "none"}]
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"generateName": "made-"},
        "data": data or {"ref": "$(tt.params.ref)"},
    }
    return {"spec": {"params": params, "resourcetemplates": [made]}}


def a_listener(*interceptors: Any, **more: Any) -> dict[str, Any]:
    trigger = {
        "name": "t",
        "bindings": [{"name": "ref", "value": "$(body.ref)"}],
        "template": a_template(),
        "interceptors": list(interceptors),
    }
    return {"serviceAccountName": "bot", "triggers": [trigger], **more}


async def test_objects_are_created_as_the_listeners_account(stage: Stage) -> None:
    """Without the right nothing is, and the listener says why."""
    await stage.apply("EventListener", "el", a_listener())
    assert await stage.send("default/el", {"ref": "x"}) == 202
    await stage.complaint("cannot create resource")
    assert await stage.made() == []

    stage.grant("default/bot", "create configmaps default")
    assert await stage.send("default/el", {"ref": "x"}) == 202
    (made,) = await stage.world.eventually(stage.made)
    assert made.data == {"ref": "x"}
    assert made.metadata.labels["triggers.tekton.dev/trigger"] == "t"
    assert len(made.metadata.labels["triggers.tekton.dev/triggers-eventid"]) == 36


async def test_strangers_and_nonsense_are_refused(stage: Stage) -> None:
    """Who is no listener, and what is no object."""
    await stage.apply("EventListener", "el", a_listener())
    assert await stage.send("default/nobody", {}) == 404
    assert await stage.send("", {}) == 404
    assert await stage.send("default/el", []) == 400
    assert await stage.send("default/el", "text") == 400


async def test_triggers_of_other_namespaces_need_rights(stage: Stage) -> None:
    """To list them; and to become the account that they name."""
    spec = {
        "serviceAccountName": "bot",
        "namespaceSelector": {"matchNames": ["other"]},
    }
    await stage.apply("EventListener", "el", spec)
    await stage.apply("EventListener", "own", a_listener())  # something to wait for
    trigger = {"serviceAccountName": "theirs", "template": a_template()}
    await stage.apply("Trigger", "theirs", trigger, "other")
    stage.grant("other/theirs", "create configmaps other")

    assert await stage.send("default/el", {}) == 202
    await stage.complaint("may not list triggers of 'other'")

    stage.grant("default/bot", "list triggers other")
    assert await stage.send("default/el", {}) == 202
    await stage.complaint("may not impersonate service account other/theirs")
    assert await stage.made("other") == []

    stage.grant("default/bot", "impersonate serviceaccounts other")
    assert await stage.send("default/el", {}) == 202
    assert await stage.world.eventually(lambda: stage.made("other"))


async def test_interceptors_of_ones_own_are_asked(stage: Stage) -> None:
    """In order; what they add is seen by the next, and one that says no ends it."""
    stage.grant("default/bot", "create configmaps default")
    config = {"clientConfig": {"service": {"name": "check", "namespace": "other", "path": "hook"}}}
    await stage.apply("ClusterInterceptor", "mine", config)
    cel = {
        "ref": {"name": "cel"},
        "params": [{"name": "filter", "value": "extensions.level == 'high'"}],
    }
    mine = {"ref": {"name": "mine"}, "params": [{"name": "p", "value": [1]}]}
    await stage.apply("EventListener", "el", a_listener(mine, cel))

    stage.reply = Reply(200, b'{"continue": true, "extensions": {"level": "high"}}')
    assert await stage.send("default/el", {"ref": "y"}) == 202
    assert await stage.world.eventually(stage.made)
    url, asked = stage.asked[0]
    assert url == "http://check.other.svc.cluster.local/hook"
    assert asked["interceptor_params"] == {"p": [1]}
    assert json.loads(asked["body"]) == {"ref": "y"}
    assert asked["context"]["trigger_id"] == "namespaces/default/triggers/t"
    assert "X-Wakeful-Event-Listener" not in asked["header"]

    stage.reply = Reply(200, b'{"continue": false, "status": {"message": "no"}}')
    assert await stage.send("default/el", {"ref": "z"}) == 202
    stage.reply = Reply(500, b"")
    assert await stage.send("default/el", {"ref": "z"}) == 202
    await stage.complaint("answered 500")
    await asyncio.sleep(0)
    assert len(await stage.made()) == 1


async def test_bytes_that_are_no_text(stage: Stage) -> None:
    """In headers they are replaced, as Go's JSON does; bodies are refused."""
    await stage.apply("ClusterInterceptor", "mine", {"clientConfig": {"url": "http://mine"}})
    await stage.apply("EventListener", "el", a_listener({"ref": {"name": "mine"}}))
    stage.reply = Reply(200, json.dumps({"continue": False}).encode())

    assert await stage.send_bytes("default/el", b"X-Odd: a\xff\r\n", b"{}") == 202
    await stage.world.eventually(lambda: stage.asked)
    assert stage.asked[0][1]["header"]["X-Odd"] == ["a\ufffd"]

    for body in (b'{"a": "\xff"}', b"[]", b"{"):
        assert await stage.send_bytes("default/el", b"Content-Encoding: gzip\r\n", body) == 400


async def test_secrets_of_other_namespaces_are_not_read(stage: Stage) -> None:
    """Nor is a listener believed whose secret is missing."""
    stage.grant("default/bot", "create configmaps default")
    reference = {"secretName": "none", "secretKey": "token"}
    github = {"ref": {"name": "github"}, "params": [{"name": "secretRef", "value": reference}]}
    await stage.apply("EventListener", "el", a_listener(github))
    assert await stage.send("default/el", {"ref": "x"}) == 202
    await stage.complaint("secret default/none not found")
    assert await stage.made() == []
