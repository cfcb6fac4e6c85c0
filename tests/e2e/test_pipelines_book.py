"""The book's Tekton Hello World with its own manifests, one of today, and pushes that run one."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wakeful.testing.platform import Platform, run, until
from wakeful.testing.registry import FakeRegistry, running_registry

BOOK = Path(__file__).parent / "book" / "tekton"
BOOK_REPOSITORY = "https://github.com/knative-sample/tekton-knative"
NAMESPACE = "pipelines-book"

APP = """\
import http.server, os
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"Hello {os.environ['TARGET']}!\\n".encode())
address = ("", int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Hello).serve_forever()
"""
DOCKERFILE = """\
FROM registry.cn-hangzhou.aliyuncs.com/knative-sample/alpine:3.9 AS build
RUN mkdir /out && echo built > /out/how
FROM python:3.7-slim
WORKDIR /app
COPY . .
COPY --from=build /out/how /data/how
RUN apt-get update && python3 -m compileall -q .
CMD ["python3", "app.py"]
"""
SERVICE = """\
apiVersion: serving.knative.dev/v1alpha1
kind: Service
metadata:
  name: tekton-helloworld-go
spec:
  template:
    spec:
      containers:
      - image: __IMAGE__
        env:
        - name: TARGET
          value: "{target}"
"""


class Book:
    """The platform, as somebody works with it who reads the chapter."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def kubectl(self, *args: str, check: bool = True, stdin: str | None = None) -> Any:
        return self.platform.kubectl("-n", NAMESPACE, *args, check=check, stdin=stdin)

    def wakeful(self, *args: str, check: bool = True) -> Any:
        return self.platform.wakeful(*args, "-n", NAMESPACE, check=check)

    def apply(self, *objects: dict[str, Any]) -> None:
        wire = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(wire))

    def get(self, *args: str) -> Any:
        return self.platform.get(*args, "-n", NAMESPACE)

    def ended(self, name: str) -> Any:
        """The PipelineRun, once it has ended."""

        def test() -> Any:
            found = self.get("pipelinerun", name)
            conditions = found.get("status", {}).get("conditions") or [{"status": "Unknown"}]
            return found if conditions[0]["status"] != "Unknown" else None

        return until(test, what=f"pipelinerun {name}")

    def logs(self, run_name: str) -> str:
        out: str = self.wakeful("pipeline", "logs", run_name).out
        return out

    def says(self, service: str, wanted: str) -> None:
        """Wait until the newest revision answers."""
        host = f"{service}.{NAMESPACE}.localhost"
        said = until(
            lambda: wanted in (answer := self.platform.curl(host)).out and answer,
            what=f"{service} to say {wanted}",
        )
        assert said.out.endswith("200")


