from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
)
from wakeful.apimachinery.request import (
    SYSTEM_MASTERS,
    APIRequest,
    PatchType,
    UserInfo,
    Verb,
)
from wakeful.apis import make_scheme
from wakeful.apiserver import AccessAttributes, APIServer, Decision
from wakeful.apiserver.protocols import IssuedToken
from wakeful.storage import MemoryStore

ADMIN = UserInfo("admin", (SYSTEM_MASTERS,))
ALICE = UserInfo("alice", ("staff",), "u-1", {"team": ("a", "b")})


class OnlyReads:
    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> Decision:
        masters = SYSTEM_MASTERS in user.groups
        review = attributes.resource.endswith("reviews")
        reads = attributes.verb in ("get", "list", "watch")
        return Decision(masters or review or reads, "" if reads else "reading is enough")

    def rules(
        self, user: UserInfo, namespace: str
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return [{"verbs": ["get"], "apiGroups": ["*"], "resources": ["*"]}], []


class Tokens:
    def issue(
        self,
        *,
        namespace: str,
        name: str,
        uid: str,
        audiences: Sequence[str] = (),
        seconds: int = 3600,
        bound_object: Mapping[str, str] | None = None,
    ) -> IssuedToken:
        end = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        return IssuedToken(f"{namespace}/{name}/{uid}", end)

    def review(self, token: str, audiences: Sequence[str] = ()) -> UserInfo | None:
        return ALICE if token == "alice" else None


@pytest.fixture
async def server() -> APIServer:
    server = APIServer(
        MemoryStore(),
        make_scheme(),
        clock=ManualClock(),
        authorizer=OnlyReads(),
        tokens=Tokens(),
    )
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    await server.handle(APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body), ADMIN)
    return server


class TestScale:
    async def test_scale_is_read_and_written(self, world: Any, widget: Any) -> None:
        """One shape for every kind; the object's rules and generation apply."""
        made = await world.create(widget(replicas=2))
        await world.update(made | {"status": {"replicas": 1, "selector": "a=b"}}, sub="status")

        scale = await world.get("widgets", "w", sub="scale")
        assert scale["kind"] == "Scale"
        assert scale["apiVersion"] == "autoscaling/v1"
        assert scale["spec"] == {"replicas": 2}
        assert scale["status"] == {"replicas": 1, "selector": "a=b"}

        await world.ask(Verb.UPDATE, name="w", body=scale | {"spec": {"replicas": 5}}, sub="scale")
        patched = await world.ask(
            Verb.PATCH,
            name="w",
            body={"spec": {"replicas": 0}},
            patch_type=PatchType.MERGE,
            sub="scale",
        )
        assert patched.object["spec"] == {}
        found = await world.get("widgets", "w")
        assert found["spec"]["replicas"] == 0
        assert found["metadata"]["generation"] == 3

    async def test_patch_creates_the_field(self, world: Any, widget: Any) -> None:
        """Reading it before fails."""
        await world.create(widget())
        with pytest.raises(BadRequestError, match="does not exist"):
            await world.get("widgets", "w", sub="scale")

        await world.ask(
            Verb.PATCH,
            name="w",
            body={"spec": {"replicas": 4}},
            patch_type=PatchType.MERGE,
            sub="scale",
        )

        assert (await world.get("widgets", "w", sub="scale"))["spec"] == {"replicas": 4}

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (None, BadRequestError),
            ({"spec": {"replicas": "x"}}, BadRequestError),
            ({"spec": []}, BadRequestError),
            ({"spec": {"replicas": -1}}, InvalidError),
            ({"spec": {"replicas": 2**40}}, InvalidError),
            ({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}}, ConflictError),
        ],
    )
    async def test_bad_scales(
        self, world: Any, widget: Any, body: Any, error: type[Exception]
    ) -> None:
        """4xx."""
        await world.create(widget(replicas=2))
        with pytest.raises(error):
            await world.ask(Verb.UPDATE, name="w", body=body, sub="scale")

    async def test_kinds_without_scale(self, world: Any, config_map: Any) -> None:
        """404, and 405 for verbs it does not have."""
        await world.create(config_map())
        with pytest.raises(NotFoundError):
            await world.get("configmaps", "c", sub="scale")
        with pytest.raises(MethodNotAllowedError):
            await world.ask(Verb.DELETE, name="w", sub="scale")


