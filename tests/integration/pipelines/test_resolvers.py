"""Tasks and pipelines from elsewhere, with the real git, and a web server of our own."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from wakeful.apis import make_scheme
from wakeful.apis.core import Namespace, Secret
from wakeful.apis.pipeline import Task
from wakeful.apis.resolution import ResolutionRequest
from wakeful.oci.blobs import digest_of
from wakeful.oci.layout import LayoutStore
from wakeful.oci.manifest import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from wakeful.reconciler.pipeline.resolution.bundles import BundleResolver
from wakeful.reconciler.pipeline.resolution.cache import ResolutionCache, check_mode
from wakeful.reconciler.pipeline.resolution.cluster import ClusterResolver
from wakeful.reconciler.pipeline.resolution.git import GitResolver
from wakeful.reconciler.pipeline.resolution.model import Question, ResolutionError, Resolved
from wakeful.reconciler.pipeline.resolution.reconciler import ResolutionReconciler
from wakeful.reconciler.pipeline.resolution.web import Fetcher, HttpResolver, HubResolver
from wakeful.testing.http import serving
from wakeful.testing.platform import run
from wakeful.testing.world import World

TASK = b"apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: hello}\nspec: {steps: []}\n"


def ask(**params: str) -> Question:
    return Question({key.replace("_", "-"): value for key, value in params.items()}, "ns")


def settings(**data: str) -> Any:
    wire = {key.replace("_", "-"): value for key, value in data.items()}

    def read() -> Mapping[str, str]:
        return wire

    return read


@pytest.fixture
async def world() -> World:
    made = World(make_scheme())
    for name in ("ns", "other"):
        await made.client.create(Namespace.model_validate({"metadata": {"name": name}}))
    await made.client.create(
        Secret.model_validate(
            {
                "metadata": {"name": "pw", "namespace": "ns"},
                "data": {"password": base64.b64encode(b"s3").decode()},
            }
        )
    )
    return made


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "tasks").mkdir(parents=True)
    (root / "tasks" / "hello.yaml").write_bytes(TASK)
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        run(["git", "-C", str(root), *identity, *words])
    return root


async def test_git(world: World, repository: Path) -> None:
    """By branch and by commit; repositories of this machine only when that is allowed."""
    url = f"file://{repository}"
    resolver = GitResolver(world.client, settings(allow_local_repositories="true"))
    commit = run(["git", "-C", str(repository), "rev-parse", "HEAD"]).out.strip()
    for revision in ("main", commit):
        found = await resolver.resolve(
            ask(url=url, revision=revision, pathInRepo="/tasks/hello.yaml")
        )
        assert found.data == TASK
        assert found.source is not None
        assert found.source.digest == {"sha1": commit}

    for wanted, problem in (
        (ask(url=url, revision="nope", pathInRepo="x"), "couldn't find remote ref nope"),
        (
            ask(url=url, revision="abcd0123", pathInRepo="x"),
            "find remote ref abcd0123: exit status",
        ),
        (
            ask(url=url, pathInRepo="/tasks/none.yaml"),
            'error opening file "tasks/none.yaml": file does not exist',
        ),
        (ask(url=url, pathInRepo="../../etc/passwd"), "must not contain '..' components"),
        (ask(url=url), r"missing required params: \[pathInRepo\]"),
        (ask(url="ext::sh -c true", pathInRepo="x"), "invalid git repository url"),
        (ask(url="--upload-pack=x", pathInRepo="x"), "invalid git repository url"),
        (ask(url=url, revision="--all", pathInRepo="x"), "invalid revision"),
        (ask(pathInRepo="x"), "must specify one of"),
    ):
        with pytest.raises(ResolutionError, match=problem):
            await resolver.resolve(wanted)
    with pytest.raises(ResolutionError, match="repositories on this machine are not read"):
        await GitResolver(world.client, settings()).resolve(ask(url=url, pathInRepo="x"))


async def test_git_of_a_server_that_wants_a_login(world: World) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    app = web.Application()
    app.router.add_get("/{rest:.*}", refuse)
    async with serving(app) as port:
        url = f"http://127.0.0.1:{port}/closed.git"
        with pytest.raises(ResolutionError, match="clone error: authentication required"):
            await GitResolver(world.client, settings()).resolve(ask(url=url, pathInRepo="x"))


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A file behind a password, and a hub."""

    async def file(request: web.Request) -> web.Response:
        wanted = "Basic " + base64.b64encode(b"me:s3").decode()
        if request.path == "/closed" and request.headers.get("Authorization") != wanted:
            return web.Response(status=401)
        return web.Response(body=TASK)

    async def package(request: web.Request) -> web.Response:
        versions = [{"version": v} for v in ("0.1.0", "0.5.0", "0.10.0", "odd")]
        return web.json_response({"available_versions": versions})

    async def version(request: web.Request) -> web.Response:
        raw = f"# {request.match_info['version']}"
        return web.json_response({"data": {"manifestRaw": raw}})

    app = web.Application()
    app.router.add_get("/open", file)
    app.router.add_get("/closed", file)
    base = "/api/v1/packages/tekton-task/tekton-catalog-tasks/git-clone"
    app.router.add_get(base, package)
    app.router.add_get(base + "/{version}", version)
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