@pytest.fixture(scope="module")
def book(platform: Platform) -> Iterator[Book]:
    platform.kubectl("create", "namespace", NAMESPACE)
    yield Book(platform)
    platform.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def git(*words: str, cwd: Path) -> str:
    identity = ["-c", "user.name=reader", "-c", "user.email=reader@localhost"]
    return run(["git", "-C", str(cwd), *identity, *words]).out.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the book's repository has, in a language that every test machine speaks."""
    root = tmp_path_factory.mktemp("tekton-knative")
    (root / "src").mkdir()
    (root / "knative").mkdir()
    (root / "src" / "app.py").write_text(APP)
    (root / "src" / "Dockerfile").write_text(DOCKERFILE)
    (root / "knative" / "helloworld-go.yaml").write_text(SERVICE.format(target="World"))
    git("init", "-q", "-b", "b1.0", cwd=root)
    git("add", ".", cwd=root)
    git("commit", "-q", "-m", "Hello", cwd=root)
    for folder in (root, *root.glob("**/")):
        folder.chmod(0o755)  # steps are nobody on this machine
    return root


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry with a password, on a port of this machine."""
    served, ready, done = FakeRegistry(auth="basic", users={"me": "s3cret"}), threading.Event(), []

    async def serve() -> None:
        stop = asyncio.Event()
        done.append((asyncio.get_running_loop(), stop))
        async with running_registry(served):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="registry")
    thread.start()
    assert ready.wait(60)
    yield served
    loop, stop = done[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)


def apply_chapter(book: Book, repository: Path) -> None:
    """Everything but the run, as the chapter has it, for a repository of this machine."""
    resource = (BOOK / "picalc-git.yaml").read_text()
    assert BOOK_REPOSITORY in resource
    local = resource.replace(BOOK_REPOSITORY, f"file://{repository}")
    book.kubectl("apply", "-f", "-", stdin=local)
    names = ("source-to-image", "deploy-using-kubectl", "build-and-deploy-pipeline")
    files = [str(BOOK / f"{name}.yaml") for name in (*names, "pipeline-account")]
    book.kubectl("apply", *(word for file in files for word in ("-f", file)))


def test_the_books_pipeline_ends_with_a_service_that_answers(book: Book, repository: Path) -> None:
    """Its five files unchanged, but for the address of the repository; no registry is in reach."""
    apply_chapter(book, repository)
    made = book.kubectl("create", "-f", str(BOOK / "picalc-pipeline-run.yaml"), "-o", "name").out

    ended = book.ended(made.strip().rpartition("/")[2])

    name = ended["metadata"]["name"]
    assert name.startswith("tekton-kn-sample-")
    condition = ended["status"]["conditions"][0]
    assert condition["status"] == "True", book.logs(name)
    book.says("tekton-helloworld-go", "Hello World!")
    pods = {
        p["metadata"]["name"]: p
        for p in book.get("pods", "-l", f"tekton.dev/pipelineRun={name}")["items"]
    }
    steps = {pod: len(found["spec"]["containers"]) for pod, found in pods.items()}
    assert sorted(steps.values()) == [2, 3]  # as the book's listing shows: 0/2 and 0/3
    assert all(pod["status"]["phase"] == "Succeeded" for pod in pods.values())
    told = book.kubectl("get", "events", "--field-selector", "reason=StandIn").out
    assert "the platform's own image builder stands in for it" in told


def test_the_account_without_its_role_may_not_deploy(book: Book, repository: Path) -> None:
    """kubectl in a step is whom the run's service account lets it be."""
    apply_chapter(book, repository)
    book.kubectl("delete", "rolebinding", "pipeline-role-binding")
    body = (BOOK / "picalc-pipeline-run.yaml").read_text().replace('"1.0"', '"1.1"')
    made = book.kubectl("create", "-f", "-", "-o", "name", stdin=body).out

    ended = book.ended(made.strip().rpartition("/")[2])

    assert ended["status"]["conditions"][0]["reason"] == "Failed"
    text = book.logs(ended["metadata"]["name"])
    assert 'User "system:serviceaccount:pipelines-book:pipeline-account" cannot get' in text


def test_a_pipeline_of_today_runs_on_a_working_tree_and_pushes(
    book: Book, repository: Path, registry: FakeRegistry
) -> None:
    """Changes that were never committed are built, pushed with the secret, and deployed."""
    service = repository / "knative" / "helloworld-go.yaml"
    before = service.read_text()
    service.write_text(SERVICE.format(target="tree").replace("v1alpha1", "v1"))
    book.kubectl("apply", "-f", str(BOOK / "pipeline-account.yaml"))
    book.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "push",
                "annotations": {"tekton.dev/docker-0": f"http://{registry.host}"},
            },
            "type": "kubernetes.io/basic-auth",
            "stringData": {"username": "me", "password": "s3cret"},
        }
    )
    book.kubectl(
        "patch", "serviceaccount", "pipeline-account", "--type=merge",
        "-p", json.dumps({"secrets": [{"name": "push"}]}),
    )  # fmt: skip
    image = f"{registry.host}/team/hello"
    try:
        done = book.wakeful(
            "pipeline", "run", "-f", str(BOOK / "build-and-deploy-v1.yaml"),
            "--source", str(repository), "-s", "pipeline-account", "-p", f"imageUrl={image}",
        )  # fmt: skip
    finally:
        service.write_text(before)

    assert ("team/hello", "latest") in registry.manifests
    digest = next(k for _, k in registry.manifests if k.startswith("sha256:"))
    assert f"digest = {digest}" in done.out
    assert f"pushed {image}:latest" in done.out
    book.says("tekton-helloworld-go", "Hello tree!")

    listed = book.wakeful("pipeline", "list", "build-and-deploy").out.splitlines()
    name = listed[1].split()[0]
    assert "Succeeded" in listed[1]
    tree = book.wakeful("pipeline", "describe", name).out
    assert "✓ build" in tree
    assert f"digest = {digest}" in tree
    claims = book.get("persistentvolumeclaims")["items"]
    assert [claim["metadata"]["ownerReferences"][0]["name"] for claim in claims] == [name]
    book.wakeful("pipeline", "delete", name)

    refused = book.wakeful("pipeline", "run", "build-and-deploy", check=False)
    assert refused.code == 1
    assert "missing parameters: imageUrl" in refused.err