class TestReviews:
    async def review(
        self, server: APIServer, kind: str, spec: Any = None, namespace: str = ""
    ) -> Any:
        group = (
            "authentication" if kind in ("TokenReview", "SelfSubjectReview") else "authorization"
        )
        body: dict[str, Any] = {"apiVersion": f"{group}.k8s.io/v1", "kind": kind}
        if spec is not None:
            body["spec"] = spec
        request = APIRequest(
            Verb.CREATE, f"{group}.k8s.io", "v1", f"{kind.lower()}s", namespace, body=body
        )
        response = await server.handle(request, ALICE)
        assert response.code == 201
        return response.object["status"]

    async def test_may_i(self, server: APIServer) -> None:
        """The authorizer's decision, with its reason."""
        read = {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
        write = {"resourceAttributes": {"verb": "create", "resource": "pods"}}
        path = {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}

        kind = "SelfSubjectAccessReview"
        assert await self.review(server, kind, read) == {"allowed": True}
        assert await self.review(server, kind, write) == {
            "allowed": False,
            "reason": "reading is enough",
        }
        assert await self.review(server, kind, path) == {"allowed": True}
        for spec in ({}, read | path):
            with pytest.raises(InvalidError):
                await self.review(server, kind, spec)

    async def test_may_they(self, server: APIServer) -> None:
        """About somebody else."""
        what = {
            "resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "default"}
        }
        masters = what | {"user": "x", "groups": [SYSTEM_MASTERS]}

        assert (await self.review(server, "SubjectAccessReview", masters))["allowed"]
        local = await self.review(server, "LocalSubjectAccessReview", masters, "default")
        assert local["allowed"]
        with pytest.raises(InvalidError):
            await self.review(server, "SubjectAccessReview", what)
        with pytest.raises(InvalidError):
            await self.review(server, "LocalSubjectAccessReview", masters, "other")

    async def test_who_am_i(self, server: APIServer) -> None:
        """Everything known about the caller."""
        assert await self.review(server, "SelfSubjectReview") == {
            "userInfo": {
                "username": "alice",
                "groups": ["staff"],
                "uid": "u-1",
                "extra": {"team": ["a", "b"]},
            }
        }

    async def test_what_may_i(self, server: APIServer) -> None:
        """The rules that apply."""
        status = await self.review(server, "SelfSubjectRulesReview", {"namespace": "default"})
        assert status["resourceRules"][0]["verbs"] == ["get"]
        assert status["incomplete"] is False

    async def test_whose_token(self, server: APIServer) -> None:
        """Valid or not."""
        good = await self.review(server, "TokenReview", {"token": "alice"})
        bad = await self.review(server, "TokenReview", {"token": "x"})
        assert good["user"]["username"] == "alice"
        assert bad["authenticated"] is False

    async def test_reviews_are_not_stored(self, server: APIServer) -> None:
        """They can only be created."""
        request = APIRequest(Verb.LIST, "authorization.k8s.io", "v1", "selfsubjectaccessreviews")
        with pytest.raises(MethodNotAllowedError):
            await server.handle(request, ALICE)


class TestTokens:
    async def ask(self, server: APIServer, spec: Any, name: str = "robot") -> Any:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        request = APIRequest(
            Verb.CREATE, "", "v1", "serviceaccounts", "default", name, "token", body
        )
        return await server.handle(request, ADMIN)

    async def test_token_of_an_account(self, server: APIServer) -> None:
        """201 with token and end."""
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
        made = await server.handle(
            APIRequest(Verb.CREATE, "", "v1", "serviceaccounts", "default", body=body), ADMIN
        )
        response = await self.ask(server, {"expirationSeconds": 600})

        assert response.code == 201
        uid = made.object["metadata"]["uid"]
        assert response.object["status"] == {
            "token": f"default/robot/{uid}",
            "expirationTimestamp": "2026-01-01T00:10:00Z",
        }
        for spec, error in (
            ({"expirationSeconds": 5}, InvalidError),
            ({"expirationSeconds": "x"}, BadRequestError),
            ({"audiences": "x"}, BadRequestError),
            ([], None),
            ("x", BadRequestError),
            ({"boundObjectRef": {"kind": "Job"}}, InvalidError),
            ({"boundObjectRef": {"kind": 1}}, BadRequestError),
        ):
            if error is not None:
                with pytest.raises(error):
                    await self.ask(server, spec)
        with pytest.raises(NotFoundError):
            await self.ask(server, {}, "nobody")


async def test_forbidden_says_who_cannot_do_what(server: APIServer) -> None:
    """The message names user, verb, resource, group and namespace."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    request = APIRequest(Verb.CREATE, "", "v1", "configmaps", "default", body=body)

    with pytest.raises(ForbiddenError) as caught:
        await server.handle(request, ALICE)

    assert caught.value.message == (
        'configmaps is forbidden: User "alice" cannot create resource "configmaps" in API group ""'
        ' in the namespace "default": reading is enough'
    )


async def test_eviction_deletes_the_pod(server: APIServer) -> None:
    """Preconditions and grace come with it."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    await server.handle(APIRequest(Verb.CREATE, "", "v1", "pods", "default", body=pod), ADMIN)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}

    def evict(body: Any) -> APIRequest:
        return APIRequest(Verb.CREATE, "", "v1", "pods", "default", "p", "eviction", body)

    with pytest.raises(BadRequestError):
        await server.handle(evict(eviction | {"metadata": {"name": "q"}}), ADMIN)
    response = await server.handle(evict(eviction), ADMIN)

    assert response.code == 201
    with pytest.raises(NotFoundError):
        await server.handle(APIRequest(Verb.GET, "", "v1", "pods", "default", "p"), ADMIN)


async def test_events_have_two_spellings(server: APIServer) -> None:
    """One store under core and events.k8s.io."""
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "note": "hello",
        "reason": "Greeted",
        "type": "Normal",
        "reportingController": "tests",
        "reportingInstance": "t-1",
        "action": "greet",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }
    new = ("events.k8s.io", "v1", "events", "default")
    await server.handle(APIRequest(Verb.CREATE, *new, body=event), ADMIN)

    core = await server.handle(APIRequest(Verb.GET, "", "v1", "events", "default", "e"), ADMIN)
    listed = await server.handle(
        APIRequest(Verb.LIST, *new, params={"fieldSelector": "regarding.name=p"}), ADMIN
    )

    assert core.object["involvedObject"]["name"] == "p"
    assert core.object["message"] == "hello"
    (found,) = listed.object["items"]
    assert found["note"] == "hello"
    assert found["apiVersion"] == "events.k8s.io/v1"