async def test_http(world: World, site: str) -> None:
    resolver = HttpResolver(world.client, Fetcher())
    digest = hashlib.sha256(TASK).hexdigest()
    found = await resolver.resolve(ask(url=f"{site}/open", digest=f"sha256:{digest}"))
    assert found.data == TASK
    secret = {"http_username": "me", "http_password_secret": "pw"}
    assert (await resolver.resolve(ask(url=f"{site}/closed", **secret))).data == TASK
    for wanted, problem in (
        (ask(url=f"{site}/none"), "is not found"),
        (ask(url=f"{site}/closed"), "answered 401"),
        (ask(url=f"{site}/open", digest="sha256:00"), "SHA mismatch"),
        (ask(url="file:///etc/passwd"), "is not a valid http"),
        (ask(url=f"{site}/open", http_username="me"), "missing required param"),
        (
            ask(url=f"{site}/open", http_username="me", http_password_secret="x"),
            "cannot get secret",
        ),
    ):
        with pytest.raises(ResolutionError, match=problem):
            await resolver.resolve(wanted)


async def test_hub(site: str) -> None:
    """A version, or the newest of a range."""
    resolver = HubResolver(Fetcher(), settings(artifact_hub_url=site))
    for version, got in (("0.5", b"# 0.5.0"), ("0.1.0", b"# 0.1.0"), (">= 0.2", b"# 0.10.0")):
        assert (await resolver.resolve(ask(name="git-clone", version=version))).data == got
    with pytest.raises(ResolutionError, match="no version found"):
        await resolver.resolve(ask(name="git-clone", version="> 7"))
    with pytest.raises(ResolutionError, match="the Tekton Hub is no more"):
        await resolver.resolve(ask(name="git-clone", version="1", type="tekton"))


async def test_cluster(world: World) -> None:
    """Another namespace, unless the config map keeps it closed."""
    task = Task.model_validate(
        {
            "metadata": {"name": "hello", "namespace": "other", "labels": {"a": "b"}},
            "spec": {"steps": [{"name": "s", "image": "i"}]},
        }
    )
    await world.client.create(task)
    wanted = ask(kind="task", name="hello", namespace="other")
    found = json.loads((await ClusterResolver(world.client, settings()).resolve(wanted)).data)
    assert (found["kind"], found["metadata"]["labels"]) == ("Task", {"a": "b"})
    assert found["spec"]["steps"][0]["image"] == "i"
    for data, problem in (
        ({"blocked_namespaces": "x, other"}, "is blocked"),
        ({"allowed_namespaces": "x"}, "not in the list of allowed"),
    ):
        with pytest.raises(ResolutionError, match=problem):
            await ClusterResolver(world.client, settings(**data)).resolve(wanted)
    with pytest.raises(ResolutionError, match="not found"):
        await ClusterResolver(world.client, settings()).resolve(ask(name="no", namespace="other"))
    with pytest.raises(ResolutionError, match="unsupported resource kind 'pod'"):
        await ClusterResolver(world.client, settings()).resolve(ask(kind="pod", name="x"))


