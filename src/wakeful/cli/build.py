"""``build``: from a source directory to an image, with its steps shown as they happen."""

from __future__ import annotations

import asyncio
import shlex
import tempfile
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.filesize import decimal
from rich.status import Status
from rich.text import Text

from wakeful.cli.image import open_store
from wakeful.cli.options import DataDirOption
from wakeful.cli.output import console, errors, show_errors
from wakeful.config import default_data_dir
from wakeful.oci.build import BuildStep, BuiltImage, StepState, build, describe_builders

_DOING = {
    "copy": "Copying the source",
    "build": "Building",
    "store": "Storing the image",
    "unpack": "Laying it out to run",
}


@show_errors
def build_command(
    source: Annotated[
        Path, typer.Argument(help="Directory with the source.", exists=True, file_okay=False)
    ],
    tag: Annotated[str, typer.Option("--tag", "-t", metavar="IMAGE", help="Name of the image.")],
    builder: Annotated[
        str | None,
        typer.Option(
            help=f"What to build as: {', '.join(describe_builders())}.", show_default="detected"
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Install everything anew.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what tools write.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Make an image of a directory; needs no Docker."""
    root = data_dir or default_data_dir()
    asyncio.run(
        build_with_progress(source, tag, root, builder=builder, no_cache=no_cache, verbose=verbose)
    )


async def build_with_progress(
    source: Path,
    image: str,
    data_dir: Path,
    *,
    builder: str | None = None,
    no_cache: bool = False,
    verbose: bool = False,
) -> BuiltImage:
    """Build ``source`` into the image store of ``data_dir``, telling the terminal about it.

    Raises:
        BuildError: See :func:`wakeful.oci.build.build`.
    """
    store = open_store(data_dir)
    with tempfile.TemporaryDirectory(prefix="wakeful-cache-") as fresh, _Steps(verbose) as steps:
        cache = Path(fresh) if no_cache else data_dir / "cache" / "build"
        built = await build(source, image, store, progress=steps.show, cache=cache, builder=builder)
    console.print(
        Text.assemble(
            ("Built ", "bold green"),
            (built.name, "bold"),
            f" as {built.builder}, {decimal(built.size_bytes)}, in {built.seconds:.1f} s",
        )
    )
    console.print(
        Text(f"  digest  {built.digest}\n  starts  {shlex.join(built.command)}", style="dim"),
        soft_wrap=True,
    )
    return built


class _Steps:
    """One line that tells what is going on; notes stay, a tool's output only when asked for."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._status: Status | None = None
        self._title = ""

    def __enter__(self) -> Self:
        if errors.is_terminal:
            self._status = Status("Starting", console=errors)
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, step: BuildStep) -> None:
        """Take in what just happened."""
        if step.state is StepState.NOTE:
            errors.print(Text.assemble(("note: ", "yellow"), step.title))
        elif step.state is StepState.OUTPUT:
            if self._verbose:
                errors.print(Text(f"  {step.title}", style="dim"))
            elif self._status is not None:
                self._status.update(Text(f"{self._title}: {step.title}"[: errors.width - 4]))
        elif step.state is StepState.STARTED:
            detail = f" ({step.detail})" if step.detail else ""
            self._title = f"{_DOING.get(step.title, step.title)}{detail}"
            if self._status is not None:
                self._status.update(Text(self._title))
            elif self._verbose:
                errors.print(Text(self._title))