def test_a_push_runs_a_pipeline(book: Book, repository: Path, tmp_path: Path) -> None:
    """Through an EventListener behind the gateway, which believes signed requests only."""
    book.kubectl("apply", "-f", str(BOOK / "triggers.yaml"))
    book.kubectl("wait", "--for=condition=Ready", "eventlistener/pushes", "--timeout=100s")
    listener = book.get("eventlistener", "pushes")
    assert listener["status"]["address"]["url"] == f"http://el-pushes.{NAMESPACE}.svc.cluster.local"
    host, port = f"el-pushes.{NAMESPACE}.localhost", book.platform.addresses["http"]

    origin = tmp_path / "origin.git"
    run(["git", "clone", "-q", "--bare", str(repository), str(origin)])
    hook = origin / "hooks" / "post-receive"
    hook.write_text(
        rf"""#!/bin/sh
read old new ref
body=$(printf '{{"ref": "%s", "after": "%s", "repository": {{"name": "hello"}}}}' "$ref" "$new")
sum=$(printf %s "$body" | openssl dgst -sha256 -hmac push-secret | sed 's/.* //')
curl -sS -o answer -w '%{{http_code}}' -H 'Host: {host}' -H 'X-GitHub-Event: push' \
  -H "X-Hub-Signature-256: sha256=$sum" -H 'Content-Type: application/json' -d "$body" {port}/
"""
    )
    hook.chmod(0o755)
    work = tmp_path / "work"
    run(["git", "clone", "-q", str(origin), str(work)])
    (work / "README").write_text("changed\n")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "Change", cwd=work)
    pushed = subprocess.run(
        ["git", "-C", str(work), "push", "origin", "b1.0"],
        capture_output=True, text=True, check=True, timeout=90,
    )  # fmt: skip
    assert "202" in pushed.stderr
    event_id = json.loads((origin / "answer").read_text())["eventID"]

    label = f"triggers.tekton.dev/triggers-eventid={event_id}"
    found = until(lambda: book.get("pipelinerun", "-l", label)["items"], what="a run for the push")
    ended = book.ended(found[0]["metadata"]["name"])
    results = {r["name"]: r["value"] for r in ended["status"]["results"]}
    commit = git("rev-parse", "HEAD", cwd=work)
    assert results["told"] == f"hello at {commit[:7]} on refs/heads/b1.0"

    body = json.dumps({"ref": "refs/heads/b1.0", "after": commit, "repository": {"name": "evil"}})
    wrong = hmac.new(b"guess", body.encode(), hashlib.sha256).hexdigest()
    send = ("-H", "X-GitHub-Event: push", "-H", f"X-Hub-Signature-256: sha256={wrong}", "-d", body)
    answer = book.platform.curl(host, "/", *send)
    assert answer.out.endswith("202")  # accepted, as upstream does; nothing comes of it
    bad = book.platform.curl(host, "/", "-d", "[]")
    assert bad.out.endswith("400")
    assert "Invalid event body format" in bad.out
    every = book.get("pipelinerun", "-l", "triggers.tekton.dev/eventlistener=pushes")["items"]
    assert [one["metadata"]["name"] for one in every] == [found[0]["metadata"]["name"]]
