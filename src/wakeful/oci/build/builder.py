"""From a source directory to an image in the local store."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from wakeful.oci.build.dockerfile import NAMES as DOCKERFILES
from wakeful.oci.build.dockerfile import build_dockerfile, find_tool, no_tool_error
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
from wakeful.oci.errors import BuildError
from wakeful.oci.image import LABEL_BUILDER, LABEL_HOST_PATHS, LABEL_ROOTFS
from wakeful.oci.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor, Platform
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
) -> BuiltImage:
    """Make an image of ``source`` and name it ``tag``; the same source gives the same digest.

    Without ``builder`` (the name of a detector, or ``dockerfile``) what lies in the source decides:
    a Procfile says how to start it, a Dockerfile is used when a tool for it works here, else the
    first detector that knows the source builds it. Dependencies are remembered in ``cache``.

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
        digest, used = await _build(what, name, bench, store, report, builder)
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


async def _build(
    source: Source,
    name: Reference,
    bench: Workbench,
    store: ImageStore,
    report: StepCallback,
    builder: str | None,
) -> tuple[str, str]:
    web = parse_procfile(source)
    detector = _choose(source, builder)
    dockerfile = source.first(*DOCKERFILES)
    if builder == "dockerfile" or (builder is None and dockerfile and not web):
        if not dockerfile:
            raise BuildError(str(source.path), "has no Dockerfile")
        search = await find_tool()
        if search.tool is not None:
            async with _step(report, "build", f"{dockerfile} with {search.tool.name}"):
                file = source.path / dockerfile
                digest = await build_dockerfile(search.tool, source.path, file, name, bench, store)
            return digest, "dockerfile"
        if detector is None or builder is not None:
            raise no_tool_error(source.path, search)
        bench.note(f"{dockerfile} left aside: {search.problem}; built as {detector.name} instead")
    if detector is None and not web:
        raise BuildError(str(source.path), _UNKNOWN)
    async with _step(report, "copy", str(source.path)):
        await bench.copy_source(IgnoreRules.of(source.path))
    recipe, used = Recipe(), "procfile"
    if detector is not None:
        used = detector.name
        async with _step(report, "build", used):
            recipe = await detector.prepare(source, bench)
    if web:
        recipe = replace(recipe, command=make_command(web, recipe))
    if not recipe.command:
        raise BuildError(
            str(source.path), f"nothing says how to start it; add a Procfile, or {recipe.hint}"
        )
    async with _step(report, "store", name.familiar):
        await bench.app_layer(WORKSPACE)
        digest = await asyncio.to_thread(_store, recipe, used, name, bench, store)
    return digest, used


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
    platform = Platform.of_this_machine()
    labels = {LABEL_ROOTFS: "host", LABEL_BUILDER: builder}
    if recipe.host_paths:
        labels[LABEL_HOST_PATHS] = ":".join(recipe.host_paths)
        for path in recipe.host_paths:
            store.allow_host_path(path)
    programs = sorted({str(Path(p).parent) for p in recipe.programs.values()} - set(_PATH))
    env = {"PATH": ":".join((*recipe.path, *programs, *_PATH)), **recipe.env}
    config = orjson.dumps(
        {
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {
                "Entrypoint": recipe.command,
                "Env": [f"{key}={value}" for key, value in env.items()],
                "WorkingDir": WORKSPACE,
                "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in bench.layers]},
        }
    )
    manifest = orjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor(OCI_CONFIG, store.write_blob(config), len(config)).to_json(),
            "layers": [layer.blob.to_json() for layer in bench.layers],
        }
    )
    target = Descriptor(OCI_MANIFEST, store.write_blob(manifest), len(manifest))
    return store.add_image(target, name)


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
