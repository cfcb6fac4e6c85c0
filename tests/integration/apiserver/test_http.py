"""The wire itself, as clients other than kubectl see it."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from wakeful.aio import Lifetime
from wakeful.apimachinery.request import APIRequest, UserInfo, Verb
from wakeful.apiserver.http import ApiServerComponent, HTTPApplication
from wakeful.testing.waiting import eventually

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
MAPS = "/api/v1/namespaces/default/configmaps"


def a_map(name: str = "c", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class Wire:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def ask(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> tuple[int, Any, Any]:
        """Status, decoded body, headers."""
        if body is not None:
            options.setdefault("data", body if isinstance(body, bytes) else orjson.dumps(body))
            headers = {"Content-Type": "application/json"} | options.pop("headers", {})
            options["headers"] = headers
        async with self.session.request(method, self.url + path, **options) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, orjson.loads(raw) if is_json and raw else raw, response.headers


@pytest.fixture
async def wire(cluster: Any) -> AsyncIterator[Wire]:
    context = ssl.create_default_context(cadata=cluster.ca.certificate_pem.decode())
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context), headers={"Authorization": "Bearer admin"}
    ) as session:
        yield Wire(session, cluster.url)


async def test_object_travels(wire: Wire) -> None:
    """Created, read, replaced, deleted; every answer is JSON."""
    code, made, _ = await wire.ask("POST", MAPS, a_map(a="b"))
    assert (code, made["kind"]) == (201, "ConfigMap")
    code, found, headers = await wire.ask("GET", f"{MAPS}/c")
    assert (code, found) == (200, made)
    assert headers["Content-Type"].startswith("application/json")
    code, changed, _ = await wire.ask("PUT", f"{MAPS}/c", made | {"data": {"a": "c"}})
    assert (code, changed["data"]) == (200, {"a": "c"})
    assert changed["metadata"]["managedFields"][0]["manager"].startswith("Python")
    code, gone, _ = await wire.ask("DELETE", f"{MAPS}/c")
    assert (code, gone["status"]) == (200, "Success")


async def test_yaml_in_and_out(wire: Wire) -> None:
    """For people with curl."""
    body = b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: y}\n"
    code, _, _ = await wire.ask("POST", MAPS, body, headers={"Content-Type": "application/yaml"})
    assert code == 201
    code, text, headers = await wire.ask("GET", f"{MAPS}/y", headers={"Accept": "application/yaml"})
    assert code == 200
    assert headers["Content-Type"].startswith("application/yaml")
    assert b"name: y" in text


async def test_tables_and_metadata(wire: Wire) -> None:
    """Rows carry metadata, the object, or nothing."""
    await wire.ask("POST", MAPS, a_map(a="b"))
    _, table, _ = await wire.ask("GET", MAPS, headers=TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"][:2] == ["c", 1]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    _, full, _ = await wire.ask("GET", f"{MAPS}?includeObject=Object", headers=TABLE)
    assert full["rows"][0]["object"]["data"] == {"a": "b"}
    _, bare, _ = await wire.ask("GET", f"{MAPS}?includeObject=None", headers=TABLE)
    assert bare["rows"][0]["object"] is None
    code, _, _ = await wire.ask("GET", f"{MAPS}?includeObject=Some", headers=TABLE)
    assert code == 400
    _, metadata, _ = await wire.ask("GET", MAPS, headers=METADATA)
    assert metadata["kind"] == "PartialObjectMetadataList"
    assert set(metadata["items"][0]) == {"kind", "apiVersion", "metadata"}


async def test_warnings_are_quoted(wire: Wire) -> None:
    """One header for each, whatever the text."""
    odd = 'x"y\\zé'
    code, _, headers = await wire.ask("POST", MAPS, a_map() | {odd: 1, "other": 2})
    assert code == 201
    assert headers.getall("Warning") == [
        '299 - "unknown field \\"x\\"y\\\\zé\\""',
        '299 - "unknown field \\"other\\""',
    ]


async def test_duplicate_fields_are_seen(wire: Wire) -> None:
    """Which a parsed document no longer shows."""
    body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d","name":"d"}}'
    code, status, _ = await wire.ask("POST", f"{MAPS}?fieldValidation=Strict", body)
    assert code == 400
    assert 'duplicate field "metadata.name"' in status["message"]


class TestWatch:
    async def lines(self, response: aiohttp.ClientResponse, count: int) -> list[Any]:
        async with asyncio.timeout(60):
            return [json.loads(await response.content.readline()) for _ in range(count)]

    async def test_events_are_flushed_at_once(self, wire: Wire, cluster: Any) -> None:
        """One JSON object a line."""
        await wire.ask("POST", MAPS, a_map("first"))
        async with wire.session.get(f"{wire.url}{MAPS}?watch=1") as response:
            (first,) = await self.lines(response, 1)
            await wire.ask("POST", MAPS, a_map("second"))
            (second,) = await self.lines(response, 1)
        assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "first")
        assert second["object"]["metadata"]["name"] == "second"

    async def test_columns_come_once(self, wire: Wire) -> None:
        """As informers of tables expect."""
        for name in ("a", "b"):
            await wire.ask("POST", MAPS, a_map(name))
        async with wire.session.get(f"{wire.url}{MAPS}?watch=1", headers=TABLE) as response:
            first, second = await self.lines(response, 2)
        assert first["object"]["columnDefinitions"]
        assert second["object"]["columnDefinitions"] is None

    async def test_streaming_list(self, wire: Wire) -> None:
        """The bookmark that ends the initial part is annotated."""
        await wire.ask("POST", MAPS, a_map())
        query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        url = f"{wire.url}{MAPS}?{query}&allowWatchBookmarks=true"
        async with wire.session.get(url) as response:
            added, bookmark = await self.lines(response, 2)
        assert added["type"] == "ADDED"
        assert bookmark["type"] == "BOOKMARK"
        assert bookmark["object"]["kind"] == "ConfigMap"
        assert bookmark["object"]["metadata"]["annotations"] == {
            "k8s.io/initial-events-end": "true"
        }

    async def test_old_and_future_versions(self, wire: Wire) -> None:
        """410 and 504."""
        code, status, _ = await wire.ask("GET", f"{MAPS}?watch=1&resourceVersion=99999999")
        assert code == 504
        assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
        code, status, headers = await wire.ask("GET", f"{MAPS}?resourceVersion=99999999")
        assert (code, headers["Retry-After"]) == (504, "1")

    async def test_slow_reader_is_cut(self, wire: Wire, cluster: Any) -> None:
        """With an ERROR event, so that it lists again."""
        history = cluster.server.store._history
        history._backlog = 3
        async with wire.session.get(f"{wire.url}{MAPS}?watch=1&resourceVersion=1") as response:
            await cluster.watching()
            server = cluster.server
            admin = UserInfo("a", ("system:masters",))
            for i in range(10):  # without a pause in which the stream could be written
                request = APIRequest(
                    Verb.CREATE, "", "v1", "configmaps", "default", body=a_map(f"m{i}")
                )
                call = server._open(request, admin, "")
                server._writer.create(call)
            (error,) = await self.lines(response, 1)
        assert error["type"] == "ERROR"
        assert error["object"]["reason"] == "Expired"
        assert error["object"]["code"] == 410

    async def test_client_that_leaves_is_forgotten(self, wire: Wire, cluster: Any) -> None:
        """Its watch does not wait for the next event."""
        response = await wire.session.get(f"{wire.url}{MAPS}?watch=1&resourceVersion=1")
        await cluster.watching()
        response.close()
        await eventually(lambda: not cluster.application.watches)

    async def test_server_that_drains_ends_watches(self, wire: Wire, cluster: Any) -> None:
        """Cleanly, and turns unready."""
        async with wire.session.get(f"{wire.url}{MAPS}?watch=1&resourceVersion=1") as response:
            await cluster.watching()
            cluster.application.drain()
            async with asyncio.timeout(60):
                assert await response.content.read() == b""
        code, text, _ = await wire.ask("GET", "/readyz")
        assert code == 500
        assert b"[-]shutdown failed: reason withheld" in text
        assert (await wire.ask("GET", "/livez"))[0] == 200


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "code"),
        [
            ("GET", "/api/v1/namespaces/default/configmaps/none", 404),
            ("GET", "/api/v1/configmaps/x", 404),
            ("PUT", MAPS, 405),
            ("PATCH", MAPS, 405),
            ("POST", f"{MAPS}/x", 405),
            ("OPTIONS", MAPS, 405),
            ("POST", "/apis", 405),
            ("GET", f"{MAPS}?labelSelector=a%20b", 400),
            ("GET", f"{MAPS}?limit=x", 400),
            ("GET", "/api/v1/namespaces/default/pods/p/log", 404),
            ("DELETE", "/api/v1/namespaces/default", 403),
        ],
    )
    async def test_errors_are_statuses(self, wire: Wire, method: str, path: str, code: int) -> None:
        """With code and reason."""
        found, status, _ = await wire.ask(method, path)
        assert (found, status["kind"], status["code"]) == (code, "Status", code)
        assert status["reason"]

    @pytest.mark.parametrize(
        "path", ["/nothing", "/api/v2", "/apis/no.group", "/apis/apps/v1/no", "/api/v1/no/a/b/c/d"]
    )
    async def test_unknown_paths_are_plain(self, wire: Wire, path: str) -> None:
        """404 as a real server words it."""
        code, body, headers = await wire.ask("GET", path)
        assert (code, body) == (404, b"404 page not found\n")
        assert headers["Content-Type"].startswith("text/plain")

    async def test_media_types(self, wire: Wire) -> None:
        """406 and 415."""
        code, status, _ = await wire.ask("GET", MAPS, headers={"Accept": "text/html"})
        assert (code, status["reason"]) == (406, "NotAcceptable")
        code, status, _ = await wire.ask("POST", MAPS, b"x", headers={"Content-Type": "text/x"})
        assert (code, status["reason"]) == (415, "UnsupportedMediaType")

    async def test_too_large_a_body(self, wire: Wire) -> None:
        """413; the connection's next request is fine."""
        code, status, _ = await wire.ask("POST", MAPS, data=io.BytesIO(b"x" * (4 << 20)))
        assert (code, status["reason"]) == (413, "RequestEntityTooLarge")
        assert (await wire.ask("GET", MAPS))[0] == 200


