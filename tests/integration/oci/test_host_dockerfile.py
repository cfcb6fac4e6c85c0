"""Dockerfiles on this machine's own programs, and the way of the result into the store."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from wakeful.aio import Lifetime
from wakeful.oci.archive import save_archive
from wakeful.oci.build import BuildStep, StepState, build
from wakeful.oci.build.dockerfile import Dockerfile
from wakeful.oci.errors import BuildError
from wakeful.oci.kaniko import executor
from wakeful.oci.kaniko.entrance import BuilderEntrance
from wakeful.oci.layout import LayoutStore
from wakeful.testing.images import an_image
from wakeful.testing.registry import FakeRegistry, running_registry

DOCKERFILE = """\
ARG BASE=alpine
FROM ${BASE} AS make
ARG WHO=nobody
RUN mkdir -p /out/deep && echo "made for $WHO" > /out/deep/how
RUN <<EOF
set -e
touch /usr/local/bin/wakeful-test-tool /etc/wakeful-test.conf
chmod +x /usr/local/bin/wakeful-test-tool
EOF
FROM unused.example/never AS unused
FROM python:3.7-slim
ENV HOME_DIR=/app \\
    GREETING="hello there"
WORKDIR $HOME_DIR
COPY *.py data ./
COPY --from=make /out /out
COPY --from=make /usr/local/bin/wakeful-test-tool /usr/local/bin/
COPY --chmod=755 <<EOF /app/run.sh
#!/bin/sh
EOF
RUN apt-get install -y curl && adduser --system web && chown web . && python3 --version > version
EXPOSE 8080 9090/udp
LABEL a=b
USER web
CMD ["python3", "app.py"]
"""


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "images")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    (path / "data").mkdir(parents=True)
    (path / "Dockerfile").write_text(DOCKERFILE)
    (path / ".dockerignore").write_text("secret.py\n")
    for name in ("app.py", "other.py", "secret.py", "data/values"):
        (path / name).write_text(name)
    return path


@pytest.fixture(autouse=True)
def _no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without docker and the like, whatever this machine has."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("docker", "podman", "buildah"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/local/bin:/usr/bin:/bin")


async def test_stages_are_carried_out_on_the_hosts_programs(
    store: LayoutStore, source: Path, tmp_path: Path
) -> None:
    """What commands and copies leave is the image; nothing of it is on the host."""
    asked = Dockerfile(source / "Dockerfile", {"WHO": "me"})
    seen: list[BuildStep] = []

    built = await build(
        source, "app", store, cache=tmp_path / "cache", dockerfile=asked, progress=seen.append
    )

    plan = await store.unpack("app")
    assert built.builder == "dockerfile"
    assert (plan.cmd, plan.workdir) == (("python3", "app.py"), "/app")
    assert plan.env["GREETING"] == "hello there"
    assert 8080 in plan.exposed_ports
    assert plan.user.uid is None
    mounts = {str(mount.target): mount.source for mount in plan.mounts}
    assert {"/app", "/out", "/usr/local/bin/wakeful-test-tool"} <= set(mounts)
    assert "/etc/wakeful-test.conf" not in mounts
    names = sorted(path.name for path in mounts["/app"].iterdir())
    assert names == ["app.py", "other.py", "run.sh", "values", "version"]
    assert (mounts["/app"] / "version").read_text().startswith("Python 3")
    assert (mounts["/out"] / "deep" / "how").read_text() == "made for me\n"
    assert not Path("/app/app.py").exists()
    assert not Path("/etc/wakeful-test.conf").exists()
    notes = [step.title for step in seen if step.state is StepState.NOTE]
    assert "FROM python:3.7-slim: this machine's Python instead" in notes
    assert not any("never" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "FROM alpine\nRUN echo why >&2; exit 3\n",
            r"RUN echo why.* failed with exit code 3:\nwhy",
        ),
        ("FROM alpine\nCOPY nothing /\n", "line 2: COPY nothing /: the context has no 'nothing'"),
        ("FROM alpine\nCOPY secret.py /\n", "no 'secret.py', or it is ignored"),
        ("FROM scratch\nCOPY ../../etc/passwd /\n", "the context has no"),
        ("FROM some.example/base\n", "line 1: FROM some.example/base: this machine has nothing"),
    ],
)
async def test_what_goes_wrong_is_told(
    store: LayoutStore, source: Path, tmp_path: Path, text: str, problem: str
) -> None:
    """With the line, and what the command wrote."""
    (source / "Dockerfile").write_text(text)
    with pytest.raises(BuildError, match=problem):
        await build(source, "app", store, cache=tmp_path / "c", builder="dockerfile")


@asynccontextmanager
async def entrance(store: LayoutStore, socket: Path) -> AsyncIterator[aiohttp.ClientSession]:
    life = Lifetime()
    async with asyncio.TaskGroup() as group:
        group.create_task(BuilderEntrance(store, socket).run(life))
        await life.started.wait()
        connector = aiohttp.UnixConnector(str(socket))
        async with aiohttp.ClientSession("http://builder", connector=connector) as session:
            yield session
        life.draining.set()


async def test_the_executor_builds_hands_over_and_pushes(
    store: LayoutStore,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every destination is named here; credentials come from the step's docker configuration."""
    socket = tmp_path / "b.sock"
    monkeypatch.setattr(executor, "BUILDER_SOCKET", socket)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    async with (
        running_registry(FakeRegistry(auth="basic", users={"u": "hidden"})) as registry,
        entrance(store, socket),
    ):
        auths = {"auths": {registry.host: {"username": "u", "password": "hidden"}}}
        (tmp_path / "config.json").write_text(json.dumps(auths))
        names = [f"{registry.host}/team/app:1", f"{registry.host}/team/app:2", "no.example/x:1"]
        argv = ["--context", str(source), "--digest-file", str(tmp_path / "digest"), "--novel"]
        argv += ["--build-arg=WHO=kaniko", *(f"--destination={name}" for name in names)]
        code = await asyncio.to_thread(executor.main, argv)
        told = capsys.readouterr().err

    assert code == 0, told
    digest = (tmp_path / "digest").read_text()
    assert [store.resolve(name) for name in names] == [digest] * 3
    assert registry.manifests["team/app", "1"] == registry.manifests["team/app", "2"]
    assert ("team/app", digest) in registry.manifests
    assert "flag --novel is not known here" in told
    assert "not pushed: this step has no credentials for no.example" in told
    assert "hidden" not in told


