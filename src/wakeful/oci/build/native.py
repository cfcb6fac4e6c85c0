"""Sources in languages whose tools this machine may have: Node, Go, and finished executables."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from wakeful.oci.build.interpreter import host_paths_for
from wakeful.oci.build.model import WORKSPACE, Recipe, Source
from wakeful.oci.build.workbench import Workbench
from wakeful.oci.errors import BuildError

_NODE_MAINS = ("server.js", "index.js", "app.js", "main.js")


class NodeDetector:
    """A ``package.json``."""

    name = "node"

    def detect(self, source: Source) -> bool:
        """Whether there is a ``package.json``."""
        return source.has("package.json")

    async def prepare(self, source: Source, bench: Workbench) -> Recipe:
        """Install what is not there yet, and find the start script."""
        node = str(Path(_tool("node", source, "install nodejs")).resolve())
        package = _package(source)
        if package.get("dependencies") and not (bench.app / "node_modules").is_dir():
            npm = _tool("npm", source, "install npm, or bring node_modules along")
            locked = bool(source.first("package-lock.json", "npm-shrinkwrap.json"))
            command = "ci" if locked else "install"
            key = [node, *(source.text(n) for n in ("package.json", "package-lock.json"))]

            async def install(target: Path) -> None:
                for name in ("package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"):
                    if source.has(name):
                        shutil.copy(source.path / name, target / name)
                argv = [npm, command, "--omit=dev", "--no-audit", "--no-fund"]
                await bench.run(argv, cwd=target)
                for path in target.iterdir():
                    if path.name != "node_modules":
                        path.unlink()

            await bench.cached_layer(key, WORKSPACE, install)
        return Recipe(
            command=_node_command(package, source, node),
            hint='give package.json a "start" script',
            env={"NODE_ENV": "production"},
            path=(f"{WORKSPACE}/node_modules/.bin",),
            programs={"node": node},
            host_paths=host_paths_for(node),
        )


class GoDetector:
    """A ``go.mod``."""

    name = "go"

    def detect(self, source: Source) -> bool:
        """Whether there is a ``go.mod``."""
        return source.has("go.mod")

    async def prepare(self, source: Source, bench: Workbench) -> Recipe:
        """Compile the package at the top to one static program; keep the other files."""
        go = _tool("go", source, "install golang, or build from its Dockerfile")
        program = "app" if not (bench.app / "app").exists() else "wakeful-app"
        flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]
        await bench.run(
            [go, "build", *flags, "-o", str(bench.app / program), "."], env={"CGO_ENABLED": "0"}
        )
        for path in [*bench.app.rglob("*.go"), bench.app / "go.mod", bench.app / "go.sum"]:
            path.unlink(missing_ok=True)
        shutil.rmtree(bench.app / "vendor", ignore_errors=True)
        return Recipe(command=(f"{WORKSPACE}/{program}",))


class ExecutableDetector:
    """A program that needs no building: ``run`` or ``start``, or the only executable file."""

    name = "executable"

    def detect(self, source: Source) -> bool:
        """Whether exactly one file at the top can be meant."""
        return bool(_executable(source))

    async def prepare(self, source: Source, bench: Workbench) -> Recipe:
        """Start it as it is."""
        return Recipe(command=(f"{WORKSPACE}/{_executable(source)}",))


def _executable(source: Source) -> str:
    found = [
        path.name for path in source.path.iterdir() if path.is_file() and os.access(path, os.X_OK)
    ]
    for name in ("run", "start", "run.sh", "start.sh"):
        if name in found:
            return name
    return found[0] if len(found) == 1 else ""


def _tool(name: str, source: Source, advice: str) -> str:
    if (found := shutil.which(name)) is None:
        raise BuildError(str(source.path), f"needs {name!r}, which was not found; {advice}")
    return found


def _package(source: Source) -> Mapping[str, Any]:
    try:
        package = orjson.loads(source.text("package.json"))
    except orjson.JSONDecodeError as error:
        raise BuildError(str(source.path), f"package.json cannot be read: {error}") from error
    return package if isinstance(package, dict) else {}


def _node_command(package: Mapping[str, Any], source: Source, node: str) -> tuple[str, ...]:
    scripts = package.get("scripts")
    start = scripts.get("start") if isinstance(scripts, dict) else None
    if isinstance(start, str) and start.strip():
        words = shlex.split(start)
        if words[0] == "node" and not set(start) & set("$&|;<>`\"'*"):
            return (node, *words[1:])  # no shell, no npm: quicker, and signals arrive
        return ("/bin/sh", "-c", f"exec {start}" if " && " not in start else start)
    main = package.get("main")
    name = main if isinstance(main, str) and source.has(main) else source.first(*_NODE_MAINS)
    return (node, name) if name else ()