class TestWho:
    async def test_wrong_token(self, wire: Wire) -> None:
        """401, even on open paths."""
        headers = {"Authorization": "Bearer wrong"}
        code, status, _ = await wire.ask("GET", MAPS, headers=headers)
        assert (code, status["reason"]) == (401, "Unauthorized")

    async def test_impersonation(self, wire: Wire) -> None:
        """Headers make somebody else."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        headers = {"Impersonate-User": "alice", "Impersonate-Extra-Team": "blue"}
        code, answer, _ = await wire.ask("POST", path, body, headers=headers)
        assert code == 201
        assert answer["status"]["userInfo"] == {
            "username": "alice",
            "groups": ["system:authenticated"],
            "extra": {"team": ["blue"]},
        }
        code, _, _ = await wire.ask("GET", MAPS, headers={"Impersonate-Group": "x"})
        assert code == 400


async def test_discovery_is_cached_by_clients(wire: Wire) -> None:
    """ETag and 304, until a kind is added."""
    code, _, headers = await wire.ask("GET", "/apis")
    assert code == 200
    again = {"If-None-Match": headers["ETag"]}
    assert (await wire.ask("GET", "/apis", headers=again))[0] == 304
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "toys.play.example.com"},
        "spec": {
            "group": "play.example.com",
            "scope": "Cluster",
            "names": {"plural": "toys", "kind": "Toy"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert (await wire.ask("POST", path, definition))[0] == 201
    code, groups, _ = await wire.ask("GET", "/apis", headers=again)
    assert code == 200
    assert "play.example.com" in [g["name"] for g in groups["groups"]]
    _, openapi, _ = await wire.ask("GET", "/openapi/v3")
    url = openapi["paths"]["apis/play.example.com/v1"]["serverRelativeURL"]
    code, document, headers = await wire.ask("GET", url)
    assert code == 200
    assert "immutable" in headers["Cache-Control"]
    assert any("patch" in operations for operations in document["paths"].values())
    path, _, _ = url.partition("?")
    code, _, headers = await wire.ask("GET", f"{path}?hash=OLD", allow_redirects=False)
    assert (code, headers["Location"]) == (301, url)


async def test_raw_paths_and_streams(cluster: Any) -> None:
    """Other parts add their own, behind the same door."""

    async def explain(request: web.Request, user: UserInfo) -> web.StreamResponse:
        return web.json_response({"path": request.path, "user": user.name})

    async def log(
        request: web.Request, api: APIRequest, user: UserInfo, rest: str
    ) -> web.StreamResponse:
        return web.Response(text=f"{api.namespace}/{api.name} {rest}")

    application = HTTPApplication(
        cluster.server,
        raw={"/wakeful/v1/explain": explain},
        streams={("", "pods", "log"): log, ("", "pods", "proxy"): log},
    )
    component = ApiServerComponent(application, cluster.server.store, port=0)
    life = Lifetime()
    async with asyncio.TaskGroup() as group:
        group.create_task(component.run(life))
        await life.started.wait()
        async with aiohttp.ClientSession() as session:
            wire = Wire(session, f"http://127.0.0.1:{component.port}")
            _, answer, _ = await wire.ask("GET", "/wakeful/v1/explain/ksvc/x")
            assert answer == {"path": "/wakeful/v1/explain/ksvc/x", "user": "system:anonymous"}
            _, text, _ = await wire.ask("GET", "/api/v1/namespaces/n/pods/p/log")
            assert text == b"n/p "
            _, text, _ = await wire.ask("POST", "/api/v1/namespaces/n/pods/p/proxy/a/b")
            assert text == b"n/p a/b"
        life.draining.set()
