"""``wakeful build`` and ``wakeful image`` as people type them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from wakeful.cli import image
from wakeful.cli.build import build_command
from wakeful.testing.images import an_image
from wakeful.testing.registry import FakeRegistry, running_registry

EXAMPLE = Path(__file__).parents[3] / "examples" / "hello-python"

Wakeful = Callable[..., Result]


@pytest.fixture
def wakeful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wakeful:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    app = Typer()
    app.command("build")(build_command)
    app.add_typer(image.app, name="image")

    def run(*argv: str) -> Result:
        return CliRunner().invoke(app, argv, env={"WAKEFUL_DATA_DIR": str(tmp_path / "data")})

    return run


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry in a thread: the commands bring their own event loop."""
    ready, served = threading.Event(), FakeRegistry()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with running_registry(served):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    yield served
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def _listed(wakeful: Wakeful) -> list[dict[str, object]]:
    result = wakeful("image", "ls", "-o", "json")
    assert result.exit_code == 0
    listed: list[dict[str, object]] = json.loads(result.stdout)
    return listed


def test_built_images_are_listed_tagged_and_removed(wakeful: Wakeful, tmp_path: Path) -> None:
    """The life of an image on one machine."""
    built = wakeful("build", str(EXAMPLE), "-t", "hello:v1")
    assert built.exit_code == 0, built.output
    assert "Built hello:v1 as python" in built.stdout

    wakeful("image", "tag", "hello:v1", "r.io/hello:v2")
    table = wakeful("image", "ls").stdout
    assert [line.split()[:2] for line in table.splitlines()] == [
        ["REPOSITORY", "TAG"],
        ["hello", "v1"],
        ["r.io/hello", "v2"],
    ]
    assert wakeful("image", "ls", "-o", "name").stdout.split() == ["hello:v1", "r.io/hello:v2"]

    file = str(tmp_path / "out.tar")
    assert wakeful("image", "save", "hello:v1", "-o", file).exit_code == 0
    assert "Untagged hello:v1" in wakeful("image", "rm", "hello:v1").stdout
    assert "Deleted 3 blobs" in wakeful("image", "rm", "r.io/hello:v2").stdout
    assert _listed(wakeful) == []

    assert "Loaded hello:v1" in wakeful("image", "load", file).stdout
    assert [i["repository"] for i in _listed(wakeful)] == ["hello"]


def test_images_travel_through_a_registry(wakeful: Wakeful, registry: FakeRegistry) -> None:
    """Pushed, pulled; an image from elsewhere may not read this machine unasked."""
    registry.put(an_image(["a"]), "team/app", "v1")
    pulled = wakeful("image", "pull", f"{registry.host}/team/app:v1")
    assert pulled.exit_code == 0, pulled.output
    assert f"Pulled {registry.host}/team/app:v1 sha256:" in pulled.stdout

    wakeful("build", str(EXAMPLE), "-t", "hello")
    name = f"{registry.host}/team/hello:v1"
    assert f"Pushed {name} sha256:" in wakeful("image", "push", "hello", name).stdout
    refused = wakeful("image", "pull", name)
    assert refused.exit_code == 1
    assert "--allow-host-rootfs" in refused.stderr
    assert wakeful("image", "pull", name, "--allow-host-rootfs").exit_code == 0


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (("build", ".", "-t", "Bad Name"), "could not parse reference: Bad Name"),
        (("build", str(EXAMPLE.parent), "-t", "x"), "Add one of: a Procfile"),
        (("image", "rm", "nothing"), "image 'nothing:latest': not found in the local image store"),
        (("image", "pull", "127.0.0.1:1/x"), "127.0.0.1:1"),
        (("image", "load", "/dev/null/x"), "cannot be read"),
        (("image", "ls", "-o", "x"), "there are table, name, json and yaml"),
    ],
)
def test_mistakes_are_told_in_one_line(
    wakeful: Wakeful, argv: tuple[str, ...], problem: str
) -> None:
    """No traceback, exit code 1."""
    result = wakeful(*argv)

    assert result.exit_code == 1
    assert problem in result.stderr.replace("\n", " ")