async def test_refused_credentials_fail_the_step(
    store: LayoutStore, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image is here all the same."""
    socket = tmp_path / "b.sock"
    monkeypatch.setattr(executor, "BUILDER_SOCKET", socket)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    async with (
        running_registry(FakeRegistry(auth="basic", users={"u": "p"})) as registry,
        entrance(store, socket),
    ):
        auths = {"auths": {registry.host: {"username": "u", "password": "wrong"}}}
        (tmp_path / "config.json").write_text(json.dumps(auths))
        argv = [f"--context={source}", f"--destination={registry.host}/app:1"]
        assert await asyncio.to_thread(executor.main, argv) == 1
        assert store.resolve(f"{registry.host}/app:1")


async def test_the_entrance_takes_archives_only(store: LayoutStore, tmp_path: Path) -> None:
    """Anything else is refused, and leaves nothing behind."""
    made = LayoutStore(tmp_path / "made")
    an_image(["a"]).put_into(made, "x")
    save_archive(["x"], tmp_path / "x.tar", made)
    async with entrance(store, tmp_path / "b.sock") as session:
        for query, body, problem in (
            ("", b"", "no name is given"),
            ("name=UPPER", b"", "could not parse reference"),
            ("name=a@sha256:" + "0" * 64, b"", "cannot be named by digest"),
            ("name=a", b"no archive", "cannot be read"),
        ):
            async with session.post(f"/images?{query}", data=body) as answer:
                assert answer.status == 400
                assert problem in (await answer.json(content_type=None))["error"]
        async with session.get("/images") as answer:
            assert answer.status == 405
        assert store.images() == []
        data = io.BytesIO((tmp_path / "x.tar").read_bytes())
        async with session.post("/images?name=a&name=b&push=false", data=data) as answer:
            lines = (await answer.text()).splitlines()
        assert len(lines) == 2
        assert {image.repository for image in store.images()} == {"a", "b"}
    assert not (tmp_path / "b.sock").exists()


def test_the_stand_in_runs_this_very_code() -> None:
    """Its interpreter is ours, and the directories that it needs are named."""
    from wakeful.oci.builtin.storing import own_interpreter

    program, paths = own_interpreter()
    assert program == sys.executable
    code = Path(executor.__file__)
    assert any(code.is_relative_to(path) for path in (*paths, "/usr", "/opt"))
