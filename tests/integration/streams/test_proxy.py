"""``pods/NAME:PORT/proxy``, as kubectl and other clients use it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from wakeful.testing.http import serving

from .conftest import Cluster

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def echo(cluster: Cluster) -> AsyncIterator[Cluster]:
    """A web server in the pod that says what it was asked."""

    async def answer(request: web.Request) -> web.Response:
        told = {
            "path": request.raw_path,
            "method": request.method,
            "body": await request.text(),
            "headers": sorted(request.headers),
        }
        return web.json_response(told)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with serving(app) as port:
        cluster.node.ports[8080] = port
        yield cluster


async def test_requests_are_passed_on_to_a_port(echo: Cluster) -> None:
    """With path, query and body, and without the token of whoever asks."""
    got = await echo.kubectl("get", "--raw", f"{PODS}/web:8080/proxy/a/b?x=1&y=2")
    told = json.loads(got.out)
    assert (told["method"], told["path"]) == ("GET", "/a/b?x=1&y=2")
    assert "Authorization" not in told["headers"]

    sent = await echo.kubectl(
        "create", "--raw", f"{PODS}/http:web:8080/proxy/", "-f", "-", stdin=b'{"a": 1}'
    )
    told = json.loads(sent.out)
    assert (told["method"], told["body"]) == ("POST", '{"a": 1}')


async def test_not_for_everybody(echo: Cluster) -> None:
    got = await echo.kubectl("get", "--raw", f"{PODS}/web:8080/proxy/", user="viewer")
    assert got.code != 0
    assert "cannot get resource" in got.err


async def test_requests_that_cannot_be_passed_on(cluster: Cluster) -> None:
    for name, words in (
        ("web:9999", "connection refused"),
        ("web:none", "has no port 'none'"),
        ("https:web:8080", "only http can be passed on"),
        ("gone:8080", "not found"),
    ):
        got = await cluster.kubectl("get", "--raw", f"{PODS}/{name}/proxy/")
        assert got.code != 0
        assert words in got.err
