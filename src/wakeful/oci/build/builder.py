"""From a source directory to an image in the local store."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wakeful.oci.build.dockerfile import NAMES as DOCKERFILES
from wakeful.oci.build.dockerfile import Dockerfile, build_dockerfile, find_tool, no_tool_error
from wakeful.oci.build.hostdockerfile import build_on_host
from wakeful.oci.build.ignore import IgnoreRules
from wakeful.oci.build.model import (
    WORKSPACE,
    BuildStep,
    Detector,
    Recipe,
    Source,
    StepCallback,
    StepState,
)
from wakeful.oci.build.native import ExecutableDetector, GoDetector, NodeDetector
from wakeful.oci.build.procfile import make_command, parse_procfile
from wakeful.oci.build.python import FunctionDetector, PythonDetector
from wakeful.oci.build.workbench import Workbench
from wakeful.oci.build.writing import write_host_image
from wakeful.oci.errors import BuildError
from wakeful.oci.reference import Reference, parse_reference
from wakeful.oci.store import ImageStore

DETECTORS: tuple[Detector, ...] = (
    FunctionDetector(),
    PythonDetector(),
    NodeDetector(),
    GoDetector(),
    ExecutableDetector(),
)

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """The result of a build."""

    name: str
    digest: str
    builder: str
    command: tuple[str, ...]
    size_bytes: int
    seconds: float


async def build(
    source: Path,
    tag: str,
    store: ImageStore,
    *,
    progress: StepCallback | None = None,
    cache: Path | None = None,
    builder: str | None = None,
    dockerfile: Dockerfile | None = None,
) -> BuiltImage:
    """Make an image of ``source`` and name it ``tag``; the same source gives the same digest.

    Without ``builder`` (the name of a detector, or ``dockerfile``) what lies in the source decides:
    a Procfile says how to start it; a Dockerfile is used when a tool for it works here, or when
    this machine has what its bases bring; else the first detector that knows the source builds it.
    Dependencies are remembered in ``cache``. ``dockerfile`` says which one it is and what it is
    told; then it comes before a Procfile.

    Raises:
        BuildError: What is wrong with the source, or missing on this machine.
        InvalidReferenceError: ``tag`` is no image name.

    Cancellation: safe anywhere; tools are ended, nothing is named.
    """
    started = time.monotonic()
    report = progress or (lambda _: None)
    name = parse_reference(tag)
    if name.digest:
        raise BuildError(str(source), f"cannot build to a digest: {tag!r}")
    if not source.is_dir():
        raise BuildError(str(source), "is not a directory")
    what = Source(source.resolve())
    with tempfile.TemporaryDirectory(prefix="wakeful-build-") as work, store.ingesting():
        bench = Workbench(
            what.path,
            Path(work),
            cache or Path.home() / ".cache" / "wakeful" / "build",
            store,
            output=lambda line: report(BuildStep(line, StepState.OUTPUT)),
            note=lambda text: report(BuildStep(text, StepState.NOTE)),
        )
        job = _Job(what, name, bench, store, report)
        digest, used = await _build(job, builder, dockerfile)
    async with _step(report, "unpack"):
        await store.unpack(digest)
    info = store.info(digest)
    return BuiltImage(
        name=name.familiar,
        digest=digest,
        builder=used,
        command=(*info.config.entrypoint, *info.config.cmd),
        size_bytes=info.size_bytes,
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """One build under way."""

    source: Source
    name: Reference
    bench: Workbench
    store: ImageStore
    report: StepCallback


async def _build(job: _Job, builder: str | None, asked: Dockerfile | None) -> tuple[str, str]:
    """Return the digest, and what built it."""
    source = job.source
    web = parse_procfile(source)
    detector = _choose(source, builder)
    dockerfile = asked or _find_dockerfile(source)
    if builder == "dockerfile" and not dockerfile:
        raise BuildError(str(source.path), "has no Dockerfile")
    if dockerfile and (builder == "dockerfile" or (builder is None and (asked or not web))):
        other = ""
        if builder is None and (detector is not None or web):
            other = detector.name if detector is not None else "the Procfile says"
        digest = await _from_dockerfile(job, dockerfile, other)
        if digest is not None:
            return digest, "dockerfile"
    if detector is None and not web:
        raise BuildError(str(source.path), _UNKNOWN)
    return await _from_source(job, detector, web)


async def _from_dockerfile(job: _Job, dockerfile: Dockerfile, other: str) -> str | None:
    """The digest; None when no tool here can build it and ``other`` does instead."""
    search = await find_tool()
    what, problem = dockerfile.path.name, ""
    try:
        if search.tool is not None:
            async with _step(job.report, "build", f"{what} with {search.tool.name}"):
                return await build_dockerfile(
                    search.tool, job.source.path, dockerfile, job.name, job.bench, job.store
                )
        async with _step(job.report, "build", f"{what} on this machine's programs"):
            return await build_on_host(dockerfile, job.name, job.bench, job.store)
    except BuildError as error:
        if search.tool is not None or error.output:
            raise
        problem = error.problem
    if not other:
        raise no_tool_error(job.source.path, search, problem)
    job.bench.note(f"{what} left aside: {problem}; built as {other} instead")
    return None


async def _from_source(job: _Job, detector: Detector | None, web: str) -> tuple[str, str]:
    source, bench = job.source, job.bench
    async with _step(job.report, "copy", str(source.path)):
        await bench.copy_source(IgnoreRules.of(source.path))
    recipe, used = Recipe(), "procfile"
    if detector is not None:
        used = detector.name
        async with _step(job.report, "build", used):
            recipe = await detector.prepare(source, bench)
    if web:
        recipe = replace(recipe, command=make_command(web, recipe))
    if not recipe.command:
        raise BuildError(
            str(source.path), f"nothing says how to start it; add a Procfile, or {recipe.hint}"
        )
    async with _step(job.report, "store", job.name.familiar):
        await bench.app_layer(WORKSPACE)
        digest = await asyncio.to_thread(_store, recipe, used, job.name, bench, job.store)
    return digest, used


def _find_dockerfile(source: Source) -> Dockerfile | None:
    name = source.first(*DOCKERFILES)
    return Dockerfile(source.path / name) if name else None


def _choose(source: Source, builder: str | None) -> Detector | None:
    if builder is None:
        return next((d for d in DETECTORS if d.detect(source)), None)
    if builder == "dockerfile":
        return None
    for detector in DETECTORS:
        if detector.name == builder:
            return detector
    known = ", ".join([*(d.name for d in DETECTORS), "dockerfile"])
    raise BuildError(str(source.path), f"no builder is called {builder!r}; there are {known}")


def _store(
    recipe: Recipe, builder: str, name: Reference, bench: Workbench, store: ImageStore
) -> str:
    programs = sorted({str(Path(p).parent) for p in recipe.programs.values()} - set(_PATH))
    env = {"PATH": ":".join((*recipe.path, *programs, *_PATH)), **recipe.env}
    config = {
        "Entrypoint": recipe.command,
        "Env": [f"{key}={value}" for key, value in env.items()],
        "WorkingDir": WORKSPACE,
    }
    return write_host_image(
        config, bench.layers, name, store, builder=builder, host_paths=recipe.host_paths
    )


@asynccontextmanager
async def _step(report: StepCallback, title: str, detail: str = "") -> AsyncIterator[None]:
    report(BuildStep(title, StepState.STARTED, detail))
    yield
    report(BuildStep(title, StepState.DONE, detail))


def describe_builders() -> Sequence[str]:
    """The names that ``builder`` takes."""
    return [*(detector.name for detector in DETECTORS), "dockerfile"]


_UNKNOWN = (
    "cannot tell how to build this. Add one of: a Procfile (web: COMMAND); main.py or app.py, with "
    "requirements.txt for what they need; func.py with a function handle(context); package.json; "
    "go.mod; an executable called run; or a Dockerfile"
)
