"""The files of a step, found on the host: its results, its status, its output in files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

import structlog

from wakeful.apis.core.pod_types import Container
from wakeful.node.environment import ContainerConfigError
from wakeful.node.materials import Materials
from wakeful.node.steps.files import make_below, read_below, write_below
from wakeful.node.steps.outcomes import LARGE_RESULTS_BYTES
from wakeful.node.steps.plan import PlannedStep, StepsPlan
from wakeful.node.volumes import place_below
from wakeful.pipelines.entrypoint import ResultKind, RunResult, StepResults
from wakeful.pipelines.entrypoint import layout as at
from wakeful.pipelines.entrypoint.layout import StepPlace
from wakeful.procd.logreader import read_lines

log = structlog.get_logger("wakeful.node.steps")

_STATUS = "status"
_ARTIFACTS_LIMIT_BYTES = 64 * 1024


class StepFiles:
    """What one step reads and writes, by the paths that it knows."""

    def __init__(self, materials: Materials, plan: StepsPlan, step: PlannedStep) -> None:
        self._materials, self._plan, self._step = materials, plan, step

    async def _own(self, place: StepPlace | None = None) -> tuple[Path, str]:
        """The volume of all steps, and which part of it is this one's, or another's."""
        return await self._materials.open_volume(at.RUN_VOLUME), (place or self._step.place).name

    async def prepare(self) -> None:
        """Make the directories that belong to the step alone."""
        volume, own = await self._own()
        make_below(volume, f"{own}/{_STATUS}/results")
        make_below(volume, f"{own}/{_STATUS}/artifacts")

    async def leave(self, exit_code: str | None, *, passed: bool) -> None:
        """Write the exit code, and the file that says that the step has ended."""
        volume, own = await self._own()
        if exit_code is not None:
            write_below(volume, f"{own}/{_STATUS}/exitCode", exit_code.encode())
        write_below(volume, f"{own}/out" if passed else f"{own}/out.err", b"")

    async def results(self) -> list[RunResult]:
        """What the step wrote as results of the task, of its own, and as artifacts."""
        arguments = self._step.arguments
        found = await self._read_all(
            await self._place(at.RESULTS_DIR), "", arguments.results, ResultKind.TASK_RESULT
        )
        own = await self._own()
        found += await self._read_all(
            own, f"{_STATUS}/results/", arguments.step_results, ResultKind.STEP_RESULT
        )
        for where, path, kind in (
            (own, f"{_STATUS}/artifacts/{at.PROVENANCE}", ResultKind.STEP_ARTIFACTS),
            (await self._place(at.ARTIFACTS_DIR), at.PROVENANCE, ResultKind.TASK_ARTIFACTS),
        ):
            text = _read(where, path, _ARTIFACTS_LIMIT_BYTES)
            if text is not None:
                found.append(RunResult(path, text, kind))
        return found

    async def _read_all(
        self,
        where: tuple[Path, str] | None,
        prefix: str,
        names: Sequence[str],
        kind: ResultKind,
    ) -> list[RunResult]:
        texts = ((n, _read(where, prefix + n, LARGE_RESULTS_BYTES + 1)) for n in names)
        return [RunResult(name, text, kind) for name, text in texts if text is not None]

    async def earlier(self) -> StepResults:
        """What the other steps left."""
        places = {
            step.name: await self._own(step.place)
            for step in self._plan.steps
            if step.index < self._step.index
        }

        def read(step: str, path: str) -> str | None:
            where = places.get(at.STEP_PREFIX + step)
            return _read(where, f"{_STATUS}/{path}", LARGE_RESULTS_BYTES)

        return StepResults(read)

    async def write(self, path: str, data: bytes, *, mode: int) -> None:
        """Write a file by the path that the step sees; it must lie in a volume."""
        place = await self._place(path)
        if place is None:
            raise ContainerConfigError(f"{path!r} lies in no volume")
        write_below(*place, data, mode=mode)

    async def copy_output(self, log_path: Path) -> list[str]:
        """Write the step's output where it is wanted beside the log; return what went wrong."""
        arguments = self._step.arguments
        wanted = {"stdout": arguments.stdout_path, "stderr": arguments.stderr_path}
        if not any(wanted.values()):
            return []
        texts = await asyncio.to_thread(_output, log_path, wanted)
        problems = []
        for path, text in texts.items():
            place = await self._place(path)
            if place is None:
                problems.append(f"output not written to {path}: it lies in no volume")
                continue
            try:
                await asyncio.to_thread(write_below, *place, text, mode=0o644, append=True)
            except OSError as err:
                problems.append(f"output not written to {path}: {err.strerror}")
        return problems

    async def _place(self, path: str) -> tuple[Path, str] | None:
        """The volume's directory that a path leads into, and the rest of the path."""
        return await find_place(self._materials, self._step.container, path)


async def find_place(
    materials: Materials, container: Container, path: str
) -> tuple[Path, str] | None:
    """Where a path of a container lies on the host: a directory, and what is below it.

    None when it is in no volume, or in one in memory.
    """
    wanted = PurePosixPath(path)
    for mount in sorted(container.volume_mounts, key=lambda m: len(m.mount_path), reverse=True):
        target = PurePosixPath(mount.mount_path)
        if not wanted.is_relative_to(target):
            continue
        if materials.is_in_memory(mount.name) or mount.sub_path_expr:
            return None
        try:
            folder = await materials.open_volume(mount.name)
            if mount.sub_path:
                folder = place_below(folder, mount.sub_path, make=not mount.read_only)
        except ContainerConfigError as err:
            log.debug("no place for path", path=path, error=str(err))
            return None
        return folder, str(wanted.relative_to(target))
    return None


def _read(where: tuple[Path, str] | None, relative: str, limit_bytes: int) -> str | None:
    if where is None:
        return None
    folder, prefix = where
    inside = "" if prefix in {"", "."} else f"{prefix}/"
    data = read_below(folder, inside + relative, limit_bytes=limit_bytes)
    return None if data is None else data.decode(errors="replace")


def _output(log_path: Path, wanted: dict[str, str]) -> dict[str, bytes]:
    texts: dict[str, bytearray] = {path: bytearray() for path in wanted.values() if path}
    for line in read_lines(log_path):
        path = wanted.get(line.stream)
        if path:
            texts[path] += line.text + (b"" if line.partial else b"\n")
    return {path: bytes(text) for path, text in texts.items()}


def append_log(
    path: Path, lines: Sequence[str], now: Callable[[], datetime], *, stream: str = "stderr"
) -> None:
    """Add lines of our own to a log that nobody writes to any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = now().isoformat(timespec="microseconds").replace("+00:00", "000Z")
    with path.open("a", encoding="utf-8") as file:
        for text in lines:
            file.writelines(f"{stamp} {stream} F {line}\n" for line in text.splitlines())
