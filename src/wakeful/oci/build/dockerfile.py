"""Dockerfiles, through whichever of buildah, podman and docker works here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wakeful.aio import run_program
from wakeful.oci.archive import load_archive
from wakeful.oci.build.workbench import Workbench
from wakeful.oci.errors import BuildError
from wakeful.oci.reference import Reference
from wakeful.oci.store import ImageStore

NAMES = ("Dockerfile", "Containerfile")

_PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile and what it is told."""

    path: Path
    """It may lie outside of the source."""
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    """The stage to build; "" is the last."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A builder of Dockerfiles: how to ask whether it works, to build, and to get the result."""

    name: str
    probe: Sequence[str]
    build: Sequence[str]
    save: Sequence[str]


TOOLS = (
    Tool(
        "buildah",
        ("info",),
        ("build", "-t", "{tag}", "-f", "{file}", "{source}"),
        ("push", "{tag}", "oci-archive:{archive}:{tag}"),
    ),
    Tool(
        "podman",
        ("info",),
        ("build", "-t", "{tag}", "-f", "{file}", "{source}"),
        ("save", "--format=oci-archive", "-o", "{archive}", "{tag}"),
    ),
    Tool(
        "docker",
        ("info",),
        ("build", "-t", "{tag}", "-f", "{file}", "{source}"),
        ("save", "-o", "{archive}", "{tag}"),
    ),
)


@dataclass(frozen=True, slots=True)
class ToolSearch:
    """The tool that works, or why none does."""

    tool: Tool | None
    problem: str = ""


async def find_tool() -> ToolSearch:
    """Look for a tool that is installed and answers."""
    problems = []
    for tool in TOOLS:
        if shutil.which(tool.name) is None:
            continue
        if problem := await _probe(tool):
            problems.append(f"{tool.name} is installed but does not work ({problem})")
        else:
            return ToolSearch(tool)
    return ToolSearch(None, "; ".join(problems) or "buildah, podman and docker are not installed")


async def build_dockerfile(
    tool: Tool, source: Path, file: Dockerfile, tag: Reference, bench: Workbench, store: ImageStore
) -> str:
    """Build with ``tool``, copy the result into ``store`` and return its digest."""
    archive = bench.scratch / "image.tar"
    values = {
        "tag": tag.name,
        "file": str(file.path),
        "source": str(source),
        "archive": str(archive),
    }
    more = [f"--build-arg={key}={value}" for key, value in file.build_args.items()]
    more += [f"--target={file.target}"] if file.target else []
    for step in ((*tool.build[:-1], *more, tool.build[-1]), tool.save):
        await bench.run([tool.name, *(word.format(**values) for word in step)], cwd=source)
    loaded = await asyncio.to_thread(load_archive, archive, store, name=tag.name)
    return loaded[0][1]


async def _probe(tool: Tool) -> str:
    """Why the tool does not work; "" when it does."""
    try:
        done = await run_program((tool.name, *tool.probe), seconds=_PROBE_SECONDS)
    except TimeoutError:
        return "it does not answer"
    return done.problem if done.code else ""


def no_tool_error(source: Path, search: ToolSearch, problem: str) -> BuildError:
    """What to tell a user whose Dockerfile cannot be built here."""
    return BuildError(
        str(source),
        f"Dockerfile: {problem}. It was carried out with this machine's programs, because "
        f"{search.problem}. What needs others can be built with one of these (on Debian: apt-get "
        "install buildah), or without a Dockerfile, with a Procfile: web: COMMAND",
    )
