"""A Dockerfile to an image on the host's root file system."""

from __future__ import annotations

import asyncio
from typing import Any

from wakeful.oci.build.copying import copy_into
from wakeful.oci.build.dockerfile import Dockerfile
from wakeful.oci.build.ignore import IgnoreRules
from wakeful.oci.build.instructions import parse_dockerfile
from wakeful.oci.build.interpreter import Interpreter, find_interpreter
from wakeful.oci.build.stages import HostBuilder, Stage
from wakeful.oci.build.workbench import Workbench
from wakeful.oci.build.writing import write_host_image
from wakeful.oci.errors import BuildError
from wakeful.oci.reference import Reference
from wakeful.oci.store import ImageStore


async def build_on_host(
    dockerfile: Dockerfile, name: Reference, bench: Workbench, store: ImageStore
) -> str:
    """Build with this machine's programs in place of base images; return the digest.

    Raises:
        BuildError: With ``output`` when a command failed, without it when the file cannot be built
            in this way.
    """
    subject = dockerfile.path.name
    try:
        text = parse_dockerfile(dockerfile.path.read_text(errors="replace"), subject=subject)
    except OSError as error:
        raise BuildError(subject, f"cannot be read: {error}") from error
    interpreter = await _find_interpreter(subject)
    builder = HostBuilder(bench, interpreter, build_args=dockerfile.build_args, subject=subject)
    stage = await builder.build(text, dockerfile.target)
    if not stage.entrypoint and not stage.cmd:
        bench.note("neither ENTRYPOINT nor CMD: a Pod has to say what to run")
    await asyncio.to_thread(_gather, stage, bench)
    await bench.app_layer("")
    host_paths = interpreter.host_paths if interpreter else ()
    return await asyncio.to_thread(
        write_host_image,
        _config(stage),
        bench.layers,
        name,
        store,
        builder="dockerfile",
        host_paths=host_paths,
    )


async def _find_interpreter(subject: str) -> Interpreter | None:
    try:
        return await find_interpreter("", subject=subject)
    except BuildError:
        return None  # the Dockerfile need not be about Python


def _gather(stage: Stage, bench: Workbench) -> None:
    """Put what the stage made into the place of the last layer."""
    everything = IgnoreRules()
    bench.app.mkdir(parents=True, exist_ok=True)
    for source in (stage.files.root, stage.files.upper):
        copy_into(
            source,
            [""],
            lambda path: bench.app / path.lstrip("/"),
            "/",
            everything,
            several=True,
        )


def _config(stage: Stage) -> dict[str, Any]:
    ports = [port if "/" in port else f"{port}/tcp" for port in stage.ports]
    return {
        "Entrypoint": stage.entrypoint,
        "Cmd": stage.cmd,
        "Env": [f"{key}={value}" for key, value in stage.env.items()],
        "WorkingDir": stage.workdir,
        "User": stage.user if stage.user.partition(":")[0].isdigit() else "",
        "ExposedPorts": {port: {} for port in ports},
        "Volumes": {volume: {} for volume in stage.volumes},
        "Labels": stage.labels,
        "StopSignal": stage.stop_signal,
    }
