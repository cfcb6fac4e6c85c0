"""GitHubSources against a server that behaves as GitHub's API does."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from wakeful.apis.core import Event, Secret
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.networking import Ingress
from wakeful.apis.sources import GitHubSource, LegacyGitHubSource
from wakeful.testing.github import FakeGitHub, FakeHook

from .conftest import Stage

TODAY, OLD = "sources.knative.dev/v1alpha1", "sources.eventing.knative.dev/v1alpha1"
PAYLOAD = {"action": "opened", "number": 1, "pull_request": {"number": 1}}


@pytest.fixture
async def github(stage: Stage) -> AsyncIterator[FakeGitHub]:
    """It reaches the receiver past the gateway."""
    port = ""

    async def find_port() -> str:
        found = await stage.world.client.find(EndpointSlice, "github-adapter", "knative-eventing")
        return str(found.ports[0].port) if found is not None else ""

    port = await stage.world.eventually(find_port)
    server = FakeGitHub(
        "access", reach=lambda url: urlsplit(url)._replace(netloc=f"127.0.0.1:{port}").geturl()
    )
    async with server.running():
        yield server


def source(api_version: str, api_url: str, sink: Any, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": "GitHubSource",
        "metadata": {"name": "githubsourcesample"},
        "spec": {
            "eventTypes": ["pull_request"],
            "ownerAndRepository": "someuser/somerepo",
            "accessToken": {"secretKeyRef": {"name": "githubsecret", "key": "accessToken"}},
            "secretToken": {"secretKeyRef": {"name": "githubsecret", "key": "secretToken"}},
            "githubAPIURL": api_url,
            "sink": sink,
            **spec,
        },
    }


async def secret(stage: Stage) -> None:
    data = {"accessToken": "access", "secretToken": "asdfasfdsaf"}
    meta = {"name": "githubsecret"}
    await stage.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data})


async def delivered(stage: Stage, hook: FakeHook) -> None:
    await stage.world.eventually(lambda: hook.deliveries)


@pytest.mark.parametrize(
    ("api_version", "model"), [(TODAY, GitHubSource), (OLD, LegacyGitHubSource)]
)
async def test_the_life_of_a_webhook(
    stage: Stage, github: FakeGitHub, api_version: str, model: Any
) -> None:
    """Registered once the tokens are there, pinged, called, changed, and removed in the end."""
    sink = {"uri": stage.sink.url}
    await stage.apply(source(api_version, github.url, sink))
    said = await stage.reason(model, "githubsourcesample", "SecretsProvided")
    assert said == 'AccessTokenNotFound: secrets "githubsecret" not found'

    await secret(stage)
    found = await stage.ready(model, "githubsourcesample")
    (hook,) = github.hooks.values()
    assert found.status.webhook_id_key == str(hook.id)
    assert hook.events == ["pull_request"]
    host = f"githubsourcesample-{found.metadata.uid[:5]}.default.localhost"
    assert hook.config == {
        "url": f"http://{host}:8080",
        "content_type": "json",
        "secret": "asdfasfdsaf",
    }
    (ingress,) = await stage.world.all(Ingress)
    assert ingress.spec.rules[0].hosts == [host]

    await delivered(stage, hook)
    assert hook.deliveries == [("ping", 202)]
    assert await github.happen(hook, "pull_request", PAYLOAD) == 202
    ping, pull = await stage.got(2)
    assert ping.type == "dev.knative.source.github.ping"
    assert (pull.type, pull.subject) == ("dev.knative.source.github.pull_request", "1")
    assert pull.source == "https://github.com/someuser/somerepo"
    assert json.loads(pull.data or b"") == PAYLOAD

    patch = {"spec": {"eventTypes": ["push", "pull_request"], "secure": True}}
    await stage.world.client.patch(model, "githubsourcesample", "default", patch)
    await stage.world.eventually(lambda: hook.events == ["push", "pull_request"])
    assert hook.config["url"] == f"https://{host}:8080"

    await stage.world.client.delete(model, "githubsourcesample", "default")
    await stage.world.eventually(lambda: not github.hooks)

    async def unreachable() -> bool:
        return not await stage.world.all(Ingress)

    await stage.world.eventually(unreachable)


async def test_forgeries_and_broken_sinks_show_at_github(stage: Stage, github: FakeGitHub) -> None:
    await secret(stage)
    await stage.apply(source(TODAY, github.url, {"uri": stage.sink.url}))
    await stage.ready(GitHubSource, "githubsourcesample")
    (hook,) = github.hooks.values()
    await delivered(stage, hook)
    forged = FakeHook(1, hook.owner, hook.events, hook.config | {"secret": "wrong"}, active=True)
    assert await github.happen(forged, "pull_request", PAYLOAD) == 400
    unsigned = FakeHook(1, hook.owner, hook.events, {"url": hook.config["url"]}, active=True)
    assert await github.happen(unsigned, "pull_request", PAYLOAD) == 400
    stray = FakeHook(1, hook.owner, hook.events, {"url": "http://stray.test"}, active=True)
    assert await github.happen(stray, "pull_request", PAYLOAD) == 404
    stage.sink.status = 400
    assert await github.happen(hook, "pull_request", PAYLOAD) == 400
    assert len(stage.sink.events) == 2  # the ping and the last


async def test_a_hook_is_found_again_when_its_id_was_lost(stage: Stage, github: FakeGitHub) -> None:
    await secret(stage)
    await stage.apply(source(TODAY, github.url, {"uri": stage.sink.url}))
    found = await stage.ready(GitHubSource, "githubsourcesample")
    hook_id = found.status.webhook_id_key
    found.status.webhook_id_key = ""
    found.status.annotations.clear()
    await stage.world.client.update_status(found)

    async def known() -> bool:
        found = await stage.read(GitHubSource, "githubsourcesample")
        return bool(found.status.webhook_id_key == hook_id)

    await stage.world.eventually(known)
    assert len(github.hooks) == 1


async def test_a_new_secret_is_told_to_github(stage: Stage, github: FakeGitHub) -> None:
    await secret(stage)
    await stage.apply(source(TODAY, github.url, {"uri": stage.sink.url}))
    await stage.ready(GitHubSource, "githubsourcesample")
    (hook,) = github.hooks.values()
    patch = {"stringData": {"secretToken": "new"}}
    await stage.world.client.patch(Secret, "githubsecret", "default", patch)
    await stage.world.eventually(lambda: hook.config["secret"] == "new")

    async def believed() -> bool:  # the receiver hears of the secret at another moment
        return await github.happen(hook, "pull_request", PAYLOAD) == 202

    await stage.world.eventually(believed)


async def test_what_github_says_is_in_the_status(stage: Stage, github: FakeGitHub) -> None:
    github.token = "other"
    await secret(stage)
    await stage.apply(source(TODAY, github.url, {"uri": stage.sink.url}))
    said = await stage.reason(GitHubSource, "githubsourcesample", "WebhookConfigured")
    url = f"{github.url}/repos/someuser/somerepo/hooks"
    assert said == (
        f"CreationFailed: failed to create webhook: GET {url}?per_page=100: 401 Bad credentials"
    )
    await stage.world.client.delete(GitHubSource, "githubsourcesample", "default")

    async def gone() -> bool:
        found = await stage.world.find(GitHubSource, "githubsourcesample")
        return found is None

    await stage.world.eventually(gone)


async def test_a_hook_that_is_gone_does_not_hold_its_source(
    stage: Stage, github: FakeGitHub
) -> None:
    await secret(stage)
    spec = {"ownerAndRepository": "someorg"}
    await stage.apply(source(TODAY, github.url, {"uri": stage.sink.url}, **spec))
    await stage.ready(GitHubSource, "githubsourcesample")
    assert next(iter(github.hooks.values())).owner == "orgs/someorg"
    github.hooks.clear()
    await stage.world.client.delete(GitHubSource, "githubsourcesample", "default")

    async def told() -> bool:
        gone = await stage.world.find(GitHubSource, "githubsourcesample") is None
        events = await stage.world.all(Event)
        return gone and any(e.reason == "WebhookDeletionSkipped" for e in events)

    await stage.world.eventually(told)


async def test_the_receiver_refuses_what_is_too_large(stage: Stage, github: FakeGitHub) -> None:
    await secret(stage)
    await stage.apply(source(TODAY, github.url, {"uri": stage.sink.url}))
    await stage.ready(GitHubSource, "githubsourcesample")
    (hook,) = github.hooks.values()
    url = github._reach(hook.config["url"])
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            url,
            data=io.BytesIO(b"x" * (26 << 20)),
            headers={"Host": urlsplit(hook.config["url"]).netloc},
        ) as answer,
    ):
        assert answer.status == 413
