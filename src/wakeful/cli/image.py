"""``image``: the local image store, and images to and from registries and archives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from wakeful.cli.options import DataDirOption, check_output
from wakeful.cli.output import console, errors, print_data, print_table, show_errors
from wakeful.config import DataDir, default_data_dir
from wakeful.oci import ImageSummary, Keychain, ProgressCallback, parse_reference
from wakeful.oci import Progress as TransferProgress
from wakeful.oci.archive import load_archive, save_archive
from wakeful.oci.layout import LayoutStore
from wakeful.oci.registry import RegistryClient, RegistryConfig, open_registry
from wakeful.oci.transfer import Puller, Pusher

app = typer.Typer(help="The images on this machine.", no_args_is_help=True)

ImageArgument = Annotated[str, typer.Argument(metavar="IMAGE", help="Name or digest.")]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Speak plain HTTP with the registry.")
]


@app.command("ls")
@show_errors
def list_images(
    output: Annotated[
        str, typer.Option("--output", "-o", help="table, name, json or yaml.")
    ] = "table",
    data_dir: DataDirOption = None,
) -> None:
    """List the images."""
    check_output(output, "table", "name", "json", "yaml")
    images = open_store(data_dir).images()
    if output in ("json", "yaml"):
        print_data([_to_json(image) for image in images], output)
    elif output == "name":
        for image in images:
            console.print(_name(image), soft_wrap=True)
    else:
        now = datetime.now(UTC)
        headers = ("repository", "tag", "digest", "created", "size")
        print_table(
            headers,
            [
                (
                    image.repository,
                    image.tag,
                    image.digest.removeprefix("sha256:")[:12],
                    "built-in" if image.stand_in else _age(image.created, now),
                    decimal(image.size_bytes),
                )
                for image in images
            ],
        )


@app.command("load")
@show_errors
def load(
    file: Annotated[Path, typer.Argument(help="OCI archive, or what `docker save` wrote.")],
    tag: Annotated[
        str | None, typer.Option("--tag", "-t", metavar="IMAGE", help="Name to give the image.")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Take images out of an archive."""
    for name, digest in load_archive(file, open_store(data_dir), name=tag):
        _say("Loaded", parse_reference(name).familiar if name else digest)


@app.command("save")
@show_errors
def save(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Names or digests.")],
    file: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Archive to write.")],
    data_dir: DataDirOption = None,
) -> None:
    """Write images to an archive that docker, podman and skopeo read too."""
    save_archive(images, file, open_store(data_dir))
    _say("Saved", str(file))


@app.command("pull")
@show_errors
def pull(
    image: ImageArgument,
    insecure: InsecureOption = False,
    allow_host_rootfs: Annotated[
        bool,
        typer.Option(
            "--allow-host-rootfs",
            help="Accept an image that reads this machine's root file system when it runs.",
        ),
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Fetch an image from its registry."""

    async def run() -> str:
        reference = parse_reference(image)
        async with _registry(reference.registry if insecure else "") as client:
            puller = Puller(client, open_store(data_dir), trust_host_rootfs=allow_host_rootfs)
            with _bars() as progress:
                return await puller.pull(reference, keychain=_docker_keychain(), progress=progress)

    _say("Pulled", f"{parse_reference(image).familiar} {asyncio.run(run())}")


@app.command("push")
@show_errors
def push(
    image: ImageArgument,
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="Name in the registry, if another.")
    ] = None,
    insecure: InsecureOption = False,
    data_dir: DataDirOption = None,
) -> None:
    """Send an image to a registry."""
    reference = parse_reference(target or image)

    async def run() -> str:
        async with _registry(reference.registry if insecure else "") as client:
            with _bars() as progress:
                return await Pusher(client, open_store(data_dir)).push(
                    parse_reference(image),
                    target=reference,
                    keychain=_docker_keychain(),
                    progress=progress,
                )

    _say("Pushed", f"{reference.familiar} {asyncio.run(run())}")


@app.command("tag")
@show_errors
def tag(
    image: ImageArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Another name for it.")],
    data_dir: DataDirOption = None,
) -> None:
    """Give an image another name."""
    open_store(data_dir).tag(image, name)
    _say("Tagged", parse_reference(name).familiar)


@app.command("rm")
@show_errors
def remove(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Names or digests.")],
    data_dir: DataDirOption = None,
) -> None:
    """Remove names, and what no name needs any more."""
    store = open_store(data_dir)
    for image in images:
        removal = asyncio.run(store.remove(image))
        for name in removal.untagged:
            _say("Untagged", parse_reference(name).familiar)
        if removal.deleted:
            _say("Deleted", f"{len(removal.deleted)} blobs, {decimal(removal.freed_bytes)}")


def open_store(data_dir: Path | None) -> LayoutStore:
    """The image store of a data directory, made when missing; no platform need run there."""
    root = data_dir or default_data_dir()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return LayoutStore(DataDir(root).images)


@asynccontextmanager
async def _registry(insecure: str) -> AsyncIterator[RegistryClient]:
    config = RegistryConfig(insecure=frozenset({insecure} if insecure else ()))
    async with open_registry(config) as client:
        yield client


def _docker_keychain() -> Keychain:
    """What `docker login` and `podman login` left for this user."""
    home = Path(os.environ.get("DOCKER_CONFIG", "~/.docker")).expanduser()
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/run/user/0")) / "containers" / "auth.json"
    return Keychain.merge([Keychain.from_file(home / "config.json"), Keychain.from_file(runtime)])


@contextmanager
def _bars() -> Iterator[ProgressCallback]:
    """A bar for each layer, on a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def show(progress: TransferProgress) -> None:
            if progress.what not in tasks:
                tasks[progress.what] = bars.add_task(progress.what[7:19])
            bars.update(
                tasks[progress.what], completed=progress.done_bytes, total=progress.total_bytes
            )

        yield show


def _say(what: str, subject: str) -> None:
    console.print(Text.assemble((f"{what} ", "green"), subject), soft_wrap=True)


def _name(image: ImageSummary) -> str:
    if image.tag:
        return f"{image.repository}:{image.tag}"
    return f"{image.repository}@{image.digest}"


def _to_json(image: ImageSummary) -> dict[str, object]:
    return {
        "repository": image.repository,
        "tag": image.tag or None,
        "digest": image.digest,
        "created": image.created.isoformat() if image.created else None,
        "sizeBytes": image.size_bytes,
        "pinned": image.pinned,
        "builtIn": image.stand_in or None,
    }


def _age(created: datetime | None, now: datetime) -> str:
    if created is None:
        return ""
    seconds = max(0, int((now - created).total_seconds()))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length}{unit} ago"
    return f"{seconds}s ago"