async def test_bundles(world: World, tmp_path: Path) -> None:
    """From the local image store, as tkn packs them."""
    store = LayoutStore(tmp_path / "images")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("hello")
        member.size = len(TASK)
        archive.addfile(member, io.BytesIO(TASK))
    layer = gzip.compress(packed.getvalue(), mtime=0)
    notes = {"name": "hello", "kind": "task", "apiVersion": "v1"}
    wire = Descriptor(OCI_LAYER_GZIP, store.write_blob(layer), len(layer)).to_json()
    wire["annotations"] = {f"dev.tekton.image.{key}": value for key, value in notes.items()}
    config = b"{}"
    described = Descriptor(OCI_CONFIG, store.write_blob(config), len(config)).to_json()
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": [wire]}
    ).encode()
    store.write_blob(manifest)
    store.add_image(Descriptor(OCI_MANIFEST, digest_of(manifest), len(manifest)), "a.example/b:1")

    resolver = BundleResolver(world.client, store, None, settings())
    found = await resolver.resolve(ask(bundle="a.example/b:1", name="hello", kind="Task"))
    assert found.data == TASK
    assert found.source is not None
    assert found.source.entry_point == "hello"
    with pytest.raises(ResolutionError, match="could not find object in image with kind: pipeline"):
        await resolver.resolve(ask(bundle="a.example/b:1", name="hello", kind="pipeline"))
    with pytest.raises(ResolutionError, match="cannot retrieve the oci image"):
        await resolver.resolve(ask(bundle="a.example/none", name="hello"))


async def test_a_resolver_that_is_switched_off(world: World) -> None:
    reconciler = ResolutionReconciler(
        [ClusterResolver(world.client, settings())],
        now=lambda: datetime.now(UTC),
        limit_seconds=lambda: 5.0,
        cache=ResolutionCache(lambda _: {}, {}, lambda: datetime.now(UTC)),
        flags=settings(enable_cluster_resolver="false"),
    )
    request = ResolutionRequest.from_wire(
        {
            "metadata": {
                "name": "r",
                "namespace": "ns",
                "labels": {"resolution.tekton.dev/type": "cluster"},
            },
        }
    )
    await reconciler.reconcile_kind(request)
    condition = request.status.condition("Succeeded")
    assert condition is not None
    assert "enable-cluster-resolver feature flag not true" in condition.message


async def test_answers_are_kept_for_a_while() -> None:
    """What cannot change is kept by itself, the rest when asked to; for each namespace apart."""
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    cache = ResolutionCache(lambda _: {"ttl": "1m", "max-size": "2"}, {}, lambda: clock[0])
    fetched: list[str] = []

    async def resolve(resolver: str, namespace: str = "ns", **params: str) -> str:
        question = Question(params, namespace)

        async def fetch() -> Resolved:
            fetched.append(resolver)
            await asyncio.sleep(0)
            return Resolved(b"x")

        _, notes = await cache.resolve(resolver, question, fetch)
        return notes.get("resolution.tekton.dev/cache-operation", "")

    pinned = {"bundle": "r/x@sha256:1"}
    assert await resolve("bundles", **pinned) == "store"
    assert await resolve("bundles", **pinned) == "retrieve"
    assert await resolve("bundles", "other", **pinned) == "store"
    assert await resolve("bundles", **pinned, cache="never") == ""
    assert await resolve("bundles", bundle="r/x:latest") == ""
    assert await resolve("git", revision="a" * 40) == "store"
    assert await resolve("git", revision="main") == ""
    assert await resolve("http", url="u", cache="always") == ""
    assert await resolve("bundles", **pinned) == "store"  # only two are kept
    fetched.clear()
    asked = [resolve("cluster", name="n", cache="always") for _ in range(5)]
    assert set(await asyncio.gather(*asked)) == {"store"}
    assert fetched == ["cluster"]
    clock[0] += timedelta(minutes=2)
    assert await resolve("cluster", name="n", cache="always") == "store"


def test_a_cache_mode_that_does_not_exist() -> None:
    with pytest.raises(ResolutionError, match="invalid cache mode 'sometimes'"):
        check_mode(ask(cache="sometimes"))
    check_mode(ask(cache=""))
